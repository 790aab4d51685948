"""Reads out of a prompt what it asks of the camera, and leaves alone what it tells of the picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeVar, get_args

from ipyveo.engine.camera import CAMERA_WORDS, Direction, Easing, Effect, Fade, Light, Move, Pace

T = TypeVar("T")

_PACES: Final[tuple[Pace, ...]] = get_args(Pace)
_EASINGS: Final[tuple[Easing, ...]] = get_args(Easing)
_LIGHTS: Final[tuple[Light, ...]] = get_args(Light)
_FADES: Final[tuple[Fade, ...]] = get_args(Fade)
_READ: Final = 5000  # characters; nobody says it later
_MARKER: Final = re.compile(r"\[sandbox:[^\]]*\]")
_ENDS: Final = re.compile(
    r"[.,;:!?()\[\]\"\n\u2013\u2014\u2026\u3002\uff0c]|\b(?:while|as|with|then|after|before|until|when|where|but|and)\b"
)
_SWEEPS: Final = (
    (re.compile(r"\b(?:from )?(?:the )?left to (?:the )?right\b"), "to the right"),
    (re.compile(r"\b(?:from )?(?:the )?right to (?:the )?left\b"), "to the left"),
    (re.compile(r"(?:in and out|in out)"), "in out"),
    (re.compile(r"\b(?:counter|anti) clockwise"), "counterclockwise"),
    (re.compile(r"\b(?:instead of|rather than)\b"), "not"),
    (re.compile(r"\b(eas(?:e|es|ing)) in(?:,? and|,)? eas(?:e|es|ing) out\b"), r"\1 in out"),
)
_SIDES: Final = {
    "in": ("in", "inward", "inwards", "into", "closer", "forward", "forwards", "toward", "towards"),
    "out": ("out", "outward", "outwards", "back", "backward", "backwards", "away"),
    "left": ("left", "leftward", "leftwards"),
    "right": ("right", "rightward", "rightwards"),
    "up": ("up", "upward", "upwards", "skyward", "skywards"),
    "down": ("down", "downward", "downwards"),
    "clockwise": ("clockwise",),
    "counterclockwise": ("counterclockwise", "anticlockwise"),
}
_SIDE_OF: Final = {word: side for side, words in _SIDES.items() for word in words}
_SIDEWAYS: Final = frozenset({"left", "right"})
# Not what somebody there does or is: "around the car parked to the left of the house"; but what is right
# after an article, a building or red is no such deed.
_FAR_SIDE: Final = re.compile(
    r"(?:(?!(?<!\bthe )(?<!\ba )(?<!\ban )(?!(?:building|ceiling|painting)\b)\w\w+(?:ing|ed)\b)"
    r"(?!(?:who|whose|that|which|to)\b)\S+ ){1,5}?"
    r"(?:to the (left|right)|((?:counter|anti)?clockwise))\b(?! of\b)"
)
_BETWEEN: Final = frozenset(
    {"to", "toward", "towards", "the", "over", "further", "slow", "a", "little", "bit", "straight", "camera"}
)
_CAMERA: Final = frozenset({"camera", "cam", "shot", "lens", "viewpoint", "pov", "view", "drone", "we"})
_FILM: Final = _CAMERA | {
    "scene",
    "picture",
    "image",
    "screen",
    "film",
    "video",
    "clip",
    "everything",
    "all",
    "pictures",
    "images",
}
_MANNERS: Final = frozenset({
    "slow", "fast", "quick", "gentle", "smooth", "soft", "subtle", "steady", "rapid", "swift", "long",
    "short", "cinematic", "dramatic", "continuous", "very",
        "too", "camera", "eased", "linear", "whip",
})  # fmt: skip
_LEADS: Final = _MANNERS | frozenset({
    "a", "an", "the", "let", "make", "do", "add", "use", "start", "begin", "end", "finish", "by", "on", "of",
    "please", "this", "is", "simple", "quiet", "single", "one", "now", "also", "first", "finally", "ends",
    "instead", "rather", "just", "only",
    "starts", "begins", "opens", "or", "no", "not", "never", "without", "don't", "dont", "avoid",
})  # fmt: skip
# What may stand between the camera and what it does, and nothing else: "a shot of a rising sun" is none.
_HOW: Final = frozenset({
    "slowly", "gently", "smoothly", "quickly", "rapidly", "swiftly", "steadily", "gradually", "softly",
    "subtly", "gracefully", "elegantly", "dramatically", "majestically", "effortlessly", "suddenly",
    "continuously", "finally", "itself", "that", "slow", "fast", "now", "also", "always", "still",
    "not", "never", "is", "to", "can", "may", "must", "should", "will", "would", "could", "does", "keeps",
    "starts", "begins", "continues",
})  # fmt: skip
_NO: Final = frozenset({"no", "not", "never", "without", "don't", "dont", "doesn't", "isn't", "avoid", "nor"})
_NO_MOVEMENT: Final = re.compile(
    r"\b(?:no|without|not|avoid|don't|doesn't|never)(?: \w+){0,2}? "
    r"(?:camera (?:movement|motion|moves?|shake)|movements?|panning|pans?|zoom(?:ing|s)?)\b"
    r"|\bcamera (?:\w+ )?(?:does not|doesn't|must not|never|should not|isn't) (?:mov|pan|zoom|tilt)\w*"
    r"|\b(?:do not|don't|never) move the camera\b"
)
_PRONOUNS: Final = frozenset(
    {
        "i",
        "you",
        "he",
        "she",
        "it",
        "they",
        "who",
        "that",
        "to",
        "can",
        "will",
        "people",
        "him",
        "her",
        "them",
    }
)
_WATCHED: Final = frozenset({"see", "sees", "watch", "watches"})  # what follows is done by what is seen
_THINGS: Final = frozenset({"a", "an", "his", "her", "their", "its", "my", "some", "another", "two", "three"})
_SHOWN: Final = frozenset({"of", "at", "on", "past"})  # after these comes what a camera looks at
_SHAPES: Final = frozenset({"arc", "roll"})  # an arc of light, a roll of thunder
# These are things and deeds of other people more often than they are moves of a camera.
_AMBIGUOUS: Final = frozenset({"pan", "truck", "track", "roll", "crane", "arc", "orbit"})
# What things do too: a move of the camera's only where it is named.
_WANDERS: Final = ("move", "glide", "drift", "slide", "travel", "fly", "creep")


def _inflected(verb: str) -> dict[str, bool]:
    """Return a verb's forms, and of each whether it is the one that gives an order."""
    stem = verb.removesuffix("e")
    third = f"{verb[:-1]}ies" if verb in {"dolly", "fly"} else f"{verb}es" if verb == "push" else f"{verb}s"
    doubled = f"{verb}ning" if verb == "pan" else f"{stem}ing"
    return {verb: True, third: False, doubled: False}


def _vocabulary() -> tuple[dict[str, tuple[str, bool]], dict[str, dict[str, Move]], frozenset[str]]:
    """Return each form's verb, each verb's moves by the side said with it, and the deeds of a camera."""
    moves: dict[str, dict[str, Move]] = {}
    deeds: dict[str, Move] = {}
    by_side: dict[str, Move] = {}
    for row in CAMERA_WORDS:
        if row.pattern is None:
            move: Move = row.effect  # type: ignore[assignment]
            for phrase in row.say:
                verb, _, side = phrase.partition(" ")
                if verb == "camera":
                    deeds[side.removesuffix("s")] = move
                else:
                    moves.setdefault(verb, {})[_SIDE_OF.get(side, "")] = move
    for verb in ("push", "pull", "pan", "tilt"):
        by_side |= {side: move for side, move in moves[verb].items() if side and move.startswith(verb)}
    moves["dolly"][""] = moves["zoom"][""] = "push in"
    for deed, move in deeds.items():
        moves[deed] = dict.fromkeys(_SIDES, move) | moves[move.split(" ")[0]] | {"": move}
    moves |= dict.fromkeys(_WANDERS, by_side)
    forms = {form: (verb, order) for verb in moves for form, order in _inflected(verb).items()}
    return forms, moves, frozenset(deeds)


_FORMS, _MOVES, _DEEDS = _vocabulary()


def read_direction(prompt: str) -> Direction:
    """Read what a prompt asks of the camera; nearly always that is little or nothing.

    Parameters
    ----------
    prompt
        Any text.

    Examples
    --------
    >>> read_direction("The boat leaves, and the camera slowly pushes in on the house.")
    Direction(moves=('push in',), still=False, pace='slow', easing=None, light=None, fades=frozenset())
    >>> read_direction("A panda with a frying pan. No camera movement.")
    Direction(moves=(), still=True, pace=None, easing=None, light=None, fades=frozenset())
    """
    moves: list[Move] = []
    others: list[Effect] = []
    refused = False
    for clause in _clauses(prompt):
        said = [(move, clause.refuses(place)) for move, place in _moves(clause)]
        clause.moving = any(not no for _, no in said)
        refused |= any(no for _, no in said) or bool(_NO_MOVEMENT.search(clause.text))
        moves += [move for move, no in said if not no]
        others += _others(clause)
    return Direction(
        moves=_without_undone(moves),
        still=not moves and (refused or "static" in others),
        pace=_last(others, _PACES),
        easing=_last(others, _EASINGS),
        light=_last(others, _LIGHTS),
        fades=frozenset(fade for fade in _FADES if fade in others),
    )


class _Clause:
    """A part of a sentence, in plain small letters."""

    def __init__(self, text: str, before: _Clause | None) -> None:
        self.text = text
        self.words = text.split()
        self.moving = False
        self._goes_on = before is not None
        self._goes_on_moving = before is not None and before.moving
        self._carried = before is not None and (before.moving or before.camera)
        # Where the first of each kind stands: looked for once, and not before each verb again.
        self._camera, self._watched = self._first(_CAMERA), self._first(_WATCHED)
        self._no, self._too = self._first(_NO), self._first(frozenset({"too"}))
        told = (at for at, word in enumerate(self.words) if not _leads(word))
        self._told = next(told, len(self.words))

    def _first(self, wanted: frozenset[str]) -> int:
        return next((at for at, word in enumerate(self.words) if word in wanted), len(self.words))

    def speaks_of_camera(self, place: int) -> bool:
        """Tell whether the camera is who does what is said at a place."""
        return self._camera < place or (self._carried and self.led(place))

    def camera_does(self, place: int) -> bool:
        """Tell whether the camera is named right before what is done at a place, or goes on to it."""
        at = place
        while at and self.words[at - 1] in _HOW:
            at -= 1
        if at:
            return self.words[at - 1] in _CAMERA
        return self._goes_on_moving and not self.words[place].endswith("ing")

    def camera_wanders(self, place: int) -> bool:
        """Tell whether the camera goes so, and not what it shows: "a shot of a boat moving left"."""
        between = self.words[self._camera + 1 : place]
        shown = _SHOWN if self.words[place].endswith("ing") else {"of"}
        theirs = not shown.isdisjoint(between) or bool(between and between[0] in _THINGS | {"the"})
        return self.camera_does(place) or (self.speaks_of_camera(place) and not theirs)

    @property
    def camera(self) -> bool:
        """Whether it names the camera."""
        return self._camera < len(self.words)

    @property
    def tells(self) -> bool:
        """Whether it goes on to tell of somebody else: "the ball bounces and rolls left"."""
        return self._goes_on and not self._carried

    def shows(self, place: int) -> bool:
        """Tell whether what is done at a place is something to be seen."""
        return self._watched < place

    def led(self, place: int) -> bool:
        """Tell whether nothing but words that lead on to a move stands before a place."""
        return place <= self._told

    def refuses(self, place: int) -> bool:
        """Tell whether what is said at a place is what is not wanted."""
        return self._no < place <= self._too


def _leads(word: str) -> bool:
    return word in _LEADS or word.endswith("ly")


def _clauses(prompt: str) -> Iterator[_Clause]:
    text = _MARKER.sub(" ", prompt[:_READ].casefold().replace("\u2019", "'"))
    text = re.sub(r" +", " ", re.sub(r"(?<=\w)[-_](?=\w)", " ", text))
    for pattern, plain in _SWEEPS:
        text = pattern.sub(plain, text)
    last, carried, before = 0, None, None
    for end in [*_ENDS.finditer(text), None]:
        clause = _Clause(" ".join(text[last : end.start() if end else None].split()), carried)
        yield clause
        if end is None:
            return
        last = end.end()
        before = clause if clause.words else before  # nothing stands between "and" and "then"
        carried = before if end[0] in {"and", "then"} else None


def _moves(clause: _Clause) -> Iterator[tuple[Move, int]]:
    """Yield the moves of a clause, each with the place of its verb."""
    for place, word in enumerate(clause.words):
        if word in _FORMS:
            verb, order = _FORMS[word]
            side, after = _side(clause.words, place)
            if not side and (verb not in _WANDERS or clause.camera_does(place)):
                far = _far_side(clause.words, place)
                side = far if far in _MOVES[verb] else ""
            move = _MOVES[verb].get(side)
            if move and _meant(clause, place, after, verb, order=order):
                yield move, place


def _side(words: list[str], place: int) -> tuple[str, int]:
    """Return the side that a verb goes to, "" for none, and the place after it."""
    for at in range(place + 1, min(place + 6, len(words))):
        word = words[at]
        leads_on = word in {"toward", "towards", "back"} and set(words[at + 1 : at + 3]) & _SIDEWAYS
        if word in _SIDE_OF and not leads_on:
            return _SIDE_OF[word], at + 1
        if word not in _BETWEEN and not word.endswith("ly"):
            break
    return "", place + 1


def _far_side(words: list[str], place: int) -> str:
    """Return the side that is said after what a verb goes around or across, "" for none."""
    found = _FAR_SIDE.match(" ".join(words[place + 1 : place + 10]))
    return _SIDE_OF[found[1] or found[2]] if found else ""


def _meant(clause: _Clause, place: int, after: int, verb: str, *, order: bool) -> bool:
    """Tell whether it is the camera that does it, and not somebody in the picture."""
    before = clause.words[place - 1] if place else ""
    follows = clause.words[after] if after < len(clause.words) else ""
    bare = after == place + 1
    if clause.words[place + 1 : place + 3] == ["the", "camera"] and (order or verb not in _DEEDS):
        return True
    if clause.shows(place):
        return False
    if _told(clause, place, verb) or follows in {"shot", "move", "movement"}:
        return True
    if (
        verb in _DEEDS
        or verb in _WANDERS
        or (follows in _THINGS and verb in {"push", "pull", "roll", "tilt"})
    ):
        return False
    if not order and clause.tells:
        return False
    if bare:
        goes = not follows or follows in {"across", "over", "around"}
        goes |= verb == "orbit" and order and (follows == "the" or follows in _THINGS)
        if before in _MANNERS:
            return goes or verb not in _SHAPES
        shape = verb in _SHAPES and clause.tells  # "rock and roll"
        return goes and not shape and clause.led(place) and before not in {"a", "an", "the"}
    if verb in _AMBIGUOUS:
        # "A pan left on the stove" is none, and "a truck left" is one that has gone.
        thing = before in {"a", "an", "the"} and after == place + 2 and (verb != "pan" or bool(follows))
        return not thing and follows != "the" and (before in _MANNERS or clause.led(place))
    return clause.led(place) or (order and before not in _PRONOUNS)


def _told(clause: _Clause, place: int, verb: str) -> bool:
    """Tell whether it is said of the camera; the more strictly, the more often things do it too."""
    if verb in _DEEDS:
        return clause.camera_does(place)
    return clause.camera_wanders(place) if verb in _WANDERS else clause.speaks_of_camera(place)


def _others(clause: _Clause) -> Iterator[Effect]:
    """Yield what else a clause says; how fast and how soft only where it speaks of the camera."""
    plain = clause.moving or clause.camera or clause.led(len(clause.words))
    for row in CAMERA_WORDS:
        found = row.pattern.search(clause.text) if row.pattern else None
        if found is None:
            continue
        place = len(clause.text[: found.start()].split())
        no = clause.refuses(place)
        if row.effect in _PACES:
            denied = "not" in clause.words[:place]
            if plain and not (denied and row.effect == "slow"):
                yield "slow" if denied else row.effect
        elif row.effect in _FADES and not (clause.led(place) or _FILM & set(clause.words[:place])):
            continue
        elif not no:
            yield row.effect


def _last(said: list[Effect], kind: tuple[T, ...]) -> T | None:
    """Return what was said last of one kind."""
    of_kind = {word: place for word in kind for place, effect in enumerate(said) if effect == word}
    return max(of_kind, key=of_kind.__getitem__, default=None)


_AXES: Final = (
    {"push in", "pull out"},
    {"pan left", "pan right", "pan"},
    {"tilt up", "tilt down", "tilt"},
    {"roll left", "roll right"},
    {"orbit left", "orbit right"},
)


def _without_undone(moves: list[Move]) -> tuple[Move, ...]:
    """Keep of each axis what was said last."""
    kept = [next((move for move in reversed(moves) if move in axis), None) for axis in _AXES]
    return tuple(move for move in kept if move)
