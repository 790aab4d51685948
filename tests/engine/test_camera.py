"""Camera words are understood in a sentence, alone and denied, and other people's deeds are left alone."""

from __future__ import annotations

import itertools
import re
import sys
from pathlib import Path

import pytest

from ipyveo.engine.camera import CAMERA_WORDS, camera_table
from ipyveo.engine.sentence import read_direction

ROOT = Path(__file__).parents[2]


def effects(prompt):
    said = read_direction(prompt)
    words = [*said.moves, said.pace, said.easing, said.light, *sorted(said.fades)]
    return {*(word for word in words if word), *(("static",) if said.still else ())}


@pytest.mark.parametrize(
    ("word", "effect"), [(word, row.effect) for row in CAMERA_WORDS for word in row.say], ids=str
)
def test_each_word_of_the_table_is_understood_when_it_stands_alone(word, effect):
    assert effect in effects(word)
    assert effect in effects(f"A harbour at noon, {word}.")
    assert effect in effects(word.upper())


def test_the_readme_shows_the_table():
    assert camera_table() in (ROOT / "README.md").read_text("utf-8")


def test_the_words_that_the_page_offers_are_understood():
    source = (ROOT / "js" / "src" / "prompt_words.ts").read_text("utf-8")
    listed = re.search(r"CAMERA_WORDS = \[(.*?)\]", source, re.DOTALL)[1]
    offered = re.findall(r'"(.+?)"', listed)
    assert len(offered) > 8
    assert [words for words in offered if not effects(words)] == []
    assert effects("Noon over the harbour, push in, pan left, slow") == {
        "push in",
        "pan left",
        "slow",
    }


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("the camera slowly pushes in on the house", {"push in", "slow"}),
        ("a slow pan to the left", {"pan left", "slow"}),
        ("pan from left to right", {"pan right"}),
        ("The camera pans left and tilts up", {"pan left", "tilt up"}),
        ("We dolly forward. Fast!", {"push in", "fast"}),
        ("With a gentle pull-back, the valley opens", {"pull out", "slow"}),
        ("pull out to reveal the valley", {"pull out"}),
        ("camera moves slowly forward", {"push in", "slow"}),
        ("Waves break slow push in", {"push in", "slow"}),
        ("the camera orbits around the statue", {"orbit right"}),
        ("panning across the harbour", {"pan"}),
        ("push in, then pull out", {"pull out"}),
        ("a push in, not too fast", {"push in", "slow"}),
        ("truck left", {"pan left"}),
        ("dolly in, ease in and out", {"push in", "ease"}),
        ("the day slowly turns into night", {"day to night"}),
        ("The picture fades out", {"fade out"}),
        ("fade in from black, then a pan right", {"fade in", "pan right"}),
        ("[sandbox: drop@processing] push in", {"push in"}),
        ("Pan the camera left", {"pan left"}),
        ("move the camera closer to the door", {"push in"}),
        ("do not zoom in, instead pan left", {"pan left"}),
        ("a whip pan to the right", {"pan right"}),
        ("push in, ease-in and ease-out", {"push in", "ease"}),
        ("push in, ease out", {"push in", "ease out"}),
        ("the two pictures dissolve into each other", {"cross-fade"}),
        ("the camera slowly rises above the city", {"tilt up", "slow"}),
        ("a drone descending over the lake", {"tilt down"}),
        ("the camera orbits around the house to the left", {"orbit left"}),
        ("the camera circles the statue clockwise", {"orbit left"}),
        ("I want the camera to glide left", {"pan left"}),
        ("an arc shot around the table", {"orbit right"}),
        ("the camera rolls counter-clockwise", {"roll left"}),
        ("the camera pans across the harbour to the left", {"pan left"}),
        ("pan across the room, and a boy turns to the left", {"pan"}),
        ("the camera pans over a man looking to the left", {"pan"}),
        ("the camera pans past a lamp to the right of the sofa", {"pan"}),
        ("orbit around a wheel that turns clockwise", {"orbit right"}),
        ("the camera zooms past dancers clockwise", {"push in"}),
        ("the camera pans left and slowly rises", {"pan left", "tilt up", "slow"}),
        ("the camera pans left and Emily rises", {"pan left"}),
        ("the camera pulls back and rising smoke fills the frame", {"pull out"}),
        ("the camera continues to move left", {"pan left"}),
        ("the camera glides along the wall to the left", {"pan left"}),
        ("the camera tilts down to the man on the left", {"tilt down"}),
        ("push in, not too slow", {"push in"}),
        ("fade in and out", {"fade in", "fade out"}),
        ("The camera holds, then pushes in", {"push in"}),
        ("the camera orbits around the red car to the left", {"orbit left"}),
        ("the camera pans across the building to the left", {"pan left"}),
        ("the camera circles the parked car clockwise", {"orbit left"}),
        ("orbit around the old building clockwise", {"orbit left"}),
        ("orbit around the car parked to the left of the house", {"orbit right"}),
        ("orbit the statue clockwise", {"orbit left"}),
        ("slowly orbit a red car", {"orbit right", "slow"}),
        ("the camera majestically descends", {"tilt down"}),
        ("a camera that rises", {"tilt up"}),
        ("instead of panning left, push in", {"push in"}),
        ("pull back rather than push in", {"pull out"}),
        ("push in and roll", {"push in", "roll right"}),
        ("the camera pans across the skyline from right to left", {"pan left"}),
        ("the camera drifts across the room from left to right", {"pan right"}),
        ("pan from left  to right", {"pan right"}),
        ("The camera pans right past a dog moving left", {"pan right"}),
        ("tracking shot through a forest moving forward", {"push in"}),
        ("the camera mounted on a car moves forward", {"push in"}),
        ("the camera pans left and then tilts up", {"pan left", "tilt up"}),
        ("The camera pushes in, then pans right", {"push in", "pan right"}),
        ("the camera rises, and then circles the tower", {"tilt up", "orbit right"}),
    ],
)
def test_a_sentence_is_understood(prompt, found):
    assert effects(prompt) == found


@pytest.mark.parametrize(
    "prompt",
    [
        "no camera movement",
        "The camera does not move.",
        "A boat leaves the harbour; the camera stays still",
        "static shot",
        "locked-off camera",
        "without panning",
        "don't zoom in",
        "no pan or tilt up",
        "The camera isn't moving, a panda eats",
        "As the sun rises the camera stays still",
        "Fixed camera and gently rising steam",
        "Static camera and clouds drifting over the town to the left",
        "the camera holds on her face",
        "the camera stays put",
        "tripod shot of a street",
        "the camera rests instead of moving left",
        "Static shot of a boat moving from left to right",
        "static camera on boats drifting left",
    ],
)
def test_a_camera_that_must_not_move_stands_still(prompt):
    assert effects(prompt) == {"static"}


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "a panda eats bamboo",
        "a frying pan on the stove",
        "a pan left on the stove",
        "Peter Pan flies up",
        "the truck left the yard",
        "a red truck left",
        "she pulls out a chair",
        "the train pulls out of the station",
        "we see the train pull out of the station",
        "sugar dissolves into the tea",
        "the ball bounces and rolls left",
        "a man pushes into the crowd",
        "She tilts her head up",
        "the moon orbits the earth",
        "a crane down by the river",
        "static electricity fills the room",
        "a locked door opens slowly",
        "a fast car drives by",
        "a Zoom call in an office",
        "rolling hills at noon",
        "the lights fade out",
        "people push in line",
        "doors slide left",
        "smoke rises over the town",
        "eagles circle above the ridge to the left",
        "the shot of an army that advances",
        "product shot of a rising cake",
        "aerial view of circling hawks",
        "a shot and gently rising steam",
        "the lake, and the family rises",
        "a soft arc of light",
        "a gentle roll of thunder",
        "the moon orbits the earth clockwise",
        "two moons orbit the earth",
        "in this shot Emily rises",
        "a crowd dances to rock and roll",
        "she rolls the ball from left to right",
        "in this shot a boat moves left",
        "in this shot the boat moves left",
        "wide shot of a swan gliding toward us",
        "a view of a door that slides left",
        "the ball bounces, then rolls left",
        "\0" * 100,
        "推進 Kamera fährt \u202e nach links",
    ],
)
def test_what_happens_in_the_picture_does_not_move_the_camera(prompt):
    assert effects(prompt) == set()


def work(prompt):
    """Count the lines that reading a prompt goes through: unlike its time the same on any machine."""
    lines = itertools.count()

    def count(*_):
        next(lines)
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        read_direction(prompt)
    finally:
        sys.settrace(before)
    return next(lines)


@pytest.mark.parametrize("who", ["", "camera ", "a boat "])
@pytest.mark.parametrize("said", ["pan ", "no pan left ", "tilt up ", "pan to to to to left ", "moves left "])
def test_words_said_again_and_again_are_each_read_once(who, said):
    few, many = (work(who + said * times) for times in (40, 200))
    assert many < 6 * few  # 5 times the words; where each is compared with all before it, 25


def test_a_prompt_of_a_megabyte_is_read_at_once():
    assert effects("push in " + "the camera slowly and then not to the left " * 25_000) == {"push in", "slow"}
