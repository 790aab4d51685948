"""Money made visible: what a run may cost, what it did cost, what came back, and a budget that holds."""

from __future__ import annotations

import asyncio
import json
import warnings

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
from ipyveo.loop import on_background


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
    shots = [
        generate(pictures[0], prompt=f"dusk {n}", client=client, library=tmp_path / str(n)) for n in (1, 2)
    ]
    await asyncio.gather(*(settled(shot) for shot in shots))
    assert [shot.cost for shot in shots] == [None, None]


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


async def test_a_run_after_others_have_ended_is_measured_again(client, pictures, tmp_path):
    for prompt in ("dusk", "dawn"):
        shot = generate(pictures[0], prompt=prompt, client=client, library=tmp_path)
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


async def test_credits_that_come_back_late_are_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(cost, "_REFUND_LOOKS", (0.0, 0.0, 0.0, 0.0))
    used = iter([23, 25, 25, 23])

    def tell():
        return 200, {}, json.dumps([{"quota": 100, "used": next(used), "expires_at": None}]).encode()

    with answering(tell) as address:
        meter = Meter(VeoClient("any", address), Library(tmp_path).journal, "run")
        await on_background(meter.start())
        await on_background(meter.read(0))
    assert (meter.cost, meter.refunded) == (0, 2)
    assert cost_words(2, meter.cost, meter.refunded) == "cost nothing: 2 credits came back"


async def test_an_account_that_does_not_answer_holds_no_run_up(pictures, tmp_path):
    silent = VeoClient.sandbox(clip_seconds=0.25, stage_seconds=0.0, fault="500@credits")
    shot = generate(pictures[0], prompt="dusk", client=silent, library=tmp_path)
    await settled(shot)
    assert (len(shot.clips), shot.cost) == (1, None)
    assert cost_words(1, shot.cost, 0) == "cost up to 1 credit"


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
