"""Measures what drawing a clip costs beside encoding it and beside ffmpeg's filters: 8 s at 1280x720."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageEnhance
from table import Row

WIDTH, HEIGHT, SECONDS, ROUNDS = 1280, 720, 8, 3
FRAMES = 24 * SECONDS
_TURNS = 6
# From the finest octave on: the bands of a Laplacian pyramid spread by 9, 9, 10, 11, 11, 9 levels then, and
# by the median of seven photographs of skimage's by 9, 9, 10, 11, 12 and 16.
_CONTRASTS = 5, 9, 12, 14, 16, 18, 18
# Each kind: its pictures, its prompt, and how often the cost of encoding its own frames it may come to.
KINDS = {
    "one picture, camera move": (["still.png"], "push in", 1.25),
    "one picture as both ends, loop": (["still.png", "still.png"], "pan left", 1.25),
    "two pictures, global motion": (["pan-0.png", "pan-1.png"], "", 2.0),
    "two pictures, a camera that comes closer": (["pan-0.png", "closer.png"], "", 2.0),
    "two pictures, a thing of its own": (["layers-0.png", "layers-1.png"], "", 2.0),
    "two pictures, two layers": (["parallax-0.png", "parallax-1.png"], "", 2.0),
    "two pictures, what bends": (["still.png", "bent.png"], "", 2.0),
    "two pictures, another light": (["pan-0.png", "evening.png"], "", 2.0),
    "two pictures, unrelated": (["still.png", "other.png"], "", 2.0),
}
LARGE = "one picture of 48 megapixels, camera move"
TO_H264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-threads", "2", "-pix_fmt", "yuv420p"]
HELD = ["-loop", "1", "-framerate", "24", "-t", str(SECONDS), "-i"]
CLOSER = f"zoompan=z='1+0.3*on/{FRAMES}':x='(iw-iw/zoom)/2':y='(ih-ih/zoom)/2':d={FRAMES}:s=1280x720:fps=24"
FFMPEG = {
    "ffmpeg xfade": [
        *HELD,
        "still.png",
        *HELD,
        "other.png",
        "-filter_complex",
        f"xfade=duration={SECONDS - 1}:offset=0.5",
    ],
    "ffmpeg zoompan": ["-i", "still.png", "-vf", CLOSER],
    # It looks farther than the two pictures that it goes between, so there and back is given several times.
    "ffmpeg minterpolate": [
        "-framerate",
        f"1/{SECONDS}",
        "-i",
        "pan-%d.png",
        "-vf",
        "minterpolate=fps=24:mi_mode=mci:scd=none",
    ],
}


def rows() -> Iterator[Row]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        _draw_pictures(folder)
        for kind, (pictures, prompt, at_most) in KINDS.items():
            drawn = [_apart("draw", folder, pictures, prompt) for _ in range(ROUNDS)]
            encoded = [_apart("encode", folder, pictures, prompt) for _ in range(ROUNDS)]
            floor = median(one["cpu"] for one in encoded)
            cost = median(one["cpu"] for one in drawn)
            size = f"encoding alone; {drawn[0]['size'] / 1e6:.1f} MB, peak {drawn[0]['peak']:.0f} MB"
            yield Row(f"{kind} ({drawn[0]['kind']})", cost, "{:.1f} s", size, floor, at_most=at_most)
        peak = max(_apart("draw", folder, ["large.jpg"], "push in")["peak"] for _ in range(ROUNDS))
        yield Row(f"{LARGE}: peak memory", peak, "{:.0f} MB", "the aim", 300, at_most=1)
        yield from _of_ffmpeg(folder)
        yield from _drafts(folder)


def _of_ffmpeg(folder: Path) -> Iterator[Row]:
    if not shutil.which("ffmpeg"):
        yield Row("ffmpeg's filters: there is no ffmpeg here", 0, "-")
        return
    ours = _apart("draw", folder, ["pan-0.png", "pan-1.png"], "")["cpu"]
    for name, arguments in FFMPEG.items():
        command = [
            "ffmpeg",
            "-y",
            "-nostats",
            "-benchmark",
            *arguments,
            *TO_H264,
            "-frames:v",
            str(FRAMES),
            "x.mp4",
        ]
        # A shell between, for a process takes its parent's peak of memory for its own.
        shell = ["sh", "-c", '"$@"; exit $?', "sh", *command]
        done = subprocess.run(shell, cwd=folder, stderr=subprocess.PIPE, text=True, check=True)
        user, system = (float(re.search(rf"{kind}=([\d.]+)s", done.stderr)[1]) for kind in ("utime", "stime"))
        peak = int(re.search(r"maxrss=(\d+)", done.stderr)[1]) / 1000
        size = (folder / "x.mp4").stat().st_size / 1e6
        beside = f"our global motion; {size:.1f} MB, peak {peak:.0f} MB"
        yield Row(name, user + system, "{:.1f} s", beside, ours)


def _drafts(folder: Path) -> Iterator[Row]:
    from ipyveo import preview, run

    for name, pictures, aim in (("move", ["still.png"], 0.8), ("pair", ["pan-0.png", "pan-1.png"], 1.2)):
        times = []
        for _ in range(2 * ROUNDS):
            begun = time.monotonic()
            run(preview(*(folder / picture for picture in pictures)))
            pictures.reverse()  # the way between the last two is known, and is not what is measured
            times.append(time.monotonic() - begun)
        yield Row(
            f"draft of 640x360, {name}: wall time, the best",
            min(times),
            "{:.2f} s",
            "the aim",
            aim,
            at_most=1,
        )


def _draw_pictures(folder: Path) -> None:
    """Write stills, what a camera sees that goes on, also by evening, and what moves or bends by itself."""
    ground, other = _photograph(1), _photograph(2)
    for name, picture in (("still", ground), ("other", other)):
        picture.crop((0, 0, 1920, 1080)).save(folder / f"{name}.png")
    oval = Image.new("L", (600, 600))
    ImageDraw.Draw(oval).ellipse((0, 0, 600, 600), fill=255)
    for number in range(_TURNS):
        gone = number % 2
        seen = ground.crop((400 + 67 * gone, 200, 400 + 67 * gone + WIDTH, 200 + HEIGHT))
        seen.save(folder / f"pan-{number}.png")
        seen.paste(other.crop((0, 0, 600, 600)), (440 - 130 * gone, 60), oval)
        seen.save(folder / f"layers-{number}.png")
    ImageEnhance.Brightness(Image.open(folder / "pan-1.png")).enhance(0.7).save(folder / "evening.png")
    ground.crop((560, 290, 1520, 830)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).save(
        folder / "closer.png"
    )
    _bent(ground.crop((0, 0, 1920, 1080))).save(folder / "bent.png")
    # Hills before a ground: the nearer goes four times as far as the farther.
    outline = [(x, 420 - 90 * np.sin(x / 130) - 60 * np.sin(x / 47)) for x in range(0, 2200, 4)]
    hills = Image.new("L", (2200, HEIGHT))
    ImageDraw.Draw(hills).polygon([*outline, (2200, HEIGHT), (0, HEIGHT)], fill=255)
    for share in (0, 1):
        seen = ground.crop((400 + 40 * share, 200, 400 + 40 * share + WIDTH, 200 + HEIGHT))
        near = (300 + 160 * share, 0, 300 + 160 * share + WIDTH, HEIGHT)
        seen.paste(other.crop(near), (0, 0), hills.crop(near))
        seen.save(folder / f"parallax-{share}.png")
    ground.resize((8000, 6000), Image.Resampling.BICUBIC).save(folder / "large.jpg", quality=90)


def _bent(picture: Image.Image) -> Image.Image:
    """Draw what a picture is when all within its border has gone a little aside, most in the middle."""
    width, height = picture.size
    down, across = np.mgrid[:height, :width].astype(np.float32)
    swell = np.sin(np.pi * across / (width - 1)) * np.sin(np.pi * down / (height - 1))
    return Image.fromarray(
        cv2.remap(np.asarray(picture), across - 21 * swell, down - 12 * swell, cv2.INTER_CUBIC)
    )


def _photograph(seed: int) -> Image.Image:
    """Draw a picture that has as much detail of each size as photographs have."""
    rng, size, drawn = np.random.default_rng(seed), (2200, 1280), np.full((1280, 2200, 3), 128.0)
    for level, contrast in enumerate(_CONTRASTS):
        shape = size[1] >> level, size[0] >> level
        noise = rng.normal(0, contrast, (*shape, 1)) + rng.normal(0, contrast / 3, (*shape, 3))
        for channel in range(3):
            layer = Image.fromarray(noise[..., channel].astype(np.float32))
            drawn[..., channel] += np.asarray(layer.resize(size, Image.Resampling.BICUBIC))
    return Image.fromarray(np.clip(drawn, 0, 255).astype(np.uint8))


# What follows runs in processes of their own ------------------------------------------------------


def _apart(what: str, folder: Path, pictures: list[str], prompt: str) -> dict[str, float]:
    command = [sys.executable, __file__, what, prompt, *(str(folder / picture) for picture in pictures)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def draw(prompt: str, paths: list[Path]) -> dict[str, object]:
    """Draw a clip as the sandbox does, uploads included, and return what that took."""
    from ipyveo.engine import render
    from ipyveo.engine.scene import Between
    from ipyveo.media.original import Original
    from ipyveo.media.picture import decode_file

    kinds = []
    stage = render.stage

    def noted(*said, **more):
        scene = stage(*said, **more)
        kinds.append(scene._between.kind if isinstance(scene, Between) else type(scene).__name__.lower())
        return scene

    render.stage = noted
    pictures = [
        decode_file(
            Original(lambda file, path=path: file.write(path.read_bytes()), path.name), path.name
        ).image
        for path in paths
    ]
    clip = paths[0].with_name("clip.mp4")
    # A sandbox has drawn before: so has what encodes alone.
    _render(clip, [picture.resize((64, 36)) for picture in pictures], prompt)
    begun = time.process_time()
    _render(clip, pictures, prompt)
    cpu = time.process_time() - begun
    status = Path("/proc/self/status").read_text("utf-8")
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1000
    return {"cpu": cpu, "peak": peak, "size": clip.stat().st_size, "kind": kinds[-1]}


def encode(prompt: str, paths: list[Path]) -> dict[str, float]:
    """Encode the frames of the same clip, drawn beforehand, as the renderer does."""
    from ipyveo.engine import render
    from ipyveo.engine.encode import Canvas, Encoder

    kept = []

    class Keeping(Encoder):
        def write(self, canvas, _):
            kept.append([plane.copy() for plane in canvas.planes])

    render.Encoder = Keeping
    clip = paths[0].with_name("encoded.mp4")
    _render(clip, [Image.open(path) for path in paths], prompt)
    canvases = []
    for planes in kept:
        canvases.append(Canvas(WIDTH, HEIGHT))
        for plane, drawn in zip(canvases[-1].planes, planes, strict=True):
            np.copyto(plane, drawn)
    begun = time.process_time()
    with Encoder(clip, WIDTH, HEIGHT, frames=len(canvases), fragmented=False) as encoder:
        for number, canvas in enumerate(canvases):
            encoder.write(canvas, number)
    return {"cpu": time.process_time() - begun}


def _render(clip: Path, pictures: list[Image.Image], prompt: str) -> None:
    from ipyveo.engine.render import render_clip

    start, end = pictures[0], pictures[1] if len(pictures) > 1 else None
    render_clip(
        clip,
        start,
        end,
        width=WIDTH,
        height=HEIGHT,
        seconds=SECONDS,
        prompt=prompt,
        take=0,
        on_progress=lambda _: None,
    )


if __name__ == "__main__":
    measured = {"draw": draw, "encode": encode}[sys.argv[1]](
        sys.argv[2], [Path(path) for path in sys.argv[3:]]
    )
    print(json.dumps(measured))  # noqa: T201 - its parent reads it
