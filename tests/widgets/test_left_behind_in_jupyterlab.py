"""What is left behind, what it costs, and a second tab, in a real JupyterLab in a real browser."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest
from playwright.sync_api import expect

from ipyveo.loop import submit
from ipyveo.sandbox import EmbeddedSandbox, SandboxOptions
from lab import Notebook
from relay import Relay

expect.set_options(timeout=30_000)
pytestmark = pytest.mark.browser

PLAIN = """
from ipyveo import FramesToVideo, VeoClient
client = VeoClient({key!r}, {base!r})
FramesToVideo({arguments}client=client, library={library!r}{settings})
"""


@pytest.fixture
def sandbox():
    """A sandbox that outlives the kernels, whose stages can be seen."""
    embedded = EmbeddedSandbox(SandboxOptions(clip_seconds=1, stage_seconds=3))
    yield embedded.start()
    embedded.stop()


@pytest.fixture
def service(sandbox):
    """The same, keeping back that it is a sandbox: a page has to take it for the service."""
    relay = Relay(sandbox.base_url, veiled=True)
    submit(relay.__aenter__()).result()
    yield relay
    submit(relay.__aexit__()).result()


def posts(address) -> int:
    with urllib.request.urlopen(address.base_url.removesuffix("/api/v1") + "/sandbox/ledger") as answer:
        return json.load(answer)["received_posts"]


def cell(address, library: str, arguments: str = "", settings: str = "", base: str = "") -> str:
    return PLAIN.format(
        key=address.api_key,
        base=base or address.base_url,
        library=library,
        arguments=arguments,
        settings=settings,
    )


def test_a_form_filled_in_on_the_page_comes_back_with_its_run_after_a_kernel_restart(
    lab, tab, pictures, sandbox
):
    notebook = Notebook(lab, tab, "seat.ipynb", cell(sandbox, "seat"))
    notebook.run_cell(0)
    studio = notebook.studio()
    studio.get_by_label("Start frame", exact=True).set_input_files(pictures[0])
    expect(studio.get_by_role("button", name="Remove start frame", exact=True)).to_be_visible()
    studio.get_by_role("textbox", name="Prompt", exact=True).fill("typed on the page")
    studio.get_by_role("radio", name="2", exact=True).check(force=True)
    studio.get_by_role("button", name="Generate", exact=True).click()
    expect(studio.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "Starting")
    tab.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(studio.get_by_text("The kernel ended during a run").first).to_be_visible()
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio.get_by_role("textbox", name="Prompt", exact=True)).to_have_value("typed on the page")
    expect(studio.get_by_role("radio", name="2", exact=True)).to_be_checked()
    expect(studio.get_by_text(pictures[0].name).first).to_be_visible()
    expect(studio.get_by_role("group", name="Take 2", exact=True)).to_be_visible()
    assert posts(sandbox) == 1


def test_a_run_that_was_stopped_is_offered_and_fetched_at_a_click(lab, tab, pictures, sandbox):
    arguments = f"{str(pictures[0])!r}, prompt='dusk', "
    notebook = Notebook(lab, tab, "offer.ipynb", cell(sandbox, "offer", arguments))
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio.get_by_role("button", name="Remove start frame", exact=True)).to_be_visible()
    studio.get_by_role("button", name="Generate", exact=True).click()
    expect(studio.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "Starting")
    studio.get_by_role("button", name="Stop watching", exact=True).click()
    left = studio.get_by_role("group", name="Left behind", exact=True)
    expect(left).to_contain_text(re.compile(r"1 video from \d\d:\d\d"))
    left.get_by_role("button", name=re.compile("Fetch|Look for it")).press("Enter")
    expect(studio.get_by_role("group", name="Take 1", exact=True)).to_be_visible()
    expect(left).to_be_hidden()
    assert posts(sandbox) == 1


def test_what_a_run_may_cost_and_did_cost_is_on_the_page(lab, tab, pictures, sandbox, service):
    arguments = f"{str(pictures[0])!r}, prompt='dusk', number_of_videos=2, "
    notebook = Notebook(
        lab, tab, "money.ipynb", cell(sandbox, "money", arguments, ", budget=3", service.base_url)
    )
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio.get_by_text("Sandbox")).to_have_count(0)
    before = r"up to 2 of 100 credits, 100 expire on \d+ \w+( \d{4})?; 3 of the budget of 3 left"
    expect(studio.get_by_text(re.compile(before))).to_be_visible()
    generate = studio.get_by_role("button", name="Generate", exact=True)
    generate.click()
    expect(studio.get_by_role("group", name="Take 2", exact=True)).to_be_visible()
    expect(studio.get_by_text(re.compile(r"made in \d:\d\d · cost 2 credits"))).to_be_visible()
    expect(studio.get_by_text("98 credits left")).to_be_visible()
    after = r"again up to 2 of 98 credits, .*; 1 of the budget of 3 left"
    expect(studio.get_by_text(re.compile(after))).to_be_visible()
    generate.click()
    refused = (
        "This run may cost up to 2 credits, and 1 of the budget of 3 are left. Nothing was sent and nothing "
        "was charged. Ask for fewer videos, or raise the budget."
    )
    expect(studio.get_by_role("alert").locator("p")).to_have_text(refused)
    studio.get_by_role("radio", name="1", exact=True).check(force=True)
    studio.get_by_role("textbox", name="Prompt", exact=True).fill("dusk [sandbox: unsafe]")
    generate.click()
    expect(studio.get_by_role("alert")).to_contain_text("This run cost nothing.")
    assert posts(sandbox) == 2


def test_a_run_in_doubt_can_be_sent_again_by_a_button_that_says_what_it_may_cost(
    lab, tab, pictures, sandbox, service
):
    arguments = f"{str(pictures[0])!r}, prompt='dusk [sandbox: 500]', number_of_videos=2, "
    notebook = Notebook(lab, tab, "doubt.ipynb", cell(sandbox, "doubt", arguments, "", service.base_url))
    notebook.run_cell(0)
    studio = notebook.studio()
    expect(studio.get_by_role("button", name="Remove start frame", exact=True)).to_be_visible()
    studio.get_by_role("button", name="Generate", exact=True).click()
    again = studio.get_by_role("button", name="Send again, up to 2 more credits", exact=True)
    expect(again).to_be_visible()
    assert posts(sandbox) == 1
    again.click()
    for _ in range(600):
        if posts(sandbox) == 2:
            break
        tab.wait_for_timeout(50)
    expect(again).to_be_visible()
    studio.get_by_role("button", name="Stop watching", exact=True).click()
    expect(studio.get_by_role("group", name="Left behind", exact=True)).to_contain_text("2 videos from")
    assert posts(sandbox) == 2


def test_a_second_browser_tab_opened_in_mid_run_agrees_with_the_first(lab, browser, pictures, held):
    arguments = f"{str(pictures[0])!r}, prompt='dusk', "
    context = browser.new_context(viewport={"width": 1100, "height": 1400})
    shown = PLAIN.format(key="no-one's", base=held.url, library="tabs", arguments=arguments, settings="")
    first = Notebook(lab, context.new_page(), "tabs.ipynb", shown)
    first.run_cell(0)
    studio = first.studio()
    expect(studio.get_by_role("button", name="Remove start frame", exact=True)).to_be_visible()
    first.save()
    studio.get_by_role("button", name="Generate", exact=True).click()
    expect(studio.get_by_role("progressbar")).to_be_visible()
    second = Notebook(lab, context.new_page(), "tabs.ipynb")
    other = second.studio()
    expect(other.get_by_role("progressbar")).to_be_visible()
    for view in (studio, other):
        expect(view.get_by_role("button", name="Generate", exact=True)).to_have_attribute(
            "aria-disabled", "true"
        )
    studio.get_by_role("textbox", name="Prompt", exact=True).fill("typed in the first tab")
    expect(other.get_by_role("textbox", name="Prompt", exact=True)).to_have_value("typed in the first tab")
    held.go.set()
    for view in (studio, other):
        expect(view.get_by_role("group", name="Take 1", exact=True)).to_be_visible()
        expect(view.get_by_role("progressbar")).to_be_hidden()
    assert held.posts == 1
    context.close()
