"""The sheet beside a clip: what was asked for it, read for people and as code, and whether it is the pick."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shlex
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from ipyveo.api.requests import check_count
from ipyveo.errors import InvalidRequestError, VeoError
from ipyveo.library.history import PICK, Sheet, read_sheet
from ipyveo.library.journal import FILE_NAME, Entry, Journal, StoredTake
from ipyveo.media.aspect_ratio import AspectRatio
from ipyveo.media.clip import Clip
from ipyveo.media.framing import Fit
from ipyveo.readable import is_readable, readable

_KEY = "$GENAIPRO_API_KEY"
_LONGEST_PROMPT = 2_000  # of what the details show; the code has all of it
_LONGEST_LINE = 2_000
_SHAPE_TOLERANCE = 0.02
_SANDBOX = re.compile(r"http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?")
_picking = threading.Lock()  # two quick picks of one run must not each overlook the other


def request_of(clip: Clip) -> Mapping[str, Any]:
    """Return what was asked for a clip, or nothing where no sheet lies beside it."""
    sheet = _sheet(clip.path)
    return {} if sheet is None else sheet.asked


def is_pick(clip: Clip) -> bool | None:
    """Tell whether a clip is the pick of its run; None where it has no sheet to say so."""
    sheet = _sheet(clip.path)
    return None if sheet is None else sheet.picked


def set_pick(clip: Clip, *, picked: bool) -> None:
    """Make a clip the pick of its run, which has one at most, or no longer.

    Raises
    ------
    OSError
        If its sheet is gone or cannot be written.
    """
    with _picking:
        _mark(clip.path, picked=picked)
        for other in _run_in_folder(clip) if picked else []:
            sheet = _sheet(other)
            if other.name != clip.path.name and sheet is not None and sheet.picked:
                _mark(other, picked=False)


def settle_pick(path: Path) -> None:
    """Take the star from a clip that came back, where another of its run was picked meanwhile."""
    with _picking:
        sheet = _sheet(path)
        if sheet is None or not sheet.picked:
            return
        others = [_sheet(other) for other in _run_in_folder(sheet.clip) if other.name != path.name]
        if any(other is not None and other.picked for other in others):
            _mark(path, picked=False)


def _run_in_folder(clip: Clip) -> list[Path]:
    """Return the clips of a run that lie in its folder, which is read only if the journal cannot name all."""
    run = request_of(clip).get("generation")
    if not run:
        return [clip.path]
    _, takes = _journaled(clip)
    named = [clip.path.with_name(Path(take.file).name) for take in takes if take.file]
    found = [path for path in named if _run(path) == run]
    if len(found) == len(named) and clip.path.name in {path.name for path in found}:
        return found
    return [path for path in clip.path.parent.glob("*.mp4") if _run(path) == run]


def _run(path: Path) -> object:
    sheet = _sheet(path)
    return None if sheet is None else sheet.asked.get("generation")


def python_code(clip: Clip) -> str:
    """Return the Python that asks for a clip again, from the parameters that lie beside it.

    Examples
    --------
    >>> from ipyveo.library.sheet import python_code
    >>> print(python_code(clip))  # doctest: +SKIP
    from ipyveo import generate
    <BLANKLINE>
    clips = await generate(
        'day.png',
        prompt='dusk falls',
        aspect_ratio='16:9',
        number_of_videos=1,
    )
    """
    asked = request_of(clip)
    pictures = [_picture_code(*picture) for picture in _asked_pictures(asked)] or [repr("start.png")]
    settings: dict[str, object] = {"prompt": _asked_prompt(clip, asked)}
    ratio = _asked_ratio(asked)
    if ratio is not None:
        settings |= {"aspect_ratio": ratio.label, "number_of_videos": _asked_count(asked)}
    arguments = [*pictures, *(f"{name}={value!r}" for name, value in settings.items())]
    lines = "".join(f"    {argument},\n" for argument in arguments)
    names = "Frame, generate" if any(picture.startswith("Frame") for picture in pictures) else "generate"
    return f"from ipyveo import {names}\n\nclips = await generate(\n{lines})\n"


def _picture_code(name: str, framing: Mapping[str, object]) -> str:
    """Return the Python for a picture: its name, or the frame of it where it was framed."""
    if not framing:
        return repr(name)
    return f"Frame({name!r}{''.join(f', {word}={value!r}' for word, value in framing.items())})"


def _asked_pictures(asked: Mapping[str, Any]) -> list[tuple[str, dict[str, object]]]:
    """Return the pictures' names with their framings, as far as the sheet holds any."""
    names, framings = asked.get("pictures"), asked.get("framings")
    framings = framings if isinstance(framings, list) else []
    return [
        (str(name), _asked_framing(framing))
        for name, framing in zip(names if isinstance(names, list) else [], [*framings, {}, {}], strict=False)
    ][:2]


def _asked_framing(framing: object) -> dict[str, object]:
    """Return what a sheet says of a framing, only in its own words: it becomes code that people run."""
    said = framing if isinstance(framing, dict) else {}
    focus = said.get("focus")
    if isinstance(focus, list | tuple):
        said = {**said, "focus": tuple(focus)}
    return {word: said[word] for word, fits in _FRAMING.items() if word in said and fits(said[word])}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _is_point(value: object) -> bool:
    match value:
        case (across, down):
            return _is_number(across) and _is_number(down)
    return False


_FRAMING: dict[str, Callable[[Any], bool]] = {
    "fit": lambda value: value in get_args(Fit),
    "focus": _is_point,
    "zoom": _is_number,
    "background": lambda value: isinstance(value, str),
}


def curl_code(clip: Clip) -> str:
    r"""Return the request that asks the service for a clip again, as curl sends it; the key stays outside.

    Examples
    --------
    >>> from ipyveo.library.sheet import curl_code
    >>> print(curl_code(clip))  # doctest: +SKIP
    curl -N -X POST https://genaipro.vn/api/v1/veo/frames-to-video \
      --header "Authorization: Bearer $GENAIPRO_API_KEY" \
      -F 'start_image=@"ipyveo-library/pictures/8d1f.jpg"' \
      --form-string 'prompt=dusk falls' \
      -F aspect_ratio=VIDEO_ASPECT_RATIO_LANDSCAPE \
      -F number_of_videos=1
    """
    asked, (entry, _) = request_of(clip), _journaled(clip)
    ratio = _asked_ratio(asked) or AspectRatio.LANDSCAPE
    pictures = _sent_pictures(clip, entry) or [name for name, _ in _asked_pictures(asked)]
    fields = [
        "-F " + _in_a_shell(f"{field}=@{_quoted(name)}")
        for field, name in zip(("start_image", "end_image"), pictures or ["start.png"], strict=False)
    ]
    prompt = f"prompt={_asked_prompt(clip, asked)}"
    # --form-string, since -F would read a file where a prompt begins with "@" or "<".
    fields += [
        f"--form-string {_in_a_shell(prompt)}",
        f"-F aspect_ratio={ratio.api_word}",
        f"-F number_of_videos={_asked_count(asked)}",
    ]
    lines = [
        f"curl -N -X POST {shlex.quote(_address(clip, entry))}",
        f'--header "Authorization: Bearer {_KEY}"',
        *fields,
    ]
    note = "# The sandbox made this clip; the service, asked like this, takes credits for it.\n"
    return (note if clip.engine == "sandbox" else "") + " \\\n  ".join(lines) + "\n"


def _in_a_shell(text: str) -> str:
    """Return a text as one word of bash or zsh, with nothing in it that a terminal obeys or that hides."""
    if is_readable(text.replace("\n", "")):
        return shlex.quote(text)
    letters = (
        "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "replace"))
        if not is_readable(letter)
        else f"\\{letter}"
        if letter in "\\'"
        else letter
        for letter in text
    )
    return f"$'{''.join(letters)}'"


def _quoted(name: str) -> str:
    """Return a file's name as curl takes it whole, whatever it holds."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _address(clip: Clip, entry: Entry | None) -> str:
    """Return where the code sends the key: to the service, or to a sandbox on this machine, nowhere else."""
    from ipyveo.api.client import BASE_URL

    account = entry.account if entry is not None and clip.engine == "sandbox" else ""
    base = account if _SANDBOX.fullmatch(account) else BASE_URL  # a journal may be from anybody
    return f"{base}/veo/frames-to-video"


def _sent_pictures(clip: Clip, entry: Entry | None) -> list[str]:
    """Return where the very files lie that were sent, from the working directory where that is shorter."""
    from ipyveo.library.library import PICTURES

    files = [
        clip.path.parent / PICTURES / Path(picture.file).name for picture in (entry.pictures if entry else ())
    ]
    here = Path.cwd()
    return [os.fspath(file.relative_to(here) if file.is_relative_to(here) else file) for file in files]


def differs(clip: Clip) -> str:
    """Say in what a clip differs from what was asked for; "" where it does not.

    Examples
    --------
    >>> from ipyveo.library.sheet import differs
    >>> differs(clip)  # doctest: +SKIP
    '9:16 was asked for'
    """
    ratio = _asked_ratio(request_of(clip))
    if ratio is None:
        return ""
    if abs(clip.width * ratio.height / (clip.height * ratio.width) - 1) > _SHAPE_TOLERANCE:
        return f"{ratio.label} was asked for"
    if clip.width < ratio.width:
        return f"smaller than {ratio.width}\N{MULTIPLICATION SIGN}{ratio.height}"
    return ""


def _asked_ratio(asked: Mapping[str, Any]) -> AspectRatio | None:
    with contextlib.suppress(InvalidRequestError):
        return AspectRatio.parse(asked.get("aspect_ratio"))
    return None


def _asked_count(asked: Mapping[str, Any]) -> int:
    with contextlib.suppress(InvalidRequestError):
        return check_count(asked.get("number_of_videos"))
    return 1


def _asked_prompt(clip: Clip, asked: Mapping[str, Any]) -> str:
    prompt = asked.get("prompt")
    return prompt if isinstance(prompt, str) else clip.prompt


def details(clip: Clip) -> str:
    """Return all that is known of a clip as lines for people: asked, sent, returned, measured, and the cost.

    Examples
    --------
    >>> from ipyveo.library.sheet import details
    >>> print(details(clip))  # doctest: +SKIP
    Asked     dusk falls
              16:9, take 1 of 2
              start day.png
    ...
    """
    asked, (entry, takes) = request_of(clip), _journaled(clip)
    take = next((each for each in takes if each.take == asked.get("take")), None)
    parts = {
        "Asked": list(_asked_lines(clip, asked)),
        "Sent": list(_sent_lines(clip, entry)),
        "Returned": [f"{clip.id}, {clip.created_at:%d %B %Y, %H:%M %Z}", *_returned_lines(take)],
        "Measured": [
            f"{clip.width}\N{MULTIPLICATION SIGN}{clip.height}, {clip.size / 1e6:.1f} MB",
            f"{clip.duration:.2f} s, {clip.fps:.4g} frames a second",
            *filter(None, [differs(clip)]),
        ],
        "Engine": ["the sandbox, a local preview" if clip.engine == "sandbox" else "Veo"],
        "Cost": [_cost(clip, entry)],
    }
    return "".join(
        f"{name if index == 0 else '':10}{_shown(line)}\n"
        for name, lines in parts.items()
        for index, line in enumerate(lines)
    )


def _shown(line: str) -> str:
    line = readable(line[: _LONGEST_LINE + 1])
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…"


def _asked_lines(clip: Clip, asked: Mapping[str, Any]) -> Iterator[str]:
    prompt = _asked_prompt(clip, asked)
    yield from (prompt[:_LONGEST_PROMPT] + ("…" if len(prompt) > _LONGEST_PROMPT else "")).splitlines()
    if not asked:
        yield "nothing else is known: no sheet lies beside the clip"
        return
    yield f"{asked.get('aspect_ratio')}, take {asked.get('take')} of {asked.get('number_of_videos')}"
    for which, (name, framing) in zip(("start", "end"), _asked_pictures(asked), strict=False):
        words = [f"{word} {value}" for word, value in framing.items()]
        yield ", ".join([f"{which} {name}", *words])


def _sent_lines(clip: Clip, entry: Entry | None) -> Iterator[str]:
    if entry is None:
        yield "not known: the library's journal does not have this run"
        return
    if entry.sent_at is not None:
        yield f"to {_place(entry.account)}, {entry.sent_at:%d %B %Y, %H:%M %Z}"
    yield from _sent_pictures(clip, entry)


def _place(account: str) -> str:
    if account.startswith("sandbox:"):
        return "the sandbox on this machine"
    with contextlib.suppress(ValueError):
        return urlsplit(account).hostname or "an unknown place"
    return "an unknown place"


def _returned_lines(take: StoredTake | None) -> Iterator[str]:
    if take is None:
        return
    if take.status:
        yield take.status
    if take.file_url:
        yield take.file_url.partition("?")[0]  # what signs an address is nobody else's


def _cost(clip: Clip, entry: Entry | None) -> str:
    if clip.engine == "sandbox":
        return "nothing"
    if entry is None or entry.cost is None:
        return "not measured"
    return f"{entry.cost} credit{'' if entry.cost == 1 else 's'} for the whole run"


def _journaled(clip: Clip) -> tuple[Entry | None, list[StoredTake]]:
    """Return what the journal of the clip's folder has of its run; no journal is made for that."""
    generation = request_of(clip).get("generation")
    if not generation or not (clip.path.parent / FILE_NAME).exists():
        return None, []
    from ipyveo.library.library import Library

    with contextlib.suppress(sqlite3.Error, OSError, VeoError, IndexError, ValueError):
        journal: Journal = Library(clip.path.parent).journal
        return journal.entry(str(generation)), journal.takes(str(generation))
    return None, []


def _sheet(path: Path) -> Sheet | None:
    return read_sheet(path.with_suffix(".json"))


def _mark(path: Path, *, picked: bool) -> None:
    """Write the mark into a sheet; a reader sees the old one or the new one, never half of it."""
    sheet = path.with_suffix(".json")
    record = json.loads(sheet.read_text("utf-8"))
    part = sheet.with_name(f".{sheet.name}-{secrets.token_hex(4)}")
    try:
        part.write_text(json.dumps({**record, PICK: picked}, ensure_ascii=False, indent=2), "utf-8")
        part.replace(sheet)
    finally:
        part.unlink(missing_ok=True)
