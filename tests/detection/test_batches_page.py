"""The pages of batches: handing one in, with and without scripts, its table, and what is done."""

import csv
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from detection.models import Analysis, Batch, ModelVersion, Submission
from detection.services.batches import batch_receive, batch_unpack
from portal.models import User
from tests import batches, images, reported, work
from tests.batches import HERE

pytestmark = pytest.mark.django_db

RAW = "application/octet-stream"


@pytest.fixture
def batch(alice: User, model: ModelVersion) -> Batch:
    """Of a red and a blue image, the red one twice, and a file that is none; all judged."""
    files = {
        "b/red.png": images.plain("red"),
        "a/blue.png": images.plain("blue"),
        "c/again.png": images.plain("red"),
        "notes.txt": b"no image",
    }
    made = batches.unpacked(alice, files)
    batches.judge(made)
    return made


def address(batch: Batch, rest: str = "") -> str:
    return f"/batches/{batch.public_id}/{rest}"


def names(answer: Any) -> list[str]:
    """The files in the order of the table."""
    return [
        row.path if hasattr(row, "path") else row.image.batch_file.path
        for row in answer.context["table"].rows
    ]


def begin(client: Client, size: int, **more: str) -> Any:
    return client.post("/batches/open/", {"name": "x.zip", "size": size, **more})


def test_a_script_sends_it_in_pieces_and_goes_on_after_a_break(
    as_alice: Client, alice: User
) -> None:
    content = batches.packed(batches.pictures(120) | {"noise.bmp": bytes(300_000)})
    opened = begin(as_alice, len(content), wants_mail="on")
    assert opened.status_code == 201
    told = opened.json()
    assert (told["received"], told["state"]) == (0, "receiving")
    place = told["pieces_url"]
    first = as_alice.post(f"{place}?offset=0", content[:300_000], RAW)
    assert (first.status_code, first.json()["received"]) == (201, 300_000)
    # The answer was lost: the same piece comes once more.
    again = as_alice.post(f"{place}?offset=0", content[:300_000], RAW)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "wrong_offset")
    assert again.json()["error"]["expected"] == as_alice.get(place).json()["received"] == 300_000
    last = as_alice.post(f"{place}?offset=300000", content[300_000:], RAW)
    assert (last.status_code, last.json()["state"]) == (201, "unpacking")
    made = Batch.objects.get()
    assert made.wants_mail
    assert made.site == "http://testserver"
    assert batch_unpack(batch_id=made.pk, worker=HERE)
    assert made.files.count() == 121


@pytest.mark.parametrize("offset", ["", "x", "-1", "1e3", "9" * 30, "²"])
def test_an_offset_that_is_no_number_is_refused(as_alice: Client, offset: str) -> None:
    place = begin(as_alice, 1000).json()["pieces_url"]
    answer = as_alice.post(place, bytes(1000), RAW, query_params={"offset": offset})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


def test_a_piece_that_is_too_large_is_not_read_to_its_end(as_alice: Client) -> None:
    place = begin(as_alice, 20_000_000).json()["pieces_url"]
    answer = as_alice.post(f"{place}?offset=0", bytes(8_000_001), RAW)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "piece_too_large")
    assert not work.media_files()


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"name": "x.zip"}, 422),
        ({"size": "10"}, 422),
        ({"name": "x.zip", "size": "many"}, 422),
        ({"name": "x.zip", "size": "-5"}, 422),
        ({"name": "x.zip", "size": "0"}, 422),
        ({"name": "x.zip", "size": str(10**12)}, 413),
    ],
)
def test_what_cannot_be_begun_says_why(
    as_alice: Client, given: dict[str, str], status: int
) -> None:
    answer = as_alice.post("/batches/open/", given)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert not Submission.objects.exists()


def test_a_browser_without_scripts_sends_the_zip_at_once(
    as_alice: Client, alice: User, settings: Settings
) -> None:
    settings.MAX_UPLOAD_BYTES = 1000
    content = batches.packed(batches.pictures(40) | {"noise.bmp": bytes(100_000)})
    file = SimpleUploadedFile("trip.zip", content)
    answer = as_alice.post("/batches/upload/", {"zip": file, "wants_mail": "on"})
    made = Batch.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, address(made))
    assert (made.name, made.state, made.wants_mail) == ("trip.zip", "unpacking", True)
    assert batch_unpack(batch_id=made.pk, worker=HERE)
    # One image is larger than an image may be; the zip as a whole may be larger than that.
    assert made.files.filter(error_code="file_too_large").count() >= 1


def test_a_zip_that_is_too_large_is_cut_off_and_refused(
    as_alice: Client, settings: Settings
) -> None:
    settings.BATCH_MAX_UPLOAD_BYTES = 1000
    answer = as_alice.post("/batches/upload/", {"zip": SimpleUploadedFile("x.zip", bytes(5000))})
    assert answer.status_code == 422
    assert b"larger than" in answer.content
    assert not work.media_files()


def test_no_zip_is_a_sentence(as_alice: Client) -> None:
    answer = as_alice.post("/batches/upload/")
    assert (answer.status_code, b"Choose a zip" in answer.content) == (422, True)


def test_the_upload_is_checked_for_a_token(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    answer = strict.post("/batches/upload/", {"zip": SimpleUploadedFile("x.zip", b"x")})
    assert answer.status_code == 403


def test_nobody_sends_to_or_sees_anothers_batch(
    as_charlie: Client, as_alice: Client, batch: Batch
) -> None:
    assert as_charlie.post(address(batch, "pieces/?offset=0"), b"x", RAW).status_code == 404
    for rest in ("cancel/", "repeat/", "delete/"):
        assert as_charlie.post(address(batch, rest)).status_code == 404
    assert batch.name not in as_charlie.get("/batches/").content.decode()
    page = as_alice.get("/batches/").content.decode()
    assert batch.name in page
    assert ">2 likely AI-generated<" in page
    assert ">1 not accepted<" in page


def test_the_page_of_its_submission_leads_to_it(as_alice: Client, batch: Batch) -> None:
    answer = as_alice.get(f"/submissions/{batch.submission.public_id}/")
    assert answer["Location"] == address(batch)


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", ["b/red.png", "a/blue.png", "c/again.png"]),
        ("name", ["a/blue.png", "b/red.png", "c/again.png"]),
        ("-name", ["c/again.png", "b/red.png", "a/blue.png"]),
        ("probability", ["a/blue.png", "b/red.png", "c/again.png"]),
        ("-probability", ["b/red.png", "c/again.png", "a/blue.png"]),
        ("verdict", ["b/red.png", "c/again.png", "a/blue.png"]),
        ("no such column", ["b/red.png", "a/blue.png", "c/again.png"]),
    ],
)
def test_the_table_is_sorted_by_its_headings(
    as_alice: Client, batch: Batch, sort: str, order: list[str]
) -> None:
    answer = as_alice.get(address(batch), {"sort": sort})
    assert names(answer) == order
    assert (b'aria-sort="' in answer.content) is (
        sort.lstrip("-") in ("name", "verdict", "probability")
    )


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"show": "likely_real"}, ["a/blue.png"]),
        ({"show": "likely_ai", "sort": "-name"}, ["c/again.png", "b/red.png"]),
        ({"show": "refused"}, ["notes.txt"]),
        ({"show": "refused", "sort": "verdict"}, ["notes.txt"]),
        ({"show": "nothing of the kind"}, ["b/red.png", "a/blue.png", "c/again.png"]),
        ({"q": "again"}, ["c/again.png"]),
        ({"q": "A/B"}, ["a/blue.png"]),
        ({"q": "nowhere"}, []),
        ({"q": "\0"}, ["b/red.png", "a/blue.png", "c/again.png"]),
        ({"page": "99"}, ["b/red.png", "a/blue.png", "c/again.png"]),
        ({"page": "x"}, ["b/red.png", "a/blue.png", "c/again.png"]),
    ],
)
def test_the_table_shows_a_part(
    as_alice: Client, batch: Batch, wanted: dict[str, str], found: list[str]
) -> None:
    answer = as_alice.get(address(batch), wanted)
    assert (answer.status_code, names(answer)) == (200, found)


def test_a_copy_says_of_what(as_alice: Client, batch: Batch) -> None:
    red, _, again = batch.answers.order_by("image_id")
    Analysis.objects.filter(pk=again.pk).update(answered_from=red)
    page = as_alice.get(address(batch)).content.decode()
    assert f'/{red.public_id}/">b/red.png</a></p>' in page
    assert "the same file as another" in page
    assert names(as_alice.get(address(batch), {"show": "copies"})) == ["c/again.png"]


def test_a_copy_of_an_earlier_one_says_of_which_day(
    as_alice: Client, alice: User, model: ModelVersion, batch: Batch
) -> None:
    earlier = reported.finished(alice, model, name="before.jpg")
    Analysis.objects.filter(pk=earlier.pk).update(created_at=datetime(2026, 5, 3, 12, tzinfo=UTC))
    batch.answers.filter(image__batch_file__path="b/red.png").update(answered_from=earlier)
    page = as_alice.get(address(batch)).content.decode()
    assert f'/{earlier.public_id}/">before.jpg</a>, handed in on' in page
    assert "3 May 2026" in page


def test_pages_hold_fifty(
    as_alice: Client, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    made = batches.unpacked(alice, batches.pictures(120))
    with django_assert_max_num_queries(14):
        first = as_alice.get(address(made))
    third = as_alice.get(address(made), {"page": "3", "sort": "name"})
    assert (len(names(first)), len(names(third))) == (50, 20)
    assert names(third)[-1] == "0119.png"


def test_the_moving_part_asks_for_the_whole_page_at_the_end(
    as_alice: Client, alice: User, model: ModelVersion
) -> None:
    made = batches.unpacked(alice, batches.pictures(2) | {"notes.txt": b"no image"})
    batches.judge(made, 1)
    shown = {"HX-Current-URL": f"http://testserver{address(made)}?show=waiting&sort=name"}
    assert "hx-swap-oob" not in as_alice.get(address(made, "state/")).content.decode()
    assert 'state/?table=1"' in as_alice.get(address(made)).content.decode()
    running = as_alice.get(address(made, "state/?table=1"), headers=shown)
    assert "HX-Refresh" not in running
    assert b'hx-get="' in running.content
    # The filters come beside it, counted anew.
    assert b'hx-swap-oob="true"' in running.content
    assert '?show=waiting&amp;sort=name#files" aria-current="true">Waiting <span>1<' in (
        running.content.decode()
    )
    batches.judge(made)
    # No sweep has been there.
    ended = as_alice.get(address(made, "state/"))
    assert ended["HX-Refresh"] == "true"
    assert b'hx-get="' not in ended.content
    made.refresh_from_db()
    assert made.state == "finished"


def test_a_cancelled_batch_says_what_was_not_unpacked(as_alice: Client, batch: Batch) -> None:
    Batch.objects.update(state="cancelled", files_total=1500, files_seen=960, wants_mail=True)
    page = as_alice.get(address(batch)).content.decode()
    assert "540 of 1,500 files were not unpacked." in page
    assert "No mail is sent" in page


def test_where_nothing_was_accepted_that_is_shown(
    as_alice: Client, alice: User, model: ModelVersion
) -> None:
    made = batches.unpacked(alice, {"notes.txt": b"no image", "more.txt": b"none either"})
    assert names(as_alice.get(address(made))) == ["notes.txt", "more.txt"]
    assert b"No file fits" not in as_alice.get(address(made)).content


def test_an_empty_zip_says_so(as_alice: Client, alice: User) -> None:
    made = batches.unpacked(alice, {})
    assert (made.state, made.error_code) == ("failed", "empty_archive")
    assert b"The zip is empty." in as_alice.get(address(made)).content


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("", {"b/red.png", "a/blue.png", "c/again.png", "notes.txt"}),
        ("?show=likely_real", {"a/blue.png"}),
        ("?show=refused", {"notes.txt"}),
        ("?q=again", {"c/again.png"}),
        ("?q=notes", {"notes.txt"}),
    ],
)
def test_an_export_holds_what_is_shown(
    as_alice: Client, batch: Batch, query: str, paths: set[str]
) -> None:
    page = as_alice.get(address(batch) + query).content.decode()
    assert f'href="{address(batch, "export.csv")}{query}"' in page
    table = b"".join(as_alice.get(address(batch, "export.csv") + query)).decode("utf-8-sig")
    assert {row["path"] for row in csv.DictReader(table.splitlines())} == paths


def test_cancel_repeat_and_delete_are_buttons(as_alice: Client, batch: Batch) -> None:
    Batch.objects.update(state="unpacking")
    assert b"batch-cancel" in as_alice.get(address(batch)).content
    as_alice.post(address(batch, "cancel/"))
    batch.refresh_from_db()
    assert batch.state == "cancelled"
    work.ended(batch.answers.order_by("pk")[0], state="failed", error_code="broken")
    assert b"Repeat 1 failed" in as_alice.get(address(batch)).content
    as_alice.post(address(batch, "repeat/"))
    batch.refresh_from_db()
    assert batch.state == "analysing"
    assert as_alice.post(address(batch, "delete/"))["Location"] == "/batches/"
    assert as_alice.get(address(batch)).status_code == 404


def test_the_exports_hold_every_file(as_alice: Client, batch: Batch) -> None:
    red, _, again = batch.answers.order_by("image_id")
    Analysis.objects.filter(pk=again.pk).update(answered_from=red)
    table = b"".join(as_alice.get(address(batch, "export.csv"))).decode("utf-8-sig")
    rows = {row["path"]: row for row in csv.DictReader(table.splitlines())}
    assert set(rows) == {"b/red.png", "a/blue.png", "c/again.png", "notes.txt"}
    assert rows["b/red.png"]["verdict"] == "likely_ai"
    assert rows["c/again.png"]["same_as"] == red.public_id
    assert rows["notes.txt"]["state"] == "refused"
    assert rows["notes.txt"]["code"] == "unsupported_format"
    document = json.loads(b"".join(as_alice.get(address(batch, "export.json"))))
    told = {report["path"]: report["same_as"] for report in document["reports"]}
    assert told == {"b/red.png": None, "a/blue.png": None, "c/again.png": red.public_id}
    assert [file["path"] for file in document["refused"]] == ["notes.txt"]


def test_what_was_begun_can_be_gone_on_with(as_alice: Client, alice: User) -> None:
    place = begin(as_alice, 600_000).json()
    made = Batch.objects.get()
    batch_receive(batch=made, offset=0, chunk=bytes(300_000))
    page = as_alice.get(place["url"]).content.decode()
    assert f'data-pieces-url="{place["pieces_url"]}"' in page
    assert 'data-size="600000"' in page


def test_what_is_being_deleted_has_no_page_any_more(as_alice: Client, batch: Batch) -> None:
    as_alice.post(address(batch, "delete/"))
    page = as_alice.get(f"/submissions/{batch.submission.public_id}/", follow=True)
    assert page.status_code == 404
