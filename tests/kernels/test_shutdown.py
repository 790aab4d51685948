"""The end of a kernel: it comes when it is asked for, whatever goes on, and nothing is lost by it."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

FORM = {"type": "generate", "aspect_ratio": "16:9", "number_of_videos": 1}

REHEARSAL = """
here = VeoClient.sandbox()
rehearsal = generate(day, prompt="dusk [sandbox: stall@starting]", client=here, library=folder)
event = await anext(aiter(rehearsal))
print(here.base_url)
"""


@pytest.mark.parametrize(
    "cell",
    [
        "run(shot('dawn'))",
        *(pytest.param(cell, marks=pytest.mark.soak) for cell in ("", "await shot('dawn')")),
    ],
)
def test_a_kernel_that_is_told_to_end_ends_by_itself_and_its_runs_come_home(
    kernel, new_kernel, setup, client, ledger, cell
):
    book = ledger(client)
    ending = new_kernel()
    model = ending.shown(setup + "studio = widget('dusk [sandbox: stall@starting]')")
    sandbox = urlsplit(ending.do(REHEARSAL))
    ending.say(model, type="hello", view="tab")
    ending.say(model, **FORM, prompt="dusk [sandbox: stall@starting]")
    ending.until(lambda: "starting" in model.seen)
    if cell:
        ending.begin(cell.replace("dawn", "dawn [sandbox: stall@starting]"))
        ending.until(lambda: book.accepted_posts == 2)
    ending.shut_down()
    assert ending.process.returncode == 0  # neither SIGTERM nor SIGKILL was needed
    runs = book.received_posts
    assert runs == (2 if cell else 1)
    home = "print(len(await recover(client=client, library=folder, wait=30)))"
    assert kernel.do(setup + home) == str(runs)
    assert book.received_posts == runs
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((sandbox.hostname, sandbox.port))
