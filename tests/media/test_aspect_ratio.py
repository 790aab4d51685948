"""The two shapes of a video: what names them, and the crop that makes them."""

from __future__ import annotations

import numpy as np
import pytest

from ipyveo.errors import InvalidRequestError
from ipyveo.media.aspect_ratio import AspectRatio


@pytest.mark.parametrize(
    ("word", "label", "size"),
    [
        ("16:9", "16:9", (1280, 720)),
        ("9:16", "9:16", (720, 1280)),
        ("VIDEO_ASPECT_RATIO_LANDSCAPE", "16:9", (1280, 720)),
        ("VIDEO_ASPECT_RATIO_PORTRAIT", "9:16", (720, 1280)),
    ],
)
def test_labels_and_the_words_of_the_service_name_a_shape(word, label, size):
    ratio = AspectRatio.parse(word)
    assert (ratio.label, ratio.width, ratio.height) == (label, *size)
    assert AspectRatio.parse(ratio.api_word) is ratio


@pytest.mark.parametrize(
    "value",
    [
        "",
        "4:3",
        "16x9",
        "16:9 ",
        "video_aspect_ratio_landscape",
        None,
        16,
        16 / 9,
        b"16:9",
        ["16:9"],
        np.zeros(3),
    ],
)
def test_anything_else_is_refused_in_one_sentence_before_it_is_sent(value):
    with pytest.raises(InvalidRequestError, match="Nothing was sent") as caught:
        AspectRatio.parse(value)
    assert caught.value.maybe_charged is False


@pytest.mark.parametrize("ratio", AspectRatio)
def test_the_largest_crop_touches_two_edges_and_is_exact_to_a_pixel(ratio):
    for width in (*range(1, 60), 719, 1081, 4033):
        for height in (*range(1, 60), 719, 1081, 3025):
            across, down = ratio.largest_crop(width, height)
            assert 1 <= across <= width
            assert 1 <= down <= height
            assert across == width or down == height
            truth = (
                min(width, height * ratio.width / ratio.height),
                min(height, width * ratio.height / ratio.width),
            )
            assert abs(across - truth[0]) < 1
            assert abs(down - truth[1]) < 1
