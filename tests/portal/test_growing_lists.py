"""The panel's lists reach back by a fixed number of rows, and lead to whatever is older."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from detection.admin import growing
from detection.models import Analysis, Submission
from portal.models import User
from tests import images, work

ANALYSES, SUBMISSIONS = "/admin/detection/analysis/", "/admin/detection/submission/"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def short_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "REACH", 3)


@pytest.fixture
def many(alice: User, charlie: User) -> list[Analysis]:
    """Alice's five, of which the first failed, and then three of Charlie's."""
    made = []
    for number in range(8):
        owner = alice if number < 5 else charlie
        content = images.plain((number, 0, 0))
        one = work.ended(work.queued(owner, content, name=f"{number}.png"))
        at = NOON + timedelta(seconds=number)
        Submission.objects.filter(images=one.image_id).update(created_at=at)
        made.append(work.ended(one, created_at=at, state="failed" if not number else "finished"))
    return made


def names(client: Client, path: str) -> list[str]:
    """The files of a list of analyses, and where it leads on."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    return [row.image.file_name[0] for row in answer.context["cl"].result_list]


def further(client: Client, path: str) -> str:
    """The address further back; empty where there is none."""
    found = re.search(r'reaches-back".*?href="([^"]+)"', client.get(path).text, re.DOTALL)
    return path.partition("?")[0] + unescape(found[1]) if found else ""


def test_a_list_leads_back_to_the_oldest(as_admin: Client, many: list[Analysis]) -> None:
    assert names(as_admin, ANALYSES) == ["7", "6", "5"]
    second = further(as_admin, ANALYSES)
    assert names(as_admin, second) == ["4", "3", "2"]
    third = further(as_admin, second)
    assert names(as_admin, third) == ["1", "0"]
    assert further(as_admin, third) == ""


def test_a_filter_looks_as_far_as_the_list_and_leads_on(
    as_admin: Client, many: list[Analysis]
) -> None:
    path = f"{ANALYSES}?state__exact=failed"
    seen = []
    while path:
        assert "state__exact=failed" in path
        seen.append(names(as_admin, path))
        path = further(as_admin, path)
    assert seen == [[], [], ["0"]]


def test_ids_hashes_and_addresses_are_found_however_old(
    as_admin: Client, many: list[Analysis]
) -> None:
    oldest = many[0]
    for query in (oldest.public_id, oldest.image.sha256, oldest.image.sha256.upper()):
        assert names(as_admin, f"{ANALYSES}?q={query}") == ["0"]
    assert names(as_admin, f"{ANALYSES}?q=alice@") == ["4", "3", "2"]
    assert names(as_admin, further(as_admin, f"{ANALYSES}?q=alice@")) == ["1", "0"]
    assert names(as_admin, f"{ANALYSES}?q=nobody@example.org") == []
    # A part of a name is looked for as far as the list reaches.
    assert names(as_admin, f"{ANALYSES}?q=6.png") == ["6"]
    assert names(as_admin, f"{ANALYSES}?q=0.png") == []
    assert names(as_admin, f"{ANALYSES}?q=charlie") == ["7", "6", "5"]


def test_submissions_are_found_too(as_admin: Client, many: list[Analysis]) -> None:
    def found(query: str) -> list[int]:
        rows = as_admin.get(SUBMISSIONS, {"q": query}).context["cl"].result_list
        return [row.pk for row in rows]

    submissions = [one.image.submission for one in many]
    assert found("") == [one.pk for one in submissions[:4:-1]]
    assert found(submissions[0].public_id) == [submissions[0].pk]
    assert found("alice@example.org") == [one.pk for one in submissions[4:1:-1]]
    assert found("7.png") == [submissions[7].pk]
    assert found("0.png") == []


def test_an_action_on_all_means_what_the_list_reaches(
    as_admin: Client, many: list[Analysis]
) -> None:
    chosen = {"action": "delete_selected", "select_across": "1", "_selected_action": many[7].pk}
    chosen["_selected_action"] = many[7].image.submission_id
    as_admin.post(SUBMISSIONS, {**chosen, "post": "yes"})
    assert set(Analysis.objects.values_list("pk", flat=True)) == {one.pk for one in many[:5]}


@pytest.mark.parametrize(
    "path", [ANALYSES, SUBMISSIONS, f"{ANALYSES}?q=png", "/admin/portal/user/"]
)
def test_nothing_is_counted_without_an_end(
    as_admin: Client, many: list[Analysis], path: str
) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert as_admin.get(path).status_code == 200
    assert len(queries) <= 20
    for query in queries:
        tables = ("detection_analysis", "detection_submission", "detection_submittedimage")
        if "COUNT(*)" in query["sql"] and any(f'FROM "{name}"' in query["sql"] for name in tables):
            assert ("created_at" in query["sql"]) or ("LIMIT" in query["sql"]), query["sql"]


def test_a_moment_that_is_none_is_refused_kindly(as_admin: Client, many: list[Analysis]) -> None:
    for moment in ("yesterday", "2026-99-99 00:00"):
        answer = as_admin.get(ANALYSES, {growing.OLDER: moment})
        assert answer.status_code == 302
        assert "e=1" in answer["Location"]
