"""What a user does, in a real JupyterLab with a real browser."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect

from far_side import Service, answering
from ipyveo.sandbox import EmbeddedSandbox, SandboxOptions
from lab import Notebook

pytestmark = pytest.mark.browser

expect.set_options(timeout=30_000)
SETUP = """
from ipyveo import FramesToVideo, VeoClient, sample_pictures
client = VeoClient.sandbox(clip_seconds=2, stage_seconds=1)
studio = FramesToVideo(client=client, library="clips")
studio
"""
# Every letter is a shortcut of the notebook; the slow file lets the download be seen.
PROMPT = "dusk falls, a b c d d x 1 2 [sandbox: slow-file]"
FRAMES = 'Array.from(document.querySelectorAll("video"))'


# Every stage that the page shows, in order, however short it is.
WATCH_STAGES = """() => {
    window.stages = [];
    const bar = document.querySelector('.ipyveo [role=progressbar]');
    const note = () => window.stages.push(bar.getAttribute('aria-valuetext'));
    new MutationObserver(note).observe(bar, { attributeFilter: ['aria-valuetext'] });
}"""


def filled(service: Service | None = None, **arguments: str) -> str:
    settings = "".join(f", {name}={value!r}" for name, value in arguments.items())
    sandbox = "VeoClient.sandbox(clip_seconds=1, stage_seconds=0.3)"
    client = sandbox if service is None else f"VeoClient('a-key-of-no-one', {service.url!r})"
    return f"""
    from ipyveo import FramesToVideo, VeoClient, sample_pictures
    day, night = sample_pictures()
    client = {client}
    studio = FramesToVideo(day, night, client=client, library="clips"{settings})
    studio
    """


def ledger(notebook: Notebook, index: int) -> dict[str, int]:
    """Ask the sandbox of a notebook what it has accepted, through a cell."""
    notebook.run_cell(index)
    text = notebook.output(index).locator("pre").first
    expect(text).to_contain_text("ADDRESS")
    address = re.search(r"ADDRESS (\S+)", text.inner_text())[1]
    with urllib.request.urlopen(address, timeout=10) as answer:
        return json.load(answer)


LEDGER = 'print("ADDRESS", client.base_url.removesuffix("/api/v1") + "/sandbox/ledger")'


def videos_advance(notebook: Notebook, count: int) -> None:
    notebook.page.wait_for_function(
        f"() => {FRAMES}.filter((v) => v.currentTime > 0.2 && !v.error).length === {count}"
    )


def test_two_pictures_a_sentence_and_a_click_become_two_playing_videos(lab, tab, pictures):
    notebook = Notebook(lab, tab, "journey.ipynb", SETUP, "1 + 1", LEDGER)
    notebook.problems.clear()
    notebook.run_cell(0)
    studio = notebook.studio()
    studio.get_by_label("Start frame", exact=True).set_input_files(pictures[0])
    studio.get_by_label("End frame", exact=True).set_input_files(pictures[1])
    expect(studio.get_by_role("button", name="Remove start frame", exact=True)).to_be_visible()
    expect(studio.get_by_role("button", name="Remove end frame", exact=True)).to_be_visible()
    cells = notebook.page.locator(".jp-Cell").count()
    studio.get_by_role("textbox", name="Prompt", exact=True).click()
    tab.keyboard.type(PROMPT, delay=20)
    assert notebook.page.locator(".jp-Cell").count() == cells
    studio.get_by_role("radio", name="9:16", exact=True).check(force=True)
    studio.get_by_role("radio", name="2", exact=True).check(force=True)
    expect(studio.get_by_text("Sandbox", exact=True)).to_be_visible()

    tab.evaluate(WATCH_STAGES)
    button = studio.get_by_role("button", name="Generate", exact=True)
    button.dblclick()
    progress = studio.get_by_role("progressbar")
    expect(progress).to_be_visible()
    expect(button).to_have_attribute("aria-disabled", "true")
    for take in ("Take 1", "Take 2"):
        expect(studio.get_by_role("group", name=take, exact=True)).to_be_visible()
    expect(progress).to_be_hidden()
    stages = tab.evaluate("() => window.stages")
    known = ["Starting", "Uploading images", "Processing", "Downloading"]
    assert [stage for stage in stages if stage in known] == known

    for take in range(2):
        studio.locator("video").nth(take).evaluate("(video) => video.play()")
    videos_advance(notebook, 2)
    sizes = studio.locator("video").evaluate_all("(all) => all.map((v) => [v.videoWidth, v.videoHeight])")
    assert sizes == [[720, 1280], [720, 1280]]
    seeked = studio.locator("video").first.evaluate(
        """(video) => new Promise((resolve) => {
            video.pause();
            video.onseeked = () => resolve([video.currentTime, video.duration]);
            video.currentTime = video.duration / 2;
        })"""
    )
    assert seeked[0] == pytest.approx(seeked[1] / 2, abs=0.05)

    take = studio.get_by_role("group", name="Take 2", exact=True)
    with tab.expect_download() as download:
        take.get_by_role("button", name="Download", exact=True).click()
    assert download.value.suggested_filename.endswith(".mp4")
    assert download.value.path().read_bytes()[4:8] == b"ftyp"
    assert ledger(notebook, 2)["received_posts"] == 1
    assert notebook.problems == []


def test_the_same_by_keyboard_alone(lab, tab):
    notebook = Notebook(lab, tab, "keyboard.ipynb", filled(), LEDGER)
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio.get_by_role("button", name="Remove start frame")).to_be_visible()
    prompt = studio.get_by_role("textbox", name="Prompt", exact=True)
    prompt.focus()
    tab.keyboard.type("dusk falls")
    tab.keyboard.press("Tab")
    expect(studio.get_by_role("radio", name="16:9", exact=True)).to_be_focused()
    tab.keyboard.press("ArrowRight")
    expect(studio.get_by_role("radio", name="9:16", exact=True)).to_be_checked()
    tab.keyboard.press("Tab")
    tab.keyboard.press("ArrowRight")
    expect(studio.get_by_role("radio", name="2", exact=True)).to_be_checked()
    tab.keyboard.press("Tab")
    expect(studio.get_by_role("button", name="Generate", exact=True)).to_be_focused()
    tab.keyboard.down("Control")
    for _ in range(5):  # held down, as an impatient person does
        tab.keyboard.down("Enter")
    tab.keyboard.up("Enter")
    tab.keyboard.up("Control")
    expect(studio.get_by_role("group", name="Take 2", exact=True)).to_be_visible()
    for _ in range(12):
        if tab.evaluate("document.activeElement.getAttribute('aria-label')") == "Play take 1":
            break
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    videos_advance(notebook, 1)
    assert notebook.page.locator(".jp-Cell").count() == 2
    assert ledger(notebook, 1)["received_posts"] == 1


def test_the_same_from_code_and_a_clip_plays_inline(lab, tab):
    notebook = Notebook(
        lab, tab, "code.ipynb", filled(prompt="dusk"), "clips = await studio.generate()", "clips[0]"
    )
    notebook.run_all()
    group = notebook.studio().get_by_role("group", name="Take 1", exact=True)
    expect(group).to_be_visible()
    expect(notebook.output(2).get_by_role("region", name="Clip")).to_be_visible()
    videos_advance(notebook, 1)  # the inline one plays by itself


@pytest.mark.parametrize(
    ("fault", "sentence", "advice"),
    [
        pytest.param(
            "402", "No credits are left for this request.", "Top up your account", marks=pytest.mark.soak
        ),
        ("unsafe", "The service refused this prompt or picture as unsafe.", "Change the wording"),
        pytest.param(
            "403-html",
            "The service's front door turned the request away",
            "try again in some minutes",
            marks=pytest.mark.soak,
        ),
    ],
)
def test_a_fault_is_an_alert_with_advice_and_the_next_run_is_good(lab, tab, fault, sentence, advice):
    notebook = Notebook(lab, tab, f"fault-{fault}.ipynb", filled(prompt=f"dusk [sandbox: {fault}]"))
    notebook.run_cell(0)
    studio = notebook.studio()
    generate = studio.get_by_role("button", name="Generate", exact=True)
    expect(studio.get_by_role("button", name="Remove end frame")).to_be_visible()
    generate.click()
    alert = studio.get_by_role("alert")
    expect(alert).to_contain_text(sentence)
    expect(alert).to_contain_text(advice)
    studio.get_by_role("textbox", name="Prompt", exact=True).fill("dusk falls")
    generate.click()
    expect(studio.get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    expect(studio.get_by_role("alert")).to_have_count(0)


def test_a_dropped_line_is_looked_up_in_the_account_and_the_clip_arrives(lab, tab):
    prompt = "dusk [sandbox: drop@starting]"
    notebook = Notebook(
        lab,
        tab,
        "dropped.ipynb",
        filled(prompt=prompt).replace("stage_seconds=0.3", "stage_seconds=3"),
        LEDGER,
    )
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio.get_by_role("button", name="Remove end frame")).to_be_visible()
    studio.get_by_role("button", name="Generate", exact=True).click()
    expect(studio.get_by_role("progressbar")).to_have_attribute(
        "aria-valuetext", re.compile("Checking your account")
    )
    expect(studio.get_by_text("it is fetched when it shows up").first).to_be_visible()
    expect(studio.get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    assert ledger(notebook, 1)["received_posts"] == 1


def test_a_kernel_restarted_in_mid_run_loses_nothing_and_pays_once(lab, tab, pictures):
    sandbox = EmbeddedSandbox(SandboxOptions(clip_seconds=1, stage_seconds=0))
    address = sandbox.start()
    notebook = Notebook(
        lab,
        tab,
        "restart.ipynb",
        f"""
        from ipyveo import FramesToVideo, VeoClient
        client = VeoClient({address.api_key!r}, {address.base_url!r})
        prompt = "dusk [sandbox: stall@starting]"
        FramesToVideo({str(pictures[0])!r}, prompt=prompt, client=client, library="restarted")
        """,
        LEDGER,
    )
    notebook.run_cell(0)
    expect(notebook.studio().get_by_role("button", name="Remove start frame")).to_be_visible()
    notebook.studio().get_by_role("button", name="Generate", exact=True).click()
    expect(notebook.studio().get_by_role("progressbar")).to_have_attribute("aria-valuetext", "Starting")
    tab.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(notebook.studio().get_by_text("The kernel ended during a run").first).to_be_visible()
    notebook.run_cell(0)
    expect(notebook.studio().get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    assert ledger(notebook, 1)["received_posts"] == 1
    assert len(list((lab.root / "restarted").glob("*.mp4"))) == 1
    sandbox.stop()


def test_a_busy_cell_neither_holds_up_the_run_nor_the_stop(lab, tab):
    sleeper = """
    import pathlib, time
    print("asleep")
    while not pathlib.Path("wake up").exists():
        time.sleep(0.1)
    print(studio.status, len(studio.clips))
    """
    notebook = Notebook(
        lab, tab, "busy.ipynb", filled(prompt="dusk").replace("stage_seconds=0.3", "stage_seconds=3"), sleeper
    )
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio.get_by_role("button", name="Remove end frame")).to_be_visible()
    studio.get_by_role("button", name="Generate", exact=True).click()
    expect(studio.get_by_role("progressbar")).to_be_visible()
    notebook.run_cell(1)
    notebook.wait_for_output(1, "asleep")
    expect(studio.get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    expect(notebook.output(1).get_by_text("complete 1")).to_have_count(0)  # the cell is still asleep
    studio.get_by_role("textbox", name="Prompt", exact=True).fill("dusk [sandbox: stall@starting]")
    studio.get_by_role("button", name="Generate", exact=True).click()
    expect(studio.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "Starting")
    studio.get_by_role("button", name="Stop watching", exact=True).click()
    expect(studio.get_by_text("The job goes on at the service and may be charged.").first).to_be_visible()
    expect(notebook.output(1).get_by_text("stopped 0")).to_have_count(0)
    expect(studio.get_by_text("The kernel is not answering.")).to_have_count(0)
    (lab.root / "wake up").touch()
    notebook.wait_for_output(1, "stopped 0")


def test_stop_watching_says_that_the_job_goes_on(lab, tab):
    notebook = Notebook(lab, tab, "stop.ipynb", filled(prompt="dusk [sandbox: stall@starting]"))
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio.get_by_role("button", name="Remove end frame")).to_be_visible()
    studio.get_by_role("button", name="Generate", exact=True).click()
    expect(studio.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "Starting")
    studio.get_by_role("button", name="Stop watching", exact=True).click()
    expect(studio.get_by_text("The job goes on at the service and may be charged.").first).to_be_visible()
    expect(studio.get_by_role("progressbar")).to_be_hidden()
    expect(studio.get_by_role("button", name="Generate", exact=True)).not_to_have_attribute(
        "aria-disabled", "true"
    )


def test_two_views_of_one_widget_stay_in_step_and_send_one_request(lab, tab):
    notebook = Notebook(lab, tab, "views.ipynb", filled(prompt="dusk"), "studio", LEDGER)
    notebook.run_cell(0)
    expect(notebook.studio(0)).to_be_visible()
    notebook.run_cell(1)
    first, second = notebook.studio(0), notebook.studio(1)
    first.get_by_role("textbox", name="Prompt", exact=True).fill("typed in the first view")
    expect(second.get_by_role("textbox", name="Prompt", exact=True)).to_have_value("typed in the first view")
    second.get_by_role("radio", name="9:16", exact=True).check(force=True)
    expect(first.get_by_role("radio", name="9:16", exact=True)).to_be_checked()
    tab.evaluate(
        """() => {
            const all = document.querySelectorAll('button.iv-generate');
            for (const button of all) button.click();
        }"""
    )
    for view in (first, second):
        expect(view.get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    assert ledger(notebook, 2)["received_posts"] == 1


def test_a_reload_with_the_kernel_alive_brings_everything_back(lab, tab):
    notebook = Notebook(lab, tab, "reload.ipynb", filled(prompt="dusk"), "clips = await studio.generate()")
    notebook.run_all()
    expect(notebook.studio().get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    notebook.save()
    notebook.open()
    studio = notebook.studio()
    expect(studio.get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    expect(studio.get_by_role("textbox", name="Prompt", exact=True)).to_have_value("dusk")
    studio.locator("video").evaluate("(video) => video.play()")
    videos_advance(notebook, 1)


def test_a_reload_in_the_middle_of_a_run_goes_on_watching(lab, tab, held):
    notebook = Notebook(lab, tab, "midway.ipynb", filled(held, prompt="dusk"))
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio.get_by_role("button", name="Remove end frame")).to_be_visible()
    notebook.save()
    studio.get_by_role("button", name="Generate", exact=True).click()
    expect(studio.get_by_role("progressbar")).to_be_visible()
    notebook.open()
    bar = notebook.studio().get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuetext", re.compile("Starting|Uploading images|Processing"))
    expect(notebook.studio().locator(".iv-panel-foot")).to_contain_text(re.compile(r"\d:\d\d"))
    held.go.set()
    expect(notebook.studio().get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    assert held.posts == 1


def test_running_the_cell_again_shows_a_fresh_widget_that_works(lab, tab):
    notebook = Notebook(lab, tab, "again.ipynb", filled(prompt="dusk"), LEDGER)
    for _ in range(2):
        notebook.run_cell(0)
        expect(notebook.studio().get_by_role("button", name="Remove end frame")).to_be_visible()
    expect(notebook.page.get_by_role("region", name="Frames to video")).to_have_count(1)
    notebook.studio().get_by_role("button", name="Generate", exact=True).click()
    expect(notebook.studio().get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    assert ledger(notebook, 1)["received_posts"] == 1


def test_running_the_cell_again_in_the_middle_of_a_run_pays_once(lab, tab, held):
    notebook = Notebook(lab, tab, "twice.ipynb", filled(held, prompt="dusk"))
    notebook.run_cell(0)
    expect(notebook.studio().get_by_role("button", name="Remove end frame")).to_be_visible()
    notebook.studio().get_by_role("button", name="Generate", exact=True).click()
    expect(notebook.studio().get_by_role("progressbar")).to_be_visible()
    notebook.run_cell(0)
    # The new widget takes up the run by itself, and offers no second one while it goes.
    expect(notebook.studio().get_by_role("progressbar")).to_be_visible()
    expect(notebook.studio().get_by_role("button", name="Generate", exact=True)).to_have_attribute(
        "aria-disabled", "true"
    )
    held.go.set()
    expect(notebook.studio().get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    assert held.posts == 1


def test_a_take_can_be_extended_and_shows_the_code_that_made_it(lab, tab):
    notebook = Notebook(lab, tab, "extend.ipynb", filled(prompt="dusk"))
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio.get_by_role("button", name="Remove end frame")).to_be_visible()
    studio.get_by_role("button", name="Generate", exact=True).click()
    take = studio.get_by_role("group", name="Take 1", exact=True)
    take.get_by_role("button", name="Code", exact=True).click()
    expect(take.locator("pre")).to_contain_text("clips = await generate(")
    expect(take.locator("pre")).to_contain_text("prompt='dusk'")
    take.get_by_role("button", name="Extend", exact=True).click()
    expect(studio.get_by_role("button", name="Remove end frame")).to_be_hidden()
    expect(studio.get_by_text("1280\N{MULTIPLICATION SIGN}720").first).to_be_visible()


def test_a_kernel_that_is_gone_is_said_and_nothing_pretends_to_go_on(lab, tab):
    notebook = Notebook(lab, tab, "gone.ipynb", filled(prompt="dusk [sandbox: stall]"))
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio.get_by_role("button", name="Remove end frame")).to_be_visible()
    studio.get_by_role("button", name="Generate", exact=True).click()
    expect(studio.get_by_role("progressbar")).to_be_visible()
    tab.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(studio.get_by_text("The kernel ended during a run").first).to_be_visible()
    expect(studio.get_by_role("progressbar")).to_be_hidden()
    expect(studio.get_by_role("button", name="Generate", exact=True)).to_have_attribute(
        "aria-disabled", "true"
    )


def test_an_idle_widget_whose_kernel_was_restarted_says_so_within_five_seconds_and_what_to_do(lab, tab):
    notebook = Notebook(lab, tab, "idle.ipynb", filled(prompt="dusk"))
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio.get_by_role("button", name="Remove end frame")).to_be_visible()
    tab.evaluate(
        "() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
    )  # not waited for: the five seconds begin here
    expect(studio.get_by_text("Disconnected. Run the cell again.").first).to_be_visible(timeout=5_000)
    expect(studio.get_by_role("button", name="Generate", exact=True)).to_have_attribute(
        "aria-disabled", "true"
    )


def test_a_kernel_that_was_killed_is_said_to_be_silent_and_then_gone(lab, tab):
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    notebook = Notebook(lab, tab, "killed.ipynb", filled(prompt="dusk"), kill)
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio.get_by_role("button", name="Remove end frame")).to_be_visible()
    notebook.run_cell(1)
    # Jupyter's server looks for dead kernels every three seconds, and starts a new one before it says so.
    gone = studio.get_by_text(re.compile("Disconnected. Run the cell again.|The kernel is not answering."))
    expect(gone.first).to_be_visible(timeout=10_000)
    expect(studio.get_by_text("Disconnected. Run the cell again.").first).to_be_visible()


def test_what_is_missing_is_said_beside_the_field_and_nothing_is_sent(lab, tab):
    notebook = Notebook(lab, tab, "missing.ipynb", SETUP, LEDGER)
    notebook.run_cell(0)
    studio = notebook.studio()
    button = studio.get_by_role("button", name="Generate", exact=True)
    expect(button).to_have_attribute("aria-disabled", "true")
    button.click(force=True)
    expect(studio.get_by_text("Choose a start frame first.").first).to_be_visible()
    expect(studio.get_by_label("Start frame", exact=True)).to_be_focused()
    assert ledger(notebook, 1)["received_posts"] == 0


def test_a_file_that_is_no_picture_is_refused_beside_its_field(lab, tab, tmp_path):
    notes = tmp_path / "notes.png"
    notes.write_text("not a picture")
    notebook = Notebook(lab, tab, "notes.ipynb", SETUP)
    notebook.run_cell(0)
    studio = notebook.studio()
    studio.get_by_label("Start frame", exact=True).set_input_files(notes)
    expect(studio.get_by_text("notes.png").first).to_be_visible()
    expect(studio.get_by_role("button", name="Remove start frame")).to_have_count(0)


def test_the_saved_notebook_holds_no_key_no_picture_and_no_video(lab, tab, pictures):
    show_key = "print(len(client._find_endpoint().key.bearer()))"
    write_secrets = """
        from pathlib import Path
        Path('key.txt').write_text(client._find_endpoint().key.bearer().removeprefix('Bearer '))
        Path('thumbnail').write_bytes(studio.end_image.thumbnail())
        Path('sent').write_bytes(studio.end_image.fitted('16:9').data)
        print('WRITTEN')
    """
    notebook = Notebook(
        lab,
        tab,
        "saved.ipynb",
        filled(prompt="dusk"),
        "clips = await studio.generate()",
        "clips[0]",
        show_key,
        write_secrets,
    )
    notebook.run_all()
    studio = notebook.studio()
    studio.get_by_label("Start frame", exact=True).set_input_files(pictures[1])
    videos_advance(notebook, 1)
    notebook.wait_for_output(3, "39")
    notebook.wait_for_output(4, "WRITTEN")
    text = notebook.save()
    saved = json.loads(text)
    assert "application/vnd.jupyter.widget-state+json" in saved["metadata"]["widgets"]
    key = (lab.root / "key.txt").read_text()
    assert len(key) > 20
    assert key not in text
    clip = next((lab.root / "clips").glob("*.mp4")).read_bytes()
    thumbnail, sent = ((lab.root / name).read_bytes() for name in ("thumbnail", "sent"))
    for secret in (clip, thumbnail, sent, pictures[1].read_bytes()):
        assert len(secret) > 5000
        assert not _holds(text, secret[1000:1300])
    states = saved["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    for state in states:
        own = {name: value for name, value in state["state"].items() if name not in ("_esm", "_css")}
        assert len(json.dumps(own)) < 64 * 1024


def _holds(text: str, data: bytes) -> bool:
    """Look for bytes as base64, at each of its three alignments."""
    import base64

    return any(base64.b64encode(data[shift:])[8:60].decode() in text for shift in range(3))


def test_an_account_that_is_not_a_sandbox_is_named_by_its_host_with_what_is_left(lab, tab):
    packs = b'[{"quota":100,"used":23,"expires_at":null}]'
    with answering(lambda: (200, {}, packs)) as address:
        notebook = Notebook(
            lab,
            tab,
            "account.ipynb",
            f"""
            from ipyveo import FramesToVideo, VeoClient
            client = VeoClient("a-key-of-no-one", "{address}")
            FramesToVideo(client=client, number_of_videos=2)
            """,
        )
        notebook.run_cell(0)
        studio = notebook.studio()
        expect(studio.get_by_text("77 credits left")).to_be_visible()
        expect(studio.get_by_text("127.0.0.1")).to_be_visible()
        expect(studio.get_by_text("up to 2 of 77 credits")).to_be_visible()
        expect(studio.get_by_text("Sandbox")).to_have_count(0)


def incompressible(path: Path, megabytes: int) -> Path:
    """Draw a picture whose file has about this size: noise, saved without compression."""
    from PIL import Image

    side = int((megabytes * 2**20 / 3) ** 0.5)
    Image.effect_noise((side, side), 90).convert("RGB").save(path, "BMP")
    return path


@pytest.mark.parametrize("megabytes", [12, pytest.param(40, marks=pytest.mark.soak)])
def test_a_picture_over_the_sockets_limit_arrives(lab, tab, tmp_path, megabytes):
    picture = incompressible(tmp_path / "large.bmp", megabytes)
    notebook = Notebook(lab, tab, f"large-{megabytes}.ipynb", SETUP, "print(studio.start_image)")
    notebook.run_cell(0)
    studio = notebook.studio()
    studio.get_by_label("Start frame", exact=True).set_input_files(picture)
    expect(studio.locator("img").first).to_be_visible(timeout=60_000)
    notebook.run_cell(1)
    notebook.wait_for_output(1, "large.bmp")


@pytest.mark.soak
def test_thirty_runs_in_one_widget_leave_no_thread_behind(lab, tab):
    loop = """
    import threading
    first = None
    for _ in range(30):
        await studio.generate()
        # asyncio's own pool grows with the work there is, up to a bound of its own.
        pools = ("ThreadPool", "asyncio_")
        names = sorted(each.name for each in threading.enumerate() if not each.name.startswith(pools))
        first = first or names
    print("SAME" if names == first else (first, names), len(studio.clips))
    """
    notebook = Notebook(lab, tab, "thirty.ipynb", filled(prompt="dusk").replace("=0.3", "=0"), loop, LEDGER)
    notebook.run_cell(0)
    expect(notebook.studio()).to_be_visible()
    notebook.run_cell(1)
    expect(notebook.output(1).get_by_text("SAME 1")).to_be_visible(timeout=180_000)
    assert ledger(notebook, 2)["received_posts"] == 30
