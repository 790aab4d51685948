"""Money made visible: what a run may cost, what it did cost, what came back, and a budget that holds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import warnings
from datetime import timedelta

import pytest

from far_side import answering
from ipyveo import (
    Budget,
    BudgetError,
    ContentRejectedError,
    InvalidRequestError,
    Library,
    VeoClient,
    VeoError,
    generate,
)
from ipyveo.generations import cost
from ipyveo.generations.cost import Meter, cost_words
from ipyveo.library import journal
from ipyveo.loop import on_background


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch):
    monkeypatch.setattr(cost, "_LOOKS", (0.0, 0.1, 0.1, 0.1, 0.1))
    monkeypatch.setattr(cost, "_running", {})  # the tests share an account


async def settled(shot) -> None:
    """Wait for the end of a run and for the account's word about it."""
    try:
        await shot
    finally:
        await shot.settled(30)


async def test_a_run_alone_knows_the_credits_it_cost(client, ledger, pictures, tmp_path):
    book = ledger(client)
    shot = generate(*pictures, prompt="dusk", number_of_videos=2, client=client, library=tmp_path)
    await settled(shot)
    assert (shot.cost, shot.refunded) == (book.charged, 0) == (2, 0)
    (entry,) = Library(tmp_path).generations()
    assert entry.cost == 2
    assert entry.ended_at is not None


async def test_of_runs_that_overlap_none_claims_a_measured_cost(client, pictures, tmp_path):
    alone = generate(pictures[0], prompt="dusk", client=client, library=tmp_path / "alone")
    await settled(alone)
    shots = [
        generate(pictures[0], prompt=f"dusk {n}", client=client, library=tmp_path / str(n)) for n in (1, 2)
    ]
    await asyncio.gather(*(settled(shot) for shot in shots))
    assert [shot.cost for shot in (alone, *shots)] == [1, None, None]


async def test_a_run_beside_one_that_was_stopped_claims_no_measured_cost(client, pictures, tmp_path):
    stopped = generate(
        pictures[0], prompt="dusk [sandbox: stall@starting]", client=client, library=tmp_path
    ).start()
    async for _ in stopped:
        break
    stopped.stop()
    shot = generate(pictures[0], prompt="dawn", client=client, library=tmp_path)
    await settled(shot)
    assert shot.cost is None


async def test_runs_one_after_the_other_are_measured(client, pictures, tmp_path):
    for prompt in ("dusk", "dawn"):
        shot = generate(pictures[0], prompt=prompt, client=client, library=tmp_path)
        await settled(shot)
        assert shot.cost == 1


async def test_a_run_right_after_one_whose_cost_is_unknown_may_have_that_ones_refund(
    client, pictures, tmp_path, monkeypatch
):
    async def unknown(_):
        return None

    with monkeypatch.context() as silenced:
        silenced.setattr(Meter, "_remaining", unknown)
        await settled(generate(pictures[0], prompt="dusk", client=client, library=tmp_path))
    shot = generate(pictures[0], prompt="dawn", client=client, library=tmp_path)
    await settled(shot)
    assert shot.cost is None
    monkeypatch.setattr(journal, "LONGEST_REFUND", timedelta())
    shot = generate(pictures[0], prompt="noon", client=client, library=tmp_path)
    await settled(shot)
    assert shot.cost == 1


async def test_a_failed_run_whose_credits_are_back_did_cost_nothing(client, ledger, pictures, tmp_path):
    book = ledger(client)
    shot = generate(pictures[0], prompt="dusk [sandbox: unsafe]", client=client, library=tmp_path)
    with pytest.raises(ContentRejectedError):
        await settled(shot)
    assert (shot.cost, book.charged - book.refunded) == (0, 0)


async def test_a_take_that_failed_is_not_in_the_cost(client, pictures, tmp_path):
    prompt = "dusk [sandbox: one-failed]"
    shot = generate(pictures[0], prompt=prompt, number_of_videos=2, client=client, library=tmp_path)
    with pytest.warns(UserWarning, match="Take 2 failed"):
        await settled(shot)
    assert shot.cost == 1


@contextlib.asynccontextmanager
async def metered(folder, *used: int):
    """A meter of an account whose credits are used up like this, call by call; the last stays."""
    told = list(used)

    def tell():
        now = told.pop(0) if len(told) > 1 else told[0]
        return 200, {}, json.dumps([{"quota": 100, "used": now, "expires_at": None}]).encode()

    with answering(tell) as address:
        meter = Meter(VeoClient("any", address), Library(folder).journal, "run")
        await on_background(meter.start())
        yield meter


@pytest.mark.parametrize(
    ("used", "made", "up_to", "cost", "refunded"),
    [
        ([23, 25], 2, 2, 2, 0),
        ([23, 24], 2, 2, 1, 0),  # it is not settled whether a request or a clip is charged
        ([23, 23, 23, 25, 25], 2, 2, 2, 0),  # the charge comes late
        ([23, 23], 2, 2, None, 0),  # or never: clips that cost nothing are not believed
        ([23, 25, 25, 23], 0, 2, 0, 2),  # the refund comes late
        ([23, 25], 0, 2, 2, 0),  # or never
        ([23, 25, 24], 1, 2, 1, 1),  # one of two takes failed
        ([23, 63], 2, 2, None, 0),  # a pack has ended meanwhile
        ([23, 3], 2, 2, None, 0),  # or one was bought
    ],
)
async def test_only_a_difference_that_can_be_so_is_the_cost(tmp_path, used, made, up_to, cost, refunded):
    async with metered(tmp_path, *used) as meter:
        await on_background(meter.read(made=made, up_to=up_to))
        assert (meter.cost, meter.refunded) == (cost, refunded)


async def test_a_run_in_doubt_is_taken_for_going_long_after_it_was_left(tmp_path):
    async def leave(meter):
        meter.stop(in_doubt=True)

    async with metered(tmp_path, 23, 24) as left:
        await on_background(leave(left))
        other = Meter(left._client, Library(tmp_path / "other").journal, "other")
        await on_background(other.start())
        await on_background(other.read(made=1, up_to=1))
        assert other.cost is None


async def test_an_account_that_is_silent_holds_a_run_up_for_some_seconds_at_most(
    client, ledger, pictures, tmp_path, monkeypatch
):
    monkeypatch.setattr(cost, "_CALL_SECONDS", 0.2)
    book = ledger(client)
    called = []

    async def silence(self):
        called.append(self)
        await asyncio.Event().wait()

    monkeypatch.setattr(VeoClient, "credits", silence)
    shot = generate(pictures[0], prompt="dusk", client=client, library=tmp_path)
    await settled(shot)
    assert (len(shot.clips), shot.cost) == (1, None)
    assert called
    assert cost_words(1, shot.cost, 0) == "cost up to 1 credit"
    assert book.received_posts == 1


# A budget ------------------------------------------------------------------------------------------


async def test_what_could_pass_the_budget_is_refused_unsent(client, ledger, pictures, tmp_path):
    book = ledger(client)
    with pytest.raises(BudgetError, match="up to 3 credits, and 2 of the budget of 2 are left") as caught:
        generate(*pictures, prompt="dusk", number_of_videos=3, budget=2, client=client, library=tmp_path)
    assert caught.value.maybe_charged is False
    assert len(str(caught.value)) < 300
    assert book.received_posts == 0


async def test_runs_that_share_a_budget_never_pass_it_together(client, ledger, pictures, tmp_path):
    book, budget = ledger(client), Budget(3)
    shots = [
        generate(pictures[0], prompt=f"dusk {number}", budget=budget, client=client, library=tmp_path)
        for number in range(5)
    ]
    ended = await asyncio.gather(*shots, return_exceptions=True)
    assert sorted(type(end).__name__ for end in ended) == [
        "BudgetError",
        "BudgetError",
        "list",
        "list",
        "list",
    ]
    assert book.received_posts == book.charged == 3
    assert budget.left == 0


async def test_a_run_counts_with_its_most_until_its_cost_is_known(client, pictures, tmp_path):
    budget = Budget(4)
    prompt = "dusk [sandbox: one-failed]"
    shot = generate(
        pictures[0], prompt=prompt, number_of_videos=2, budget=budget, client=client, library=tmp_path
    )
    lefts = [budget.left async for _ in shot]
    await shot.settled(30)
    assert set(lefts) == {2}
    assert budget.left == 3


async def test_a_failed_run_is_in_the_budget_until_its_credits_are_seen_to_be_back(
    client, pictures, tmp_path, monkeypatch
):
    budget, seen = Budget(2), []
    real = Meter.read

    async def read(self, **settings):
        seen.append(budget.left)
        await real(self, **settings)
        seen.append(self.cost)

    monkeypatch.setattr(Meter, "read", read)
    shot = generate(
        pictures[0],
        prompt="dusk [sandbox: unsafe]",
        number_of_videos=2,
        budget=budget,
        client=client,
        library=tmp_path,
    )
    with pytest.raises(ContentRejectedError):
        await settled(shot)
    assert seen == [0, 0]
    assert budget.left == 2


@pytest.mark.parametrize("fault", ["unsafe", "402", "403-html"])
async def test_a_run_that_failed_for_certain_leaves_the_budget_whole(client, pictures, tmp_path, fault):
    budget = Budget(1)
    shot = generate(
        pictures[0], prompt=f"dusk [sandbox: {fault}]", budget=budget, client=client, library=tmp_path
    )
    with pytest.raises(VeoError):
        await settled(shot)
    assert budget.left == 1


async def test_a_run_in_doubt_stays_in_the_budget(client, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr("ipyveo.generations.search._PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr("ipyveo.generations.search._SHORTEST_LOOK_SECONDS", 0.5)
    budget = Budget(1)
    shot = generate(pictures[0], prompt="dusk [sandbox: 500]", budget=budget, client=client, library=tmp_path)
    with pytest.raises(Exception, match="No trace"):
        await settled(shot)
    assert budget.left == 0


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "10"])
def test_a_budget_is_a_whole_number_of_credits(wrong):
    with pytest.raises(InvalidRequestError):
        Budget(wrong)


# The very same again -------------------------------------------------------------------------------


async def test_an_equal_request_says_so_before_it_pays_again(client, ledger, pictures, tmp_path):
    request = {"prompt": "dusk", "client": client, "library": tmp_path}
    first = await generate(*pictures, **request)
    book = ledger(client)
    with pytest.warns(UserWarning, match=r"is in the library already, from .* up to 1 credit\. reuse=True"):
        shot = generate(*pictures, **request)
    assert book.received_posts == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = await generate(*pictures, **request, reuse=True, budget=0)
        different = generate(*pictures, **{**request, "prompt": "dawn"})
    assert [clip.path for clip in again] == [clip.path for clip in first]
    assert book.received_posts == 0
    assert len(await shot) == len(await different) == 1
    assert book.received_posts == 2


async def test_reuse_goes_on_with_an_equal_run_that_is_going_or_was_left(client, ledger, pictures, tmp_path):
    book = ledger(client)
    request = {"prompt": "dusk", "client": client, "library": tmp_path, "reuse": True}
    both = generate(*pictures, **request), generate(*pictures, **request)
    first, second = await asyncio.gather(*both)
    assert [clip.path for clip in first] == [clip.path for clip in second]
    left = generate(*pictures, **{**request, "prompt": "dawn"})
    await anext(aiter(left))
    left.stop()
    await left.settled(0)
    with pytest.warns(
        UserWarning, match="An equal run from .* is not finished and may be charged: reuse=True"
    ):
        generate(*pictures, prompt="dawn", client=client, library=tmp_path)
    again = [
        generate(*pictures, **{**request, "prompt": "dawn"}) for _ in range(2)
    ]  # a cell that is run twice
    assert again[0] is again[1]
    assert len(await again[1]) == 1
    assert book.received_posts == 2


SCRIPT = """
import sys
from ipyveo import VeoClient, generate, run
base, key, picture, folder = sys.argv[1:]
print(len(run(generate(picture, prompt="dusk", client=VeoClient(key, base), library=folder))))
"""


def test_a_script_that_ends_right_after_its_run_ends_quietly(client, pictures, tmp_path):
    key = client._find_endpoint().key.bearer().removeprefix("Bearer ")
    for number in range(3):
        done = subprocess.run(
            [
                sys.executable,
                "-W",
                "error",
                "-c",
                SCRIPT,
                client.base_url,
                key,
                str(pictures[0]),
                str(tmp_path / str(number)),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.stdout.strip(), done.stderr) == ("1", "")
