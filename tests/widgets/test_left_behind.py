"""What a widget does about runs that nobody watches, requests made before, doubts, and its budget."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from ipyveo import (
    Budget,
    BudgetError,
    FramesToVideo,
    InterruptedGenerationError,
    InvalidRequestError,
    Library,
    VeoClient,
    recover,
)
from ipyveo.generations.shot import Shot
from page import Page

HELLO = {"type": "hello", "view": "v"}


@pytest.fixture
def widget(client, tmp_path, monkeypatch):
    """Make widgets of one library, each with a page; they are closed at the end."""
    made = []

    def make(*pictures, **settings) -> tuple[FramesToVideo, Page]:
        made.append(FramesToVideo(*pictures, client=client, library=tmp_path, **settings))
        return made[-1], Page(made[-1], monkeypatch)

    yield make
    for studio in made:
        studio.close()


def offered(studio: FramesToVideo) -> list[dict]:
    return studio._offers.get("lines", [])


async def stopped(studio: FramesToVideo) -> None:
    """Leave a run behind, once its request has left."""
    shot = studio.generate()
    await anext(aiter(shot))
    studio.stop()
    with pytest.raises(InterruptedGenerationError):
        await shot


async def test_what_was_left_behind_is_offered_and_fetched_at_a_click(widget, client, ledger, pictures):
    book = ledger(client)
    left, _ = widget(*pictures, prompt="dusk", number_of_videos=2)
    await stopped(left)
    studio, page = widget()
    page.say(**HELLO)
    await page.until(lambda: offered(studio))
    (offer,) = offered(studio)
    assert offer["words"].startswith("2 videos from {at} ")
    assert offer["prompt"] == "dusk"
    page.say(type="take_up", run=offer["run"])
    await page.until(lambda: studio.status == "complete")
    assert len(studio.clips) == 2
    assert studio._run["heading"] == ("2 takes", "")  # it was made, but nobody knows in what time
    await page.until(lambda: not offered(studio))
    assert book.received_posts == 1


async def test_an_offer_says_when_its_videos_can_be_fetched(widget, pictures, monkeypatch):
    monkeypatch.setattr("ipyveo.widgets.offers._LOOK_AGAIN_SECONDS", 0.1)
    monkeypatch.setattr("ipyveo.generations.lookup._PAUSE_SECONDS", 0.0)
    left, _ = widget(*pictures, prompt="dusk")
    await stopped(left)
    studio, page = widget()
    page.say(**HELLO)
    await page.until(lambda: offered(studio) and offered(studio)[0]["actions"][0] == ["Fetch", "take_up"])


async def test_what_recover_did_not_find_yet_is_gone_on_with_and_not_paid_for_again(
    pictures, ledger, tmp_path, monkeypatch
):
    monkeypatch.setattr("ipyveo.generations.recovery._GRACE_SECONDS", 0.2)
    client = VeoClient.sandbox(clip_seconds=0.25, stage_seconds=2.0, quota=100_000)
    book = ledger(client)
    asked = {"prompt": "dusk", "client": client, "library": tmp_path}
    await stopped(FramesToVideo(*pictures, **asked))
    monkeypatch.setattr(
        "ipyveo.generations.shot._left", set()
    )  # as in a later kernel, which knows of no Stop
    with pytest.warns(UserWarning, match="stays in the journal"):
        assert await recover(client=client, library=tmp_path) == []
    assert len(await FramesToVideo(*pictures, **asked).generate()) == 1
    assert book.received_posts == 1


async def test_a_dismissed_offer_stays_away_and_recover_still_fetches_it(widget, client, pictures, tmp_path):
    left, _ = widget(*pictures, prompt="dusk")
    await stopped(left)
    studio, page = widget()
    page.say(**HELLO)
    await page.until(lambda: offered(studio))
    run = offered(studio)[0]["run"]
    page.say(type="dismiss", run=run)
    await page.until(lambda: not offered(studio))
    await page.until(lambda: Library(tmp_path).journal.entry(run).dismissed)
    again, page = widget()
    page.say(**HELLO)
    await page.until(lambda: again._offers == {"lines": [], "more": ""})
    assert len(await recover(client=client, library=tmp_path, wait=60)) == 1


async def test_a_run_that_this_widget_stopped_is_offered_by_it(widget, pictures):
    studio, page = widget(*pictures, prompt="dusk")
    page.say(**HELLO)
    await stopped(studio)
    await page.until(lambda: offered(studio))
    page.say(type="take_up", run=offered(studio)[0]["run"])
    await page.until(lambda: studio.status == "complete")


async def test_a_cell_filled_in_on_its_page_takes_its_run_and_its_form_up_again(
    widget, client, ledger, pictures, monkeypatch
):
    monkeypatch.setattr("ipyveo.widgets.studio.seat", lambda: "this very cell")
    book = ledger(client)
    left, _ = widget()
    left.start_image, left.end_image = pictures
    left.prompt, left.aspect_ratio, left.number_of_videos = "dusk", "9:16", 2
    await stopped(left)
    studio, page = widget()
    page.say(**HELLO)
    await page.until(lambda: studio.status == "complete")
    assert (studio.prompt, studio.aspect_ratio, studio.number_of_videos) == ("dusk", "9:16", 2)
    names = [studio.start_image.name, studio.end_image.name]
    assert names == [picture.name for picture in pictures]
    assert len(studio.clips) == 2
    assert book.received_posts == 1


async def test_another_cell_takes_nothing_up_by_itself(widget, pictures, monkeypatch):
    seats = iter(["one cell", "another"])
    monkeypatch.setattr("ipyveo.widgets.studio.seat", lambda: next(seats))
    left, _ = widget()
    left.start_image, left.prompt = pictures[0], "dusk"
    await stopped(left)
    studio, page = widget()
    page.say(**HELLO)
    await page.until(lambda: offered(studio))
    assert (studio.status, studio.prompt, studio.start_image) == ("idle", "", None)


# In doubt -------------------------------------------------------------------------------------------


@pytest.fixture
def hasty(monkeypatch):
    """Let a run in doubt be sent again as soon as it is."""
    monkeypatch.setattr("ipyveo.widgets.runs._SOONEST_AGAIN_SECONDS", 0.0)


@pytest.mark.usefixtures("hasty")
async def test_a_run_in_doubt_is_sent_again_only_at_the_persons_word(widget, client, ledger, pictures):
    book = ledger(client)
    studio, page = widget(*pictures, prompt="dusk [sandbox: 500]", budget=2)
    page.say(**HELLO)
    studio.generate()
    await page.until(lambda: studio.status == "checking")
    assert book.received_posts == 1
    first = studio._runs.watch.shot
    for _ in range(12):  # clicked in a hurry: each says which run it means
        page.say(type="send_again", run=first.entry.id)
    await page.until(lambda: studio._runs.watch.shot is not first and studio.status == "checking")
    second = studio._runs.watch.shot
    assert second.entry.digest == first.entry.digest
    assert first.outcome == "stopped"
    page.say(type="send_again", run=second.entry.id)
    await page.until(lambda: "budget of 2" in studio.error)
    assert book.received_posts == 2
    studio.stop()


async def test_a_request_is_not_sent_again_within_seconds(widget, client, ledger, pictures):
    book = ledger(client)
    studio, page = widget(*pictures, prompt="dusk [sandbox: 500]")
    shot = studio.generate()
    await page.until(lambda: studio.status == "checking")
    page.say(type="send_again", run=shot.entry.id)
    page.say(**HELLO)
    await page.until(lambda: offered(studio) == [] and studio._views)
    assert studio._runs.watch.shot is shot
    assert book.received_posts == 1
    studio.stop()


@pytest.mark.usefixtures("hasty")
async def test_a_run_that_is_found_in_the_moment_of_the_click_is_not_sent_again(
    widget, client, ledger, pictures, monkeypatch
):
    book = ledger(client)
    answers = []

    async def give_up(self):
        while self.in_doubt:  # the pictures take their time, and the search ends meanwhile
            await asyncio.sleep(0.01)
        answers.append(await real(self))
        return answers[-1]

    real = Shot.give_up
    monkeypatch.setattr(Shot, "give_up", give_up)
    studio, page = widget(*pictures, prompt="dusk [sandbox: drop@starting]")
    shot = studio.generate()
    await page.until(lambda: studio.status == "checking")
    page.say(type="send_again", run=shot.entry.id)
    await page.until(lambda: studio.status == "complete")
    assert answers == [False]
    assert len(studio.clips) == 1
    assert book.received_posts == 1


@pytest.mark.usefixtures("hasty")
async def test_a_run_given_up_as_in_doubt_can_be_sent_again(widget, client, ledger, pictures, monkeypatch):
    monkeypatch.setattr("ipyveo.generations.search._PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr("ipyveo.generations.search._SHORTEST_LOOK_SECONDS", 0.2)
    book = ledger(client)
    studio, page = widget(*pictures, prompt="dusk [sandbox: 500]")
    shot = studio.generate()
    await page.until(lambda: studio.status == "interrupted")
    page.say(type="send_again", run=shot.entry.id)
    await page.until(lambda: book.received_posts == 2)
    await page.until(lambda: studio.status == "interrupted")


@pytest.mark.usefixtures("hasty")
async def test_without_a_run_in_doubt_nothing_is_sent_again(widget, client, ledger, pictures):
    book = ledger(client)
    studio, page = widget(*pictures, prompt="dusk")
    page.say(type="send_again", run="")
    shot = studio.generate()
    page.say(type="send_again", run=shot.entry.id)
    await shot
    page.say(type="send_again", run=shot.entry.id)
    page.say(**HELLO)
    await page.until(lambda: studio._before)
    assert book.received_posts == 1


async def test_while_the_service_takes_no_requests_the_page_knows_for_how_long(widget, pictures, monkeypatch):
    monkeypatch.setattr("ipyveo.widgets.watch.time", SimpleNamespace(monotonic=lambda: 100.0))
    studio, _ = widget(*pictures, prompt="dusk [sandbox: 429]")
    waits = []
    studio.observe(lambda change: waits.append((studio.status, change.new["wait"])), "_run")
    await studio.generate()
    told = [wait for status, wait in waits if wait is not None]
    assert set(told) == {1.0}  # as long as the service said, of which nothing has passed by this clock
    assert waits[-1][1] is None


# Made before, and the budget ------------------------------------------------------------------------


async def test_a_form_whose_clips_are_there_says_so_and_shows_them(widget, client, ledger, pictures):
    first, _ = widget(*pictures, prompt="dusk")
    clips = await first.generate()
    book = ledger(client)
    studio, page = widget(*pictures, prompt="dawn")
    page.say(**HELLO)
    studio.prompt = "dusk"
    await page.until(lambda: studio._before)
    (line,) = studio._before["lines"]
    assert line["words"] == "The very same is in the library already, from {at}."
    page.say(type="show_before")
    await page.until(lambda: studio.status == "complete" and studio._before == {"lines": []})
    assert [clip.path for clip in studio.clips] == [clip.path for clip in clips]
    assert studio._run["heading"] == ("1 take", " \N{MIDDLE DOT} from {at}")
    assert studio._run["at"] == line["at"]
    studio.prompt = "noon"
    await page.until(lambda: not studio._before)
    assert book.received_posts == 0


async def test_what_was_made_before_does_not_stand_above_new_takes_until_it_is_looked_up(widget, pictures):
    first, _ = widget(*pictures, prompt="dusk")
    await first.generate()
    studio, page = widget(*pictures, prompt="dusk")
    page.say(**HELLO)
    await page.until(lambda: studio._before.get("lines"))
    above = []
    studio.observe(lambda _: above.append(studio._before), "_clips")
    await studio.generate()
    await page.until(lambda: studio._clips)
    assert above[-1] == {}
    await page.until(lambda: studio._before == {"lines": []})


async def test_a_budget_stops_a_widget_before_anything_is_sent(widget, client, ledger, pictures):
    book, budget = ledger(client), Budget(3)
    studio, page = widget(*pictures, prompt="dusk", number_of_videos=2, budget=budget)
    page.say(**HELLO)
    await studio.generate()
    await page.until(lambda: "1 of the budget of 3 left" in studio._engine["costs"][0])
    with pytest.raises(BudgetError):
        studio.generate()
    page.say(type="generate", prompt="dawn", aspect_ratio="16:9", number_of_videos=2)
    await page.until(lambda: "budget of 3" in studio.error)
    page.say(type="generate", prompt="dawn", aspect_ratio="16:9", number_of_videos=1)
    await page.until(lambda: studio.status == "complete")
    assert book.received_posts == 2


async def test_clips_that_vanish_before_they_are_shown_are_not_made_again(
    widget, client, ledger, pictures, monkeypatch
):
    first, _ = widget(*pictures, prompt="dusk")
    (clip,) = await first.generate()
    book = ledger(client)
    real = Shot.take

    def vanishing(self, made):
        clip.path.unlink(missing_ok=True)
        return real(self, made)

    monkeypatch.setattr(Shot, "take", vanishing)
    studio, page = widget(*pictures, prompt="dusk")
    page.say(type="show_before")
    await page.until(lambda: studio.status == "complete")
    assert book.received_posts == 0


async def test_what_a_budget_refused_is_never_started_by_showing_a_widget(widget, client, ledger, pictures):
    book, budget = ledger(client), Budget(1)
    studio, _ = widget(*pictures, prompt="dusk", number_of_videos=2, budget=budget)
    with pytest.raises(BudgetError) as kept:  # as IPython keeps the last traceback, and with it the shot
        studio.generate()
    again, page = widget(*pictures, prompt="dusk", number_of_videos=2, budget=Budget(10))
    page.say(**HELLO)
    await page.until(lambda: again._offers)
    assert again.status == "idle"
    assert book.received_posts == 0
    await again.generate()
    assert book.received_posts == 1
    del kept


async def test_a_problem_that_is_no_runs_end_says_nothing_of_the_last_runs_cost(widget, pictures):
    studio, page = widget(*pictures, prompt="dusk", budget=1)
    await studio.generate()
    page.say(type="generate", prompt="dawn", aspect_ratio="16:9", number_of_videos=1)
    await page.until(lambda: studio.error)
    assert studio._run["note"] == ""


async def test_a_run_stopped_before_its_request_left_is_not_said_to_go_on(widget, pictures):
    studio, page = widget(*pictures, prompt="dusk [sandbox: 429-forever]")
    studio.generate()
    studio.stop()
    await page.until(lambda: studio.status == "stopped")
    assert "Nothing was charged" in studio.stage


async def test_a_widget_that_joins_a_run_at_its_very_end_shows_its_end(widget, pictures):
    one, _ = widget(*pictures, prompt="dusk")
    shot = one.generate()
    await shot
    other, page = widget(*pictures, prompt="dusk")
    with other._runs._asking:
        watch = other._runs._show(shot)
    other._write(other._first(watch))
    assert (other.status, other._run["running"], len(other._clips)) == ("complete", False, 1)
    await page.until(lambda: other.status == "complete")


async def test_a_library_that_cannot_be_used_is_said_on_the_page(widget, tmp_path, pictures):
    studio, page = widget(*pictures, prompt="dusk")
    (tmp_path / "journal.sqlite3").mkdir()
    with pytest.raises(InvalidRequestError, match="The library cannot be used"):
        studio.generate()
    page.say(**HELLO)
    await page.until(lambda: "The library cannot be used" in studio.error)


async def test_joining_a_run_that_goes_takes_nothing_of_the_budget(widget, client, ledger, pictures):
    book, budget = ledger(client), Budget(1)
    # It goes until it is stopped: on a busy machine a quick one is over before it can be joined.
    one, _ = widget(*pictures, prompt="dusk [sandbox: stall@starting]", budget=budget)
    other, _ = widget(*pictures, prompt="dusk [sandbox: stall@starting]", budget=budget)
    shots = one.generate(), other.generate()
    assert shots[0] is shots[1]
    await anext(aiter(shots[0]))
    assert book.received_posts == 1
    one.stop()
    with pytest.raises(InterruptedGenerationError):
        await shots[0]


async def test_posters_are_sent_unasked_when_a_run_is_complete(widget, pictures):
    studio, page = widget(*pictures, prompt="dusk")
    await studio.generate()
    await page.until(lambda: any(said["type"] == "poster" for said in page.said))
    (said,) = [said for said in page.said if said["type"] == "poster"]
    assert said["key"] == studio._clips[0]["key"]
