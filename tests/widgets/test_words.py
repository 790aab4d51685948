"""The words of a page that the kernel makes: costs, stages, offers, how a picture fits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from PIL import Image

from ipyveo import Budget, Frame
from ipyveo.api.account import Credits
from ipyveo.widgets.words import PATIENCE, again, chip, costs, fit, heading, stage_line

SEVENTY_SEVEN = Credits(quota=100, used=23, remaining=77, expires_at=None)


def shown(stages) -> str:
    marks = {"done": "✓ ", "now": "● ", "next": ""}
    return " — ".join(marks[state] + words for state, words in stages)


def test_the_cost_is_free_on_the_sandbox_and_an_upper_bound_elsewhere():
    assert costs(None, None, sandbox=True) == ["free"] * 4
    assert costs(SEVENTY_SEVEN, None, sandbox=False)[1] == "up to 2 of 77 credits"
    assert costs(Credits(1, 0, 1, None), None, sandbox=False)[0] == "up to 1 of 1 credit"
    assert costs(None, None, sandbox=False)[0] == "up to 1 credit"
    budget = Budget(10)
    budget.reserve("a run", 4)
    assert costs(None, budget, sandbox=False)[1] == "up to 2 credits; 6 of the budget of 10 left"
    assert costs(None, budget, sandbox=True)[3] == "free · 6 of the budget of 10 left"


def test_what_ends_first_is_said_with_the_year_where_it_is_another_one():
    year = datetime.now(UTC).year

    def ends(expires_at: datetime | None, expiring: int = 40) -> str:
        return costs(Credits(100, 23, 77, expires_at, expiring), None, sandbox=False)[1]

    later = datetime(year + 1, 6, 30, 12, tzinfo=UTC)
    assert ends(later) == f"up to 2 of 77 credits, 40 expire on 30 June {year + 1}"
    assert ends(later, 1) == f"up to 2 of 77 credits, 1 expires on 30 June {year + 1}"
    assert ends(datetime(2020, 6, 30, 12, tzinfo=UTC)) == "up to 2 of 77 credits, 40 expired on 30 June 2020"
    assert ends(datetime(year, 12, 31, 12, tzinfo=UTC)).endswith(" on 31 December")
    assert ends(None) == ends(later, 0) == "up to 2 of 77 credits"


def test_the_chip_says_who_makes_the_video():
    assert "".join(chip("h", SEVENTY_SEVEN, sandbox=True)) == "Sandbox · local preview, not Veo · free"
    assert chip("genaipro.vn", SEVENTY_SEVEN, sandbox=False) == ("genaipro.vn · ", "77", " credits left")
    assert chip("h", Credits(1, 0, 1, None), sandbox=False) == ("h · ", "1", " credit left")
    assert chip("h", None, sandbox=False) == ("h", "", "")


def test_over_the_takes_stands_how_many_they_are_and_what_is_known_of_them():
    assert heading(1, None, "", earlier=True) == ("1 take", " · from {at}")
    assert heading(4, 3725.9, "cost 4 credits", earlier=False) == (
        "4 takes",
        " · made in 62:05 · cost 4 credits",
    )


def test_a_hasty_second_press_knows_what_it_may_cost():
    assert again(1) == "Send again, up to 1 more credit"
    assert again(3) == "Send again, up to 3 more credits"


def test_a_job_that_takes_long_is_spoken_of_at_6_and_at_12_minutes():
    assert [seconds for seconds, _ in PATIENCE] == [6 * 60, 12 * 60]
    assert "longer than most" in PATIENCE[0][1]
    assert "goes on and is fetched later" in PATIENCE[1][1]


def test_the_stages_seen_are_ticked_the_current_one_is_marked_the_others_follow():
    seen = ["starting", "uploading_images", "processing"]
    line = shown(stage_line("processing", "Processing", seen))
    assert line == "✓ Starting — ✓ Uploading images — ● Processing — Downloading — Done"
    line = shown(stage_line("starting", "Starting", []))
    assert line == "● Starting — Uploading images — Processing — Downloading — Done"


def test_a_stage_that_was_never_seen_is_not_ticked_off():
    line = shown(stage_line("processing", "Processing", ["processing"]))
    assert line == "● Processing — Downloading — Done"


def test_a_word_of_the_service_s_own_appears_as_sent_in_the_place_of_the_current_stage():
    line = shown(stage_line("processing", "queued_upstream", ["starting"]))
    assert line == "✓ Starting — ● queued_upstream — Downloading — Done"


def test_waiting_and_checking_stand_alone_by_their_first_sentence():
    words = "Checking your account. The job goes on and may be charged."
    assert shown(stage_line("checking", words, ["starting", "processing"])) == "● Checking your account"
    assert shown(stage_line("waiting", "Sending the request", [])) == "● Sending the request"


@pytest.mark.parametrize(
    ("size", "ratio", "framing", "words"),
    [
        ((1920, 1080), "16:9", {}, "· fits"),
        ((1366, 768), "16:9", {}, "· fits"),
        ((4032, 3024), "16:9", {}, "→ cropped to 16:9"),
        ((1920, 1080), "9:16", {}, "→ cropped to 9:16"),
        ((1080, 1920), "9:16", {}, "· fits"),
        ((1080, 1920), "16:9", {"fit": "blur"}, "→ whole, blurred edges"),
        ((1080, 1920), "16:9", {"fit": "contain"}, "→ whole, with bars"),
        ((1080, 1920), "16:9", {"zoom": 1.5}, "→ 1.5\N{MULTIPLICATION SIGN}"),
    ],
)
def test_a_picture_fits_within_one_per_cent_and_is_cropped_otherwise(size, ratio, framing, words):
    assert fit(Frame(Image.new("RGB", size, "navy"), **framing), ratio) == words
