"""My history: everything of mine, newest first, searched, filtered, in pages, deleted."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from detection.models import Analysis, Certainty, SubmittedImage
from portal.models import User
from tests import work
from tests.fixtures import Committed, Queue, settled

PATH = "/history/"
CERTAINTIES = [label for _, label in Certainty.choices]


def entry(owner: User, name: str, **fields: Any) -> Analysis:
    """A finished analysis in the history."""
    return work.ended(work.queued(owner, name=name), **fields)


def shown(client: Client, **filters: str) -> list[str]:
    """The file names in the list, in order."""
    answer = client.get(PATH, filters)
    assert answer.status_code == 200
    return [analysis.image.file_name for analysis in answer.context["page"].rows]


def test_it_is_empty_at_first_and_says_so(as_alice: Client) -> None:
    assert "Nothing here yet" in as_alice.get(PATH).text


def test_newest_first_and_only_mine(as_alice: Client, alice: User, charlie: User) -> None:
    entry(charlie, "charlies.png")
    for name in ("old.png", "middle.png", "new.png"):
        entry(alice, name)
    assert shown(as_alice) == ["new.png", "middle.png", "old.png"]


def test_search_by_part_of_the_name(as_alice: Client, alice: User) -> None:
    for name in ("Holiday-1.png", "holiday-2.png", "100%.png", "cat_1.png", "catx1.png"):
        entry(alice, name)
    assert shown(as_alice, q="HOLIDAY") == ["holiday-2.png", "Holiday-1.png"]
    assert shown(as_alice, q=" 100% ") == ["100%.png"]
    assert shown(as_alice, q="cat_1") == ["cat_1.png"]
    assert shown(as_alice, q="nothing") == []
    assert "Nothing matches" in as_alice.get(PATH, {"q": "nothing"}).text


def test_filter_by_verdict_and_state(as_alice: Client, alice: User) -> None:
    entry(alice, "ai.png")
    entry(alice, "real.png", verdict="likely_real", p_fake=0.02)
    entry(alice, "failed.png", state="failed", verdict="", p_fake=None)
    assert shown(as_alice, verdict="likely_real") == ["real.png"]
    assert shown(as_alice, state="failed") == ["failed.png"]
    assert shown(as_alice, state="finished", verdict="likely_ai") == ["ai.png"]
    assert shown(as_alice, state="failed", verdict="likely_ai") == []


def test_filter_by_days_both_included(as_alice: Client, alice: User) -> None:
    for day in (1, 2, 3, 4):
        entry(alice, f"{day}.png", created_at=datetime(2026, 1, day, 23, 59, 59, tzinfo=UTC))
    assert shown(as_alice, since="2026-01-03") == ["4.png", "3.png"]
    assert shown(as_alice, until="2026-01-02") == ["2.png", "1.png"]
    assert shown(as_alice, since="2026-01-02", until="2026-01-03") == ["3.png", "2.png"]


def test_a_day_begins_at_midnight_of_the_site(
    as_alice: Client, alice: User, settings: Settings
) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    entry(alice, "evening.png", created_at=datetime(2026, 1, 1, 14, 59, tzinfo=UTC))
    entry(alice, "midnight.png", created_at=datetime(2026, 1, 1, 15, 0, tzinfo=UTC))
    assert shown(as_alice, since="2026-01-02") == ["midnight.png"]
    assert shown(as_alice, until="2026-01-01") == ["evening.png"]


@pytest.mark.parametrize(
    "filters",
    [
        {"verdict": "nonsense"},
        {"state": "nonsense"},
        {"since": "yesterday"},
        {"until": "9999-12-31"},
        {"since": "0001-01-01"},
        {"q": "a\0b"},
        {"q": "x" * 500},
        {"page": "2"},
        {"older": "nonsense"},
        {"older": "-1"},
        {"older": "\u0661-\u0662"},
        {"older": "99999999999999999999-1"},
        {"newer": "99999999999999999-999999999999999999"},
        {"newer": "0-"},
    ],
)
def test_what_cannot_be_understood_does_not_filter(
    as_alice: Client, alice: User, filters: dict[str, str], settings: Settings
) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    entry(alice, "image.png")
    assert shown(as_alice, **filters) == ["image.png"]


def test_a_longer_history_costs_no_more_queries(as_alice: Client, alice: User) -> None:
    counts = []
    settled(as_alice)
    for _ in range(2):
        for number in range(4):
            entry(alice, f"{number}.png")
        with CaptureQueriesContext(connection) as queries:
            as_alice.get(PATH)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def delete(client: Client, *analyses: Analysis, **fields: str) -> Any:
    chosen = [analysis.public_id for analysis in analyses]
    return client.post("/history/delete/", {"analysis": chosen, **fields}, follow=True)


def test_several_are_deleted_with_their_files(
    as_alice: Client, alice: User, committed: Committed
) -> None:
    first, second, kept = (entry(alice, f"{n}.png") for n in range(3))
    with committed():
        answer = delete(as_alice, first, second, next="/history/?q=png")
    assert answer.redirect_chain == [("/history/?q=png", 302)]
    assert "2 images deleted." in answer.text
    assert shown(as_alice) == [kept.image.file_name]
    assert len(work.media_files()) == 2


def test_nobody_deletes_anothers(as_charlie: Client, alice: User, committed: Committed) -> None:
    analysis = entry(alice, "alices.png")
    with committed():
        answer = delete(as_charlie, analysis)
    assert "nothing was deleted" in answer.text
    assert Analysis.objects.filter(pk=analysis.pk).exists()
    assert len(work.media_files()) == 2


def test_nothing_chosen_deletes_nothing(as_alice: Client, alice: User) -> None:
    entry(alice, "kept.png")
    assert "nothing was deleted" in delete(as_alice).text
    assert SubmittedImage.objects.count() == 1


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""],
)
def test_it_never_leads_to_another_site(as_alice: Client, alice: User, elsewhere: str) -> None:
    analysis = entry(alice, "image.png")
    for path in ("/history/delete/", f"/analyses/{analysis.public_id}/retry/"):
        answer = as_alice.post(path, {"next": elsewhere})
        assert answer.status_code == 302
        assert answer["Location"].startswith(("/history/", "/analyses/"))


def test_a_failed_one_is_run_again_from_the_list(
    as_alice: Client, alice: User, committed: Committed, queue: Queue
) -> None:
    analysis = entry(alice, "failed.png", state="failed", verdict="", p_fake=None)
    path = f"/analyses/{analysis.public_id}/retry/"
    assert path in as_alice.get(PATH).text
    with committed():
        answer = as_alice.post(path, {"next": "/history/?state=failed"})
    assert answer["Location"] == "/history/?state=failed"
    assert queue() == [analysis.pk]
    assert path not in as_alice.get(PATH).text


def test_a_finished_one_is_not_run_again(as_alice: Client, alice: User) -> None:
    analysis = entry(alice, "done.png")
    answer = as_alice.post(f"/analyses/{analysis.public_id}/retry/", follow=True)
    assert "Only an analysis that failed" in answer.text
    analysis.refresh_from_db()
    assert analysis.state == "finished"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"certainty": "low"}, "Low certainty"),
        ({"certainty": "moderate"}, "Moderate certainty"),
        ({"certainty": "high"}, ""),
        (
            {"certainty": "settled", "reasons": [{"code": "signed_ai", "sentence": "Signed."}]},
            "Settled by a signature",
        ),
    ],
)
def test_a_certainty_that_is_not_high_stands_with_the_verdict(
    as_alice: Client, alice: User, fields: dict[str, Any], told: str
) -> None:
    analysis = entry(alice, "one.png", **fields)
    for path in (PATH, f"/submissions/{analysis.image.submission.public_id}/"):
        text = as_alice.get(path).text
        assert [word for word in CERTAINTIES if word in text] == ([told] if told else [])
        assert ("97.0 % AI" in text) == (fields["certainty"] != "settled")
