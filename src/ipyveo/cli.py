"""The terminal: `ipyveo generate`, `recover`, `history`, `credits`, `sandbox`, `demo`."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TextIO

from ipyveo.errors import AuthenticationError, FrameError, InvalidRequestError, VeoError
from ipyveo.readable import one_line, readable

if TYPE_CHECKING:
    from ipyveo.api.client import VeoClient
    from ipyveo.api.events import Event
    from ipyveo.generations.shot import Shot
    from ipyveo.media.clip import Clip

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
_BAR_CELLS = 24
_LONGEST_WORD = 60  # characters of a text from outside that are shown on a line
_COST_SECONDS = 6.0  # how long the end of a command may wait for the account's word


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status (0 done, 1 failed, 2 wrong usage, 130 interrupted)."""
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a letter shows its code instead
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except KeyboardInterrupt:
        paid = options.run is _generate
        sent = " A job that was already sent goes on and may be charged; `ipyveo recover` fetches it."
        sys.stderr.write(f"\nInterrupted.{sent if paid else ''}\n")
        return INTERRUPTED
    except BrokenPipeError:  # `ipyveo history | head` is no fault
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except VeoError as error:
        return _report(error, as_json=getattr(options, "json", False))
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ipyveo", description="Two pictures and a sentence become a video.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"ipyveo {version('ipyveo')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    generate = commands.add_parser("generate", help="make clips and save them in the library")
    generate.add_argument("start", metavar="START", help="the first frame: a file, or an http(s) address")
    generate.add_argument("end", metavar="END", nargs="?", help="the last frame")
    generate.add_argument("--prompt", required=True, metavar="TEXT", help="what should happen")
    generate.add_argument("--aspect-ratio", default="16:9", metavar="RATIO", help="16:9 (default) or 9:16")
    generate.add_argument(
        "-n", "--number-of-videos", type=int, default=1, metavar="N", help="takes, 1 (default) to 4"
    )
    generate.add_argument("--out", metavar="DIR", help="the library's folder (default ipyveo-library)")
    generate.add_argument(
        "--budget", type=int, metavar="CREDITS", help="refuse, unsent, what may cost more than this"
    )
    generate.add_argument(
        "--reuse",
        action="store_true",
        help="take the clips of an equal earlier run instead of paying again",
    )
    _common(generate, _generate)

    recover = commands.add_parser("recover", help="fetch what an earlier run left behind; sends no request")
    recover.add_argument("--out", metavar="DIR", help="the library's folder (default ipyveo-library)")
    recover.add_argument(
        "--wait", type=_seconds, default=0.0, metavar="SECONDS", help="keep looking for so long (default 0)"
    )
    _common(recover, _recover)

    _common(commands.add_parser("history", help="list the account's latest videos"), _history)
    _common(commands.add_parser("credits", help="say how many credits are left"), _credits)

    sandbox = commands.add_parser("sandbox", help="serve the same API on this machine, without any key")
    sandbox.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    sandbox.add_argument("--port", type=_port, default=8787, help="port to listen on (default 8787)")
    sandbox.set_defaults(run=_sandbox)

    demo = commands.add_parser("demo", help="make a first clip, then open JupyterLab, all on the sandbox")
    demo.set_defaults(run=_demo)
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:  # noqa: PLR2004 - the range of ports
        raise ValueError(text)
    return port


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise ValueError(text)
    return seconds


def _common(parser: argparse.ArgumentParser, run: object) -> None:
    parser.add_argument(
        "--sandbox", action="store_true", help="use the sandbox on this machine: free, and not Veo"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def _report(error: VeoError, *, as_json: bool) -> int:
    sys.stderr.write(f"{readable(str(error))}\n")
    if as_json:
        _print_json(
            {"error": type(error).__name__, "message": str(error), "maybe_charged": error.maybe_charged}
        )
    refused_here = isinstance(error, AuthenticationError | InvalidRequestError) and not error.raw
    return WRONG_USAGE if refused_here or isinstance(error, FrameError) else FAILED


def _client(options: argparse.Namespace) -> VeoClient:
    from ipyveo.api.client import VeoClient

    return VeoClient.sandbox() if options.sandbox else VeoClient()


def _generate(options: argparse.Namespace) -> int:
    from ipyveo.generations.generate import generate
    from ipyveo.loop import run

    with _warnings_as_lines():
        shot = generate(
            options.start,
            options.end,
            prompt=options.prompt,
            aspect_ratio=options.aspect_ratio,
            number_of_videos=options.number_of_videos,
            client=_client(options),
            library=options.out,
            reuse=options.reuse,
            budget=options.budget,
        )
    progress = Progress(sys.stderr)
    shot.listen(progress.show)
    try:
        with _warnings_as_lines():
            clips = run(_clips(shot))
    finally:
        if shot.over:
            _say_cost(shot)
    _print_clips(clips, as_json=options.json)
    return DONE


def _say_cost(shot: Shot) -> None:
    """Say what a run did cost, where anything can cost and it is known, or at least how much it may be."""
    from ipyveo.generations.cost import cost_words
    from ipyveo.loop import run

    if shot.reused is not None or shot.client.engine == "sandbox":
        return
    run(shot.settled(_COST_SECONDS))
    failed = shot.error is not None
    if shot.cost is not None or not failed:
        words = cost_words(shot.entry.number_of_videos, shot.cost, shot.refunded, failed=failed)
        sys.stderr.write(f"This run {words}.\n")


@contextlib.contextmanager
def _warnings_as_lines() -> Iterator[list[warnings.WarningMessage]]:
    """Print each warning as the plain sentence that it is, at the end."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield said
    for warning in said:
        sys.stderr.write(f"{readable(str(warning.message)).replace('reuse=True', '--reuse')}\n")


def _recover(options: argparse.Namespace) -> int:
    from ipyveo.generations.recovery import recover
    from ipyveo.loop import run

    with _warnings_as_lines() as said:
        clips = run(recover(client=_client(options), library=options.out, wait=options.wait))
    if not clips and not said:
        sys.stderr.write("Nothing was left behind.\n")
    _print_clips(clips, as_json=options.json)
    return DONE


def _print_clips(clips: Sequence[Clip], *, as_json: bool) -> None:
    if as_json:
        _print_json([_clip_record(clip) for clip in clips])
    else:
        for clip in clips:
            # A program gets the very name; a terminal would obey what somebody has put into it.
            path = readable(str(clip.path)) if sys.stdout.isatty() else str(clip.path)
            sys.stdout.write(f"{path}\n")


async def _clips(shot: Shot) -> list[Clip]:
    return await shot


def _clip_record(clip: Clip) -> dict[str, Any]:
    return {**asdict(clip), "path": str(clip.path), "created_at": clip.created_at.isoformat()}


class Progress:
    """The run on one line of a terminal, or a line a stage where there is none.

    Parameters
    ----------
    stream
        Where to write.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began = time.monotonic()
        self._stage = ""

    def show(self, event: Event | None) -> None:
        """Show where the run is; None ends the line. A stream that nobody reads any more is no fault."""
        with contextlib.suppress(OSError):
            self._show(event)

    def _show(self, event: Event | None) -> None:
        from ipyveo.api.events import StatusEvent, WaitingStatus
        from ipyveo.generations.stages import stage_words

        live = self._stream.isatty()
        if event is None:
            self._stream.write("\r\x1b[K" if live else "")
        elif isinstance(event, StatusEvent):
            word = one_line(stage_words(event.status), _LONGEST_WORD)
            if isinstance(event, WaitingStatus):
                word = f"{word}, next try in {event.seconds:.0f} s"
            seconds = time.monotonic() - self._began
            clock = f"{int(seconds // 60)}:{int(seconds % 60):02}"
            if live:
                self._stream.write(f"\r\x1b[K{clock}  {_bar(event.progress)}{word}")
            elif word != self._stage:
                self._stream.write(f"{clock}  {word}\n")
            self._stage = word
        self._stream.flush()


def _bar(progress: float | None) -> str:
    if progress is None:
        return ""
    filled = round(progress * _BAR_CELLS)
    return f"[{'#' * filled}{'.' * (_BAR_CELLS - filled)}] {progress:4.0%}  "


def _history(options: argparse.Namespace) -> int:
    from ipyveo.loop import run

    page = run(_client(options).histories())
    if options.json:
        _print_json([asdict(video) for video in page])
    elif not page:
        sys.stdout.write("No videos yet.\n")
    else:
        for video in page:
            state = "ok" if video.ok else one_line(video.status.removeprefix("MEDIA_GENERATION_STATUS_"), 12)
            made, prompt = one_line(video.created_at, 25), one_line(video.prompt, _LONGEST_WORD)
            sys.stdout.write(f"{made:25}  {state:12}  {prompt}\n")
    return DONE


def _credits(options: argparse.Namespace) -> int:
    from ipyveo.loop import run

    left = run(_client(options).credits())
    if options.json:
        _print_json({**asdict(left), "expires_at": left.expires_at and left.expires_at.isoformat()})
    else:
        ends = ""
        if left.expires_at:
            verb = "end" if left.expires_at > datetime.now(UTC) else "ended"
            ends = f"; {left.expiring} of them {verb} on {left.expires_at.astimezone():%d %B %Y}"
        sys.stdout.write(f"{left.remaining} of {left.quota} credits left{ends}.\n")
    return DONE


def _sandbox(options: argparse.Namespace) -> int:
    from ipyveo.sandbox import SandboxOptions, serve

    def announce(base_url: str) -> None:
        sys.stdout.write(
            f"The sandbox (a local preview, not Veo) listens at {base_url}\n"
            f"Elsewhere: GENAIPRO_BASE_URL={base_url} GENAIPRO_API_KEY=any-word ipyveo credits\n"
        )
        sys.stdout.flush()

    try:
        serve(SandboxOptions(), options.host, options.port, announce)
    except OSError as error:
        sys.stderr.write(f"Cannot listen on {options.host}:{options.port}: {error.strerror or error}.\n")
        return FAILED
    return DONE


def _demo(_: argparse.Namespace) -> int:
    from ipyveo.demo import demo

    return demo()


def _print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
