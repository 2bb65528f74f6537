"""Pages of the history begin at a place: none is counted, no row is lost or shown twice."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from detection.models import Analysis, Batch, SubmittedImage
from detection.services import history
from detection.services.intake import images_delete
from detection.services.notes import tags_set
from portal.models import User
from tests import work
from tests.fixtures import settled

PATH = "/history/"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def small_pages(settings: Settings) -> None:
    settings.HISTORY_PAGE_SIZE = 3


def entries(owner: User, count: int, *, start: int = 0, **fields: Any) -> list[Analysis]:
    """Finished analyses, each a second later than the one before, named by their number."""
    numbers = range(start, start + count)
    return [
        work.ended(
            work.queued(owner, name=f"{number}.png"),
            created_at=NOON + timedelta(seconds=number),
            **fields,
        )
        for number in numbers
    ]


class Reader:
    """Somebody who turns the pages of a history by its links."""

    def __init__(self, client: Client, **filters: str) -> None:
        self._client = client
        self.go(PATH, filters)

    def go(self, path: str, filters: dict[str, str] | None = None) -> list[int]:
        """Open an address; the numbers on the page."""
        answer = self._client.get(path, filters or {})
        assert answer.status_code == 200
        self.page, self.text = answer.context["page"], answer.text
        self._query = answer.context["querystring"]
        self.numbers = [int(row.image.file_name.split(".")[0]) for row in self.page.rows]
        return self.numbers

    def turn(self, which: str) -> list[int]:
        """Follow the link to older or newer ones, which must stand on the page."""
        place = getattr(self.page, which)
        address = f"?{self._query}&{which}={place}" if self._query else f"?{which}={place}"
        assert address.replace("&", "&amp;") in self.text
        return self.go(PATH + address)

    def all_older(self) -> list[int]:
        """What stands on this page and all behind it."""
        found = list(self.numbers)
        while self.page.older:
            found += self.turn("older")
        return found


def test_older_and_newer_lead_through_all_of_them(as_alice: Client, alice: User) -> None:
    entries(alice, 8)
    reader = Reader(as_alice)
    assert (reader.numbers, reader.page.newer) == ([7, 6, 5], None)
    assert "8 analyses" in reader.text
    assert reader.turn("older") == [4, 3, 2]
    assert reader.turn("older") == [1, 0]
    assert reader.page.older is None
    assert reader.turn("newer") == [4, 3, 2]
    assert reader.turn("newer") == [7, 6, 5]
    assert Reader(as_alice).all_older() == [7, 6, 5, 4, 3, 2, 1, 0]


def test_what_comes_in_and_goes_meanwhile_moves_no_other_row(as_alice: Client, alice: User) -> None:
    made = entries(alice, 9)
    reader = Reader(as_alice)
    entries(alice, 2, start=9)
    # The row at which the next page begins, and one on that page.
    images_delete(images=[made[6].image, made[4].image])
    assert reader.numbers == [8, 7, 6]
    assert reader.turn("older") == [5, 3, 2]
    assert reader.turn("newer") == [9, 8, 7]
    # Less than a page is newer than that: it is the first page, whole.
    assert reader.turn("newer") == [10, 9, 8]
    assert Reader(as_alice).all_older() == [10, 9, 8, 7, 5, 3, 2, 1, 0]


def test_rows_of_one_moment_are_told_apart(as_alice: Client, alice: User) -> None:
    entries(alice, 8)
    Analysis.objects.update(created_at=NOON)
    reader = Reader(as_alice)
    assert reader.all_older() == [7, 6, 5, 4, 3, 2, 1, 0]
    assert reader.turn("newer") == [4, 3, 2]


def test_a_page_from_which_all_is_gone_leads_back(as_alice: Client, alice: User) -> None:
    made = entries(alice, 6)
    reader = Reader(as_alice)
    images_delete(images=[one.image for one in made[:3]])
    assert reader.turn("older") == []
    assert "No older image of yours" in reader.text
    assert reader.turn("newer") == [5, 4, 3]


def test_the_links_keep_the_filters(as_alice: Client, alice: User) -> None:
    entries(alice, 5)
    entries(alice, 5, start=5, verdict="likely_real", p_fake=0.02)
    reader = Reader(as_alice, verdict="likely_ai", q=".png", since="2026-01-01")
    assert reader.all_older() == [4, 3, 2, 1, 0]
    assert "verdict=likely_ai" in reader.text


def test_only_a_standing_answer_is_on_a_page(as_alice: Client, alice: User) -> None:
    first, second = entries(alice, 2)
    repeat = Analysis.objects.create(
        image=first.image, owner=alice, is_repeat=True, is_current=False
    )
    assert Reader(as_alice).numbers == [1, 0]
    work.ended(repeat, created_at=NOON + timedelta(seconds=9))
    assert [row.pk for row in Reader(as_alice).page.rows] == [repeat.pk, second.pk]


# -- searching ---------------------------------------------------------------------------------


@pytest.fixture
def short_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "SEARCH_WINDOW", 4)
    monkeypatch.setattr(history, "TAG_WINDOW", 4)


def rename(*numbers: int) -> None:
    for number in numbers:
        SubmittedImage.objects.filter(file_name=f"{number}.png").update(
            file_name=f"{number}.needle.png"
        )


@pytest.mark.usefixtures("short_sight")
def test_a_search_says_how_far_it_has_looked_and_leads_on(as_alice: Client, alice: User) -> None:
    entries(alice, 13)
    rename(11, 1, 0)
    reader = Reader(as_alice, q="needle")
    assert reader.numbers == [11]
    assert "Looked through what you handed in since 1 Jan 2026, 12:00" in reader.text
    assert "1 on this page" in reader.text
    assert reader.turn("older") == []
    assert "Not among the next 4 images" in reader.text
    assert "Nothing here" not in reader.text
    assert "Look further back" in reader.text
    assert reader.turn("older") == [1]
    assert reader.turn("older") == [0]
    assert reader.page.older is None
    assert "Look further back" not in reader.text
    assert reader.turn("newer") == [1]


@pytest.mark.usefixtures("short_sight")
def test_that_nothing_is_there_is_said_only_where_all_was_searched(
    as_alice: Client, alice: User
) -> None:
    entries(alice, 6)
    reader = Reader(as_alice, q="needle")
    assert "Not among your newest 4 images" in reader.text
    reader.turn("older")
    assert "Nothing here" in reader.text
    assert "Not among" not in reader.text


def test_a_folder_of_a_batch_is_found_and_stands_in_the_row(as_alice: Client, alice: User) -> None:
    made = entries(alice, 3)
    batch = Batch.objects.create(submission=made[1].image.submission, name="CIFAKE.zip")
    batch.files.create(number=0, path="test/FAKE/1.png", image=made[1].image)
    reader = Reader(as_alice, q="fake/")
    assert reader.numbers == [1]
    assert "test/FAKE/1.png" in reader.text
    assert "CIFAKE.zip" in reader.text
    everything = Reader(as_alice)
    assert everything.numbers == [2, 1, 0]
    assert everything.text.count('data-testid="history-batch"') == 1


@pytest.mark.usefixtures("short_sight")
def test_a_search_that_finds_enough_is_like_any_list(as_alice: Client, alice: User) -> None:
    entries(alice, 8)
    reader = Reader(as_alice, q=".png")
    assert reader.numbers == [7, 6, 5]
    assert "Look further back" not in reader.text
    assert reader.all_older() == [7, 6, 5, 4, 3, 2, 1, 0]


def tagged(made: list[Analysis], owner: User, *numbers: int, name: str = "seen") -> None:
    for number in numbers:
        tags_set(image=made[number].image, user=owner, names=[name])


def test_the_images_of_a_tag_come_in_pages(as_alice: Client, alice: User, charlie: User) -> None:
    made = entries(alice, 12)
    tagged(made, alice, 0, 2, 3, 5, 7, 8, 11)
    tagged(entries(charlie, 2), charlie, 0, 1)
    reader = Reader(as_alice, tag="seen")
    assert reader.numbers == [11, 8, 7]
    assert "7 analyses" in reader.text
    assert reader.turn("older") == [5, 3, 2]
    assert reader.turn("older") == [0]
    assert reader.turn("newer") == [5, 3, 2]
    assert reader.turn("newer") == [11, 8, 7]
    assert Reader(as_alice, tag="never given").numbers == []


@pytest.mark.usefixtures("short_sight")
def test_a_tag_with_other_filters_leads_on_as_well(as_alice: Client, alice: User) -> None:
    made = entries(alice, 9)
    tagged(made, alice, *range(9))
    Analysis.objects.filter(pk=made[1].pk).update(verdict="likely_real")
    reader = Reader(as_alice, tag="seen", verdict="likely_real")
    assert reader.all_older() == [1]


# -- what it costs -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "most"),
    [
        ({}, 10),
        ({"verdict": "likely_ai", "state": "finished"}, 10),
        ({"q": "png"}, 10),
        ({"tag": "seen"}, 11),
        ({"tag": "seen", "q": "png"}, 11),
    ],
)
def test_a_page_takes_a_few_queries_and_counts_no_table(
    as_alice: Client, alice: User, filters: dict[str, str], most: int
) -> None:
    made = entries(alice, 5)
    tagged(made, alice, *range(5))
    settled(as_alice)
    with CaptureQueriesContext(connection) as queries:
        assert Reader(as_alice, **filters).numbers == [4, 3, 2]
    assert len(queries) <= most
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert all("LIMIT" in sql for sql in counts)
    # Nothing is skipped by counting, but to find where a search has to end.
    assert sum("OFFSET" in query["sql"] for query in queries) == int(
        "q" in filters and len(filters) == 1
    )


def test_tags_know_how_often_they_are_given(as_alice: Client, alice: User, committed: Any) -> None:
    made = entries(alice, 3)
    tagged(made, alice, 0, 1, 2)
    tagged(made, alice, 2, name="other")
    counts = dict(alice.tags.values_list("name", "image_count"))
    assert counts == {"seen": 2, "other": 1}
    with committed():
        images_delete(images=[made[1].image, made[2].image])
    assert dict(alice.tags.values_list("name", "image_count")) == {"seen": 1}


def test_an_installation_from_before_learns_which_answers_stand(alice: User) -> None:
    first, second = entries(alice, 2)
    old, newest, waiting = (
        Analysis.objects.create(image=image, owner=alice, is_repeat=True)
        for image in (first.image, first.image, second.image)
    )
    Analysis.objects.filter(pk__in=[old.pk, newest.pk]).update(state="finished")
    tagged([first, second], alice, 0, 1)
    Analysis.objects.update(is_current=True)
    alice.tags.update(image_count=0)
    import_module("detection.migrations.0013_standing_answers").fill_in(apps, None)
    standing = Analysis.objects.current().values_list("pk", flat=True)
    assert set(standing) == {newest.pk, second.pk}
    assert waiting.pk not in standing
    assert alice.tags.get().image_count == 2
