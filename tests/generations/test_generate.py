"""`generate`: from two pictures to saved clips, whatever the files on the far side do."""

from __future__ import annotations

import asyncio
import json
import threading
import warnings
from datetime import datetime, timedelta

import pytest
from PIL import Image

from ipyveo import (
    CompleteEvent,
    DownloadError,
    Frame,
    FrameError,
    GenerationFailedError,
    InterruptedGenerationError,
    InvalidRequestError,
    Library,
    OutOfCreditsError,
    StatusEvent,
    VeoClient,
    generate,
)
from ipyveo.api.events import Video
from ipyveo.generations.generate import again
from ipyveo.generations.lookup import Row, choose
from ipyveo.generations.shot import Shot
from ipyveo.library.sheet import python_code


async def test_two_pictures_and_a_sentence_become_saved_clips(client, ledger, pictures, tmp_path):
    book = ledger(client)
    clips = await generate(
        *pictures, prompt="Dusk falls, slowly!", number_of_videos=2, client=client, library=tmp_path / "clips"
    )
    assert len(clips) == 2
    assert book.received_posts == 1
    for clip in clips:
        assert (clip.width, clip.height, clip.fps) == (1280, 720, 24)
        assert clip.duration == pytest.approx(0.25)
        assert clip.size == clip.path.stat().st_size
        assert clip.engine == "sandbox"
        assert "dusk-falls-slowly" in clip.path.name
        assert clip.path.read_bytes()[4:8] == b"ftyp"
    assert clips[0].path.read_bytes() != clips[1].path.read_bytes()
    assert Library(tmp_path / "clips").clips() == clips


async def test_the_parameters_lie_beside_the_clip(client, pictures, tmp_path):
    (clip,) = await generate(*pictures, prompt="dusk", aspect_ratio="9:16", client=client, library=tmp_path)
    sheet = json.loads(clip.path.with_suffix(".json").read_text("utf-8"))
    assert sheet["request"]["prompt"] == "dusk"
    assert sheet["request"]["aspect_ratio"] == "9:16"
    assert sheet["request"]["pictures"] == ["sample-day.png", "sample-night.png"]
    assert (sheet["width"], sheet["height"]) == (720, 1280)


async def test_the_originals_stay_in_the_library_and_only_clean_pictures_go_out(client, tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 0.0)})
    Image.new("RGB", (400, 300), "teal").save(tmp_path / "day.jpg", exif=exif)
    original = (tmp_path / "day.jpg").read_bytes()
    day = Frame(tmp_path / "day.jpg", zoom=2.0)
    (tmp_path / "day.jpg").unlink()
    library = Library(tmp_path / "clips")
    (clip,) = await generate(day, day.framed(fit="blur"), prompt="dusk", client=client, library=library)
    asked = json.loads(clip.path.with_suffix(".json").read_text("utf-8"))["request"]
    names = set(asked["originals"])
    assert len(asked["originals"]) == 2
    assert len(names) == 1  # once, however often it is used
    (name,) = names
    assert name.startswith("original-")
    assert name.endswith(".jpg")
    assert (library.path / "pictures" / name).read_bytes() == original
    (entry,) = library.generations()
    assert [picture.original for picture in entry.pictures] == asked["originals"]
    sent = [(library.path / "pictures" / picture.file).read_bytes() for picture in entry.pictures]
    assert sent == [day.fitted("16:9").data, day.framed(fit="blur").fitted("16:9").data]
    assert not any(b"Exif" in data for data in sent)


async def test_a_framed_picture_is_asked_for_again_as_it_was(client, tmp_path):
    Image.linear_gradient("L").convert("RGB").save(tmp_path / "day.jpg")
    day = Frame(tmp_path / "day.jpg", focus=(0.25, 0.5), zoom=1.5, background="navy")
    library = Library(tmp_path / "clips")
    first = generate(day, prompt="dusk", client=client, library=library)
    (clip,) = await first
    assert "    Frame('day.jpg', focus=(0.25, 0.5), zoom=1.5, background='navy'),\n" in python_code(clip)
    assert python_code(clip).startswith("from ipyveo import Frame, generate\n")
    (kept,) = library.generations()[0].pictures
    frame = library.frame(kept)
    assert repr(frame) == repr(day)
    assert frame.fitted("16:9").data == day.fitted("16:9").data
    second = again(first)
    await second
    assert second.entry.digest == first.entry.digest
    assert library.generations()[1].pictures == (kept,)
    (library.path / "pictures" / kept.original).unlink()
    assert library.frame(kept).framing == {}
    assert library.frame(kept).original()[0] == day.fitted("16:9").data
    (library.path / "pictures" / kept.file).unlink()
    with pytest.raises(FrameError, match="no longer in the library"):
        library.frame(kept)


async def test_its_events_are_the_services_and_then_its_own(client, pictures, tmp_path):
    shot = generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    events = [event async for event in shot]
    words = [event.status for event in events if isinstance(event, StatusEvent)]
    assert words[:3] == ["starting", "uploading_images", "processing"]
    assert words[-1] == "downloading"
    assert sum(isinstance(event, CompleteEvent) for event in events) == 1
    assert len(await shot) == 1
    assert [event async for event in shot] == events


async def test_nothing_is_sent_until_it_is_awaited(client, ledger, pictures):
    book = ledger(client)
    shot = generate(*pictures, prompt="dusk", client=client)
    assert isinstance(shot, Shot)
    assert shot.outcome == "idle"
    assert book.received_posts == 0


def test_without_a_key_it_runs_on_the_sandbox_and_with_one_it_does_not(pictures, monkeypatch):
    assert generate(*pictures, prompt="dusk").client.engine == "sandbox"
    monkeypatch.setenv("GENAIPRO_API_KEY", "a-key-of-no-one")
    assert generate(*pictures, prompt="dusk").client.base_url == "https://genaipro.vn/api/v1"


async def test_one_failed_take_is_a_warning_and_the_others_are_there(client, pictures, tmp_path):
    shot = generate(
        *pictures,
        prompt="dusk [sandbox: one-failed]",
        number_of_videos=2,
        client=client,
        library=tmp_path,
    )
    with pytest.warns(UserWarning, match="Take 2 failed"):
        clips = await shot
    assert len(clips) == 1


async def test_a_clip_of_another_shape_than_asked_is_said(client, pictures, tmp_path):
    shot = generate(
        *pictures, prompt="dusk [sandbox: portrait-as-landscape]", client=client, library=tmp_path
    )
    with pytest.warns(UserWarning, match=r"came back as 720x1280 although 16:9"):
        (clip,) = await shot
    assert (clip.width, clip.height) == (720, 1280)


@pytest.mark.parametrize("shape", ["no-url", "no-url, rows", "no-url, changed-prompt"])
async def test_an_address_that_comes_only_with_the_histories_is_waited_for(
    client, ledger, pictures, tmp_path, shape
):
    book = ledger(client)
    clips = await generate(
        *pictures, prompt=f"dusk [sandbox: {shape}]", number_of_videos=2, client=client, library=tmp_path
    )
    assert len(clips) == 2
    assert len({clip.path.read_bytes() for clip in clips}) == 2
    assert book.received_posts == 1


@pytest.mark.parametrize("fault", ["slow-file", "redirect-file"])
async def test_a_clip_arrives_all_the_same(client, pictures, tmp_path, fault):
    clips = await generate(*pictures, prompt=f"dusk [sandbox: {fault}]", client=client, library=tmp_path)
    assert [clip.width for clip in clips] == [1280]


@pytest.mark.parametrize(
    ("fault", "piece"),
    [
        ("dead-link", "status 404"),
        ("truncated-file", "again and again"),
        ("html-file", "not a playable video"),
        ("short-file", "not a playable video"),
        ("wrong-file", "not a playable video"),
        ("evil-redirect", "may not be fetched"),
        ("evil-url", "may not be fetched"),
        ("javascript-url", "may not be fetched"),
    ],
)
async def test_a_file_that_is_no_clip_is_a_download_error_and_leaves_nothing_behind(
    client, ledger, pictures, tmp_path, fault, piece
):
    book = ledger(client)
    with pytest.raises(DownloadError, match=piece) as caught:
        await generate(*pictures, prompt=f"dusk [sandbox: {fault}]", client=client, library=tmp_path)
    assert caught.value.maybe_charged is True
    assert len(str(caught.value)) < 300
    assert book.accepted_posts == 1
    left = {path.suffix for path in tmp_path.iterdir() if path.name != "pictures"}
    assert left == {"", ".sqlite3", ".lock"}  # no clip, no sheet, no part of one
    assert [entry.state for entry in Library(tmp_path).generations()] == ["complete"]


async def test_all_takes_failed_is_an_error_and_not_a_warning(client, pictures, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(GenerationFailedError):
            await generate(
                *pictures,
                prompt="dusk [sandbox: status=MEDIA_GENERATION_STATUS_FAILED]",
                client=client,
                library=tmp_path,
            )


async def test_stopping_ends_the_wait_and_the_job_goes_on(client, ledger, pictures, tmp_path):
    book = ledger(client)
    shot = generate(*pictures, prompt="dusk [sandbox: stall@starting]", client=client, library=tmp_path)
    async for _ in shot:
        shot.stop()
        break
    with pytest.raises(InterruptedGenerationError, match="goes on"):
        await shot
    assert shot.outcome == "stopped"
    assert book.accepted_posts == 1


async def test_cancelling_the_wait_is_stopping(client, pictures, tmp_path):
    shot = generate(*pictures, prompt="dusk [sandbox: stall@starting]", client=client, library=tmp_path)
    waiting = asyncio.ensure_future(_clips(shot))
    await anext(aiter(shot))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(InterruptedGenerationError):
        await shot


async def _clips(shot):
    return await shot


async def test_a_library_that_cannot_be_written_is_said_before_anything_is_sent(
    client, ledger, pictures, tmp_path
):
    book = ledger(client)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InvalidRequestError, match="The library cannot be used") as caught:
        await generate(*pictures, prompt="dusk", client=client, library=tmp_path / "file" / "clips")
    assert caught.value.maybe_charged is False
    assert book.received_posts == 0


@pytest.mark.parametrize("trouble", ["500", "429-forever", "401-html", "reset"])
async def test_histories_that_fail_never_turn_a_paid_video_into_nothing_charged(
    pictures, tmp_path, monkeypatch, trouble
):
    monkeypatch.setattr("ipyveo.generations.search._PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr("ipyveo.generations.search._SHORTEST_LOOK_SECONDS", 0.5)
    client = VeoClient.sandbox(
        clip_seconds=0.25, stage_seconds=0.0, fault=f"no-url, {trouble}@histories", quota=100_000
    )
    with pytest.raises(InterruptedGenerationError, match="account could not be read") as caught:
        await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    assert caught.value.maybe_charged is True


def row(prompt: str, created: datetime, *urls: str, name: str = "row", status: str = "success") -> Row:
    videos = [Video(name, prompt, url, status, created.isoformat()) for url in urls or [None]]
    return Row(tuple(videos))


async def test_which_rows_of_the_histories_are_a_run_s_own(client, pictures, tmp_path):
    shot = generate(*pictures, prompt="dusk  falls", number_of_videos=2, client=client, library=tmp_path)
    await shot
    (entry,) = Library(tmp_path).generations()
    sent, journal = entry.sent_at, Library(tmp_path).journal
    minute = timedelta(minutes=1)

    def urls(*rows: Row) -> list[str | None]:
        return [take.file_url for take in choose(list(rows), journal, entry).takes]

    assert urls(row("dusk\nfalls ", sent, "a", "b")) == ["a", "b"]
    slow_clock = row("dusk falls", sent - 4 * minute, "a", "b")
    assert urls(slow_clock) == ["a", "b"]
    assert not choose(
        [slow_clock], journal, entry
    ).settled  # it may be an older video: the new one comes first
    assert choose([row("dusk falls", sent, "c", "d"), slow_clock], journal, entry).settled
    assert urls(row("dusk falls", sent - 6 * minute, "a", "b")) == []  # an older video of the same prompt
    assert urls(row("dawn breaks", sent, "a", "b")) == []
    single = [row("dusk falls", sent + n * minute, name, name=name) for n, name in enumerate("ab")]
    assert urls(*single) == ["a", "b"]  # a row a video
    both = row("dusk falls", sent + minute, "c", "d", name="both")
    assert urls(*single, both) == ["c", "d"]  # the row that is the whole run comes first
    assert not choose(single[:1], journal, entry).settled
    going = choose([row("dusk falls", sent, status="active")], journal, entry)
    assert (going.takes, going.traced, going.pending) == ((), True, True)
    assert choose([], journal, entry).traced is False
    (own,) = (take.id for take in journal.takes(entry.id)[:1])
    assert urls(row("whatever it says", sent - 99 * minute, "a", "b", name=own)) == ["a", "b"]  # its own id


async def test_a_listener_that_fails_does_not_lose_a_paid_clip(client, pictures, tmp_path, caplog):
    shot = generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    shot.listen(lambda _: 1 / 0)
    assert len(await shot) == 1
    assert "A listener failed" in caplog.text


async def test_stopping_before_anything_was_sent_says_that_nothing_was_charged(
    client, ledger, pictures, tmp_path
):
    book = ledger(client)
    shot = generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    shot.stop()
    with pytest.raises(InterruptedGenerationError, match="Nothing was charged") as caught:
        await shot
    assert caught.value.maybe_charged is False
    assert book.received_posts == 0


async def test_a_client_closed_under_a_run_leaves_it_in_doubt_and_not_refunded(client, pictures, tmp_path):
    shot = generate(
        *pictures, prompt="dusk [sandbox: stall@starting]", client=client, library=tmp_path
    ).start()
    await anext(aiter(shot))
    await client.aclose()
    with pytest.raises(InterruptedGenerationError) as caught:
        await shot
    assert caught.value.maybe_charged is True


async def test_out_of_credits_reaches_the_caller_unchanged(client, pictures, tmp_path):
    with pytest.raises(OutOfCreditsError):
        await generate(*pictures, prompt="dusk [sandbox: 402]", client=client, library=tmp_path)


def test_bad_input_is_refused_before_anything_is_sent(client, ledger, pictures):
    book = ledger(client)
    for kind, arguments in (
        (InvalidRequestError, {"start_image": None, "prompt": "dusk"}),
        (InvalidRequestError, {"start_image": pictures[0], "prompt": ""}),
        (FrameError, {"start_image": "missing.png", "prompt": "dusk"}),
    ):
        with pytest.raises(kind):
            generate(**arguments, client=client)
    assert book.received_posts == 0


async def test_the_first_frame_is_the_start_picture_and_the_last_the_end_picture(pictures, tmp_path):
    import av
    import numpy as np
    from PIL import Image

    client = VeoClient.sandbox(stage_seconds=0.0, quota=100_000)
    (clip,) = await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    with av.open(str(clip.path)) as file:
        frames = [frame.to_ndarray(format="gray") for frame in file.decode(video=0)]
    assert len(frames) == 192
    assert frames[0].shape == (720, 1280)
    for frame, picture in ((frames[0], pictures[0]), (frames[-1], pictures[1])):
        with Image.open(picture) as image:
            truth = np.asarray(image.convert("L").resize((1280, 720), Image.Resampling.LANCZOS), float)
        # Decoders differ in how they spread studio luma over 0..255; a straight line takes that out.
        slope, offset = np.polyfit(frame.ravel()[::97].astype(float), truth.ravel()[::97], 1)
        error = np.mean((frame * slope + offset - truth) ** 2)
        assert 10 * np.log10(255**2 / error) > 30


async def test_the_key_is_nowhere_in_the_library(client, pictures, tmp_path):
    await generate(*pictures, prompt="dusk", client=client, library=tmp_path)
    key = client._find_endpoint().key.bearer().removeprefix("Bearer ").encode()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 9  # the clip, its sheet, 2 pictures and originals, journal, owners, .gitignore
    assert not [path for path in files if key in path.read_bytes()]


@pytest.mark.parametrize("number", [8, pytest.param(120, marks=pytest.mark.soak)])
async def test_many_at_once_are_each_sent_once_and_each_kept(client, ledger, pictures, tmp_path, number):
    book = ledger(client)
    shots = [
        generate(pictures[0], prompt=f"shot {index % 5}", client=client, library=tmp_path)
        for index in range(number)
    ]
    kept = [clip for clips in await asyncio.gather(*shots) for clip in clips]
    assert len({clip.path for clip in kept}) == number
    assert len(Library(tmp_path).clips()) == number
    assert book.received_posts == book.charged == number
    assert [thread.name for thread in threading.enumerate()].count("ipyveo") == 1
