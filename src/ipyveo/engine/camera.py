"""The words that steer the camera: one table, which the README shows and sentences are read by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Move: TypeAlias = Literal[
    "push in",
    "pull out",
    "pan left",
    "pan right",
    "tilt up",
    "tilt down",
    "roll left",
    "roll right",
    "orbit left",
    "orbit right",
    "pan",
    "tilt",
]
Pace: TypeAlias = Literal["slow", "fast"]
Easing: TypeAlias = Literal["ease", "ease in", "ease out", "linear"]
Light: TypeAlias = Literal["day to night", "night to day"]
Fade: TypeAlias = Literal["fade in", "fade out", "cross-fade"]
Effect: TypeAlias = Move | Literal["static"] | Pace | Easing | Light | Fade


@dataclass(frozen=True, slots=True)
class Direction:
    """What a prompt asks of the camera.

    Parameters
    ----------
    moves
        What it does, all at once; of two that undo each other the one said last. "pan" and "tilt" leave the
        side to the pictures.
    still
        True if it is to stand still.
    pace, easing, light
        How fast it goes, how it starts and stops, how the light changes; None where nothing is said.
    fades
        From black, to black, from picture to picture.
    """

    moves: tuple[Move, ...] = ()
    still: bool = False
    pace: Pace | None = None
    easing: Easing | None = None
    light: Light | None = None
    fades: frozenset[Fade] = frozenset()


@dataclass(frozen=True, slots=True)
class CameraWord:
    """One row of the table.

    Parameters
    ----------
    say
        The words as they are shown, each understood when it stands alone. What begins with "camera" names a
        verb that of anything else says nothing.
    does
        What comes of them.
    effect
        The same for the renderer.
    pattern
        How they are found in a clause; None for a move, whose verb and side are looked for in any form.
    """

    say: tuple[str, ...]
    does: str
    effect: Effect
    pattern: re.Pattern[str] | None = None


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(patterns)})\b")


_STILL: Final = r"(?:static|still|fixed|locked|motionless|stationary|unmoving)"

CAMERA_WORDS: Final = (
    CameraWord(("push in", "dolly in", "zoom in", "camera advances"), "The camera comes closer.", "push in"),
    CameraWord(
        ("pull out", "pull back", "dolly out", "zoom out", "camera retreats"),
        "The camera draws back. Around the picture is its mirror image, blurred.",
        "pull out",
    ),
    CameraWord(("pan left", "truck left", "dolly left", "track left"), "It goes left.", "pan left"),
    CameraWord(("pan right", "truck right", "dolly right", "track right"), "It goes right.", "pan right"),
    CameraWord(
        ("tilt up", "pedestal up", "crane up", "pan up", "camera rises", "camera ascends"),
        "It goes up.",
        "tilt up",
    ),
    CameraWord(
        ("tilt down", "pedestal down", "crane down", "pan down", "camera descends"),
        "It goes down.",
        "tilt down",
    ),
    CameraWord(("pan", "truck"), "It goes left or right, to where there is more to see.", "pan"),
    CameraWord(("tilt", "pedestal"), "It goes up or down, to where there is more to see.", "tilt"),
    CameraWord(("roll", "roll right", "roll clockwise"), "It turns clockwise about its axis.", "roll right"),
    CameraWord(
        ("roll left", "roll counterclockwise"), "It turns counterclockwise about its axis.", "roll left"
    ),
    CameraWord(
        ("orbit", "arc", "orbit right", "arc right", "orbit counterclockwise", "camera circles"),
        "It circles to the right; seen from above that is counterclockwise.",
        "orbit right",
    ),
    CameraWord(("orbit left", "arc left", "orbit clockwise"), "It circles to the left.", "orbit left"),
    CameraWord(
        ("static", "static camera", "locked", "no camera movement"),
        "It stands still; without an end picture only the light stirs from take to take.",
        "static",
        _any(
            rf"{_STILL}(?: off| down)? (?:camera|shot|frame|view)",
            rf"(?:camera|shot|frame|view) (?:\w+ ){{0,2}}?{_STILL}",
            r"(?:keep|hold|lock)(?:s|ed|ing)? (?:the )?camera",
            r"^(?:static|locked|locked off|tripod)$",
            r"(?:camera|shot|frame|view) (?:\w+ ){0,2}?(?:holds|put|in place)",
            r"(?:on|from) a tripod",
            r"tripod shot",
            r"locked off",
        ),
    ),
    CameraWord(
        ("slow", "slowly", "gentle"),
        "It goes half as far.",
        "slow",
        _any(r"slow(?:ly)?", r"gentl[ey]", r"gradual(?:ly)?", r"subtl[ey]"),
    ),
    CameraWord(
        ("fast", "quick"),
        "It goes nearly twice as far.",
        "fast",
        _any(r"fast", r"quick(?:ly)?", r"rapid(?:ly)?", r"swift(?:ly)?"),
    ),
    CameraWord(
        ("ease", "ease in and out"),
        "It starts and stops softly, as it does if nothing is said.",
        "ease",
        _any(r"ease in(?: and)? out", r"^eas(?:e|ed|ing)$", r"eased? (?:camera|move)"),
    ),
    CameraWord(
        ("ease in",),
        "It starts softly and ends at speed.",
        "ease in",
        _any(r"eas(?:e|es|ing) in(?! (?:and )?out)"),
    ),
    CameraWord(
        ("ease out",),
        "It starts at speed and stops softly.",
        "ease out",
        _any(r"(?<!in )(?<!and )eas(?:e|es|ing) out"),
    ),
    CameraWord(
        ("linear",),
        "It goes at one speed.",
        "linear",
        _any(r"linear(?:ly)?", r"(?:constant|even|steady) speed"),
    ),
    CameraWord(
        ("day to night", "night falls", "dusk falls"),
        "The light goes from day to night; with an end picture it is that one's light.",
        "day to night",
        _any(r"day (?:\w+ ){0,2}?(?:in)?to night", r"(?:night|dusk|darkness) (?:\w+ly )?falls", r"nightfall"),
    ),
    CameraWord(
        ("night to day", "day breaks", "dawn breaks"),
        "The light goes from night to day.",
        "night to day",
        _any(r"night (?:\w+ ){0,2}?(?:in)?to day", r"(?:day|dawn) (?:\w+ly )?breaks", r"daybreak"),
    ),
    CameraWord(
        ("fade in", "fade from black"),
        "The first second comes out of black, instead of from the start picture.",
        "fade in",
        _any(r"fad(?:e|es|ing) in(?! to)", r"fad(?:e|es|ing) (?:in )?from (?:the )?black"),
    ),
    CameraWord(
        ("fade out", "fade to black"),
        "The last second goes into black, instead of to the last picture.",
        "fade out",
        _any(r"fad(?:e|es|ing) (?:in )?out", r"fad(?:e|es|ing) (?:out )?(?:in )?to (?:the )?black"),
    ),
    CameraWord(
        ("fade", "cross-fade", "dissolve"),
        "Two pictures dissolve into each other where they are, instead of one moving into the other.",
        "cross-fade",
        _any(
            r"cross ?(?:fad|dissolv)(?:e|es|ing)",
            r"^(?:an? |slow |fast |gentle )*fade$",
            r"(?:slow |an? )dissolve",
            r"^dissolve$",
            r"dissolv(?:e|es|ing) into",
        ),
    ),
)


def camera_table() -> str:
    """Return the table of camera words in Markdown.

    Examples
    --------
    >>> print(camera_table().splitlines()[4])
    | pan left, truck left, dolly left, track left | It goes left. |
    """
    rows = [f"| {', '.join(row.say)} | {row.does} |" for row in CAMERA_WORDS]
    return "\n".join(["| words in the prompt | what comes of them |", "|---|---|", *rows])
