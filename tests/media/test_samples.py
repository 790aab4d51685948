"""The sample pictures: two matching ones, the same each time, and never over somebody's own file."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ipyveo.media.samples import sample_pictures


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return sample_pictures(tmp_path_factory.mktemp("samples"))


def test_two_pictures_are_written_under_their_names(pair):
    assert [path.name for path in pair] == ["sample-day.png", "sample-night.png"]
    for path in pair:
        with Image.open(path) as picture:
            assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (1920, 1080))


def test_it_is_day_in_one_and_night_in_the_other(pair):
    day, night = (np.asarray(Image.open(path)).mean() for path in pair)
    assert day > 3 * night


def test_both_show_the_same_mountains(pair):
    """Around each peak and valley of the near range, the sharpest edge from row to row is at one height."""
    day, night = (np.asarray(Image.open(path)).astype(float) for path in pair)
    for x, rows in ((300, slice(600, 720)), (640, slice(720, 830)), (1080, slice(550, 680))):
        ridges = [np.abs(np.diff(picture[rows, x], axis=0)).sum(axis=1).argmax() for picture in (day, night)]
        assert abs(int(ridges[0]) - int(ridges[1])) <= 2


def test_they_are_the_same_each_time(pair, tmp_path):
    assert [path.read_bytes() for path in sample_pictures(tmp_path)] == [path.read_bytes() for path in pair]


def test_a_file_of_that_name_is_kept(tmp_path):
    mine = tmp_path / "sample-day.png"
    mine.write_text("my notes")
    day, night = sample_pictures(str(tmp_path))
    assert day == mine
    assert mine.read_text() == "my notes"
    assert night.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sample-day.png", "sample-night.png"]


def test_the_folder_is_made_and_the_working_directory_is_the_default(tmp_path, monkeypatch):
    (tmp_path / "sample-day.png").touch()
    (tmp_path / "sample-night.png").touch()
    monkeypatch.chdir(tmp_path)
    assert [path.name for path in sample_pictures()] == ["sample-day.png", "sample-night.png"]
    assert sample_pictures(tmp_path / "new" / "folder")[0].exists()
