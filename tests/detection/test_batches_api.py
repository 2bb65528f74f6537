"""Programs hand in a zip in pieces, go on after a break, and read what became of each file."""

from typing import Any

import pytest
from django.test import Client

from detection.models import Analysis, Batch, ModelVersion
from detection.services.batches import batch_unpack
from portal.models import User
from tests import batches, images, work
from tests.batches import HERE
from tests.programs import error, program

pytestmark = pytest.mark.django_db

BATCHES, RAW = "/api/v1/batches/", "application/octet-stream"


@pytest.fixture
def client(alice: User) -> Client:
    """Alice's program."""
    return program(alice)


def begin(client: Client, size: int, **more: Any) -> Any:
    given = {"name": "trip.zip", "upload_bytes": size, **more}
    return client.post(BATCHES, given, "application/json")


def piece(client: Client, body: Any, content: bytes, offset: object) -> Any:
    return client.post(f"{body['pieces_url']}?offset={offset}", content, RAW)


def test_from_the_first_piece_to_the_last_result(
    client: Client, alice: User, model: ModelVersion
) -> None:
    files = batches.pictures(4) | {"noise.bmp": bytes(600_000), "red.png": images.plain("red")}
    content = batches.packed(files)
    opened = begin(client, len(content), wants_mail=True)
    assert opened.status_code == 201
    body = opened.json()
    assert (opened["Location"], body["state"]) == (body["url"], "receiving")
    body = piece(client, body, content[:400_000], 0).json()
    assert body["received_bytes"] == 400_000
    refused = error(piece(client, body, content[:400_000], 0), 409)
    assert (refused["code"], refused["details"]) == ("wrong_offset", {"expected": 400_000})
    answer = piece(client, body, content[400_000:], body["received_bytes"])
    assert (answer.status_code, answer.json()["state"]) == (201, "unpacking")

    waiting = client.get(body["url"])
    assert (waiting["Retry-After"], waiting.json()["is_finished"]) == ("5", False)
    batch = Batch.objects.get()
    batch_unpack(batch_id=batch.pk, worker=HERE)
    batches.judge(batch)
    ended = client.get(body["url"])
    assert "Retry-After" not in ended
    told = ended.json()
    assert (told["is_finished"], told["state"]) == (True, "finished")
    assert (told["counts"]["total"], told["counts"]["refused"]) == (5, 1)
    assert batch.submission.source == "api"

    results, address = [], body["results_url"] + "?limit=4"
    while address:
        page = client.get(address).json()
        results += page["results"]
        address = page["next"]
    assert [file["path"] for file in results] == list(files)
    assert [file["number"] for file in results] == list(range(6))
    noise, red = results[4], results[5]
    assert (noise["analysis"], noise["error"]["code"]) == (None, "unsupported_format")
    assert (red["analysis"]["verdict"]["kind"], red["error"]) == ("likely_ai", None)
    assert [one["id"] for one in client.get(BATCHES).json()["results"]] == [body["id"]]


def test_a_copy_names_the_analysis_that_it_was_answered_from(
    client: Client, alice: User, model: ModelVersion
) -> None:
    batch = batches.unpacked(alice, {name: images.plain("red") for name in ("a.png", "b.png")})
    batches.judge(batch)
    first, second = batch.answers.order_by("pk")
    Analysis.objects.filter(pk=second.pk).update(answered_from=first)
    results = client.get(f"{BATCHES}{batch.public_id}/results/").json()["results"]
    assert [file["same_as"] for file in results] == [None, first.public_id]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": "x.zip"}, "invalid"),
        ({"name": "x.zip", "upload_bytes": 0}, "invalid"),
        ({"name": "x.zip", "upload_bytes": "much"}, "invalid"),
        ({"name": "", "upload_bytes": 10}, "invalid"),
    ],
)
def test_what_cannot_be_begun_says_why(client: Client, given: dict[str, Any], code: str) -> None:
    assert error(client.post(BATCHES, given, "application/json"), 422)["code"] == code
    assert error(begin(client, 10**13), 413)["code"] == "upload_too_large"
    assert not Batch.objects.exists()


@pytest.mark.parametrize("offset", ["", "x", "-1", "9" * 20])
def test_an_offset_that_is_no_number_is_refused(client: Client, offset: str) -> None:
    body = begin(client, 1000).json()
    assert error(piece(client, body, bytes(1000), offset), 422)["field"] == "offset"


def test_pieces_are_bounded_and_nothing_but_bytes(client: Client) -> None:
    body = begin(client, 20_000_000).json()
    assert error(piece(client, body, bytes(8_000_001), 0), 413)["code"] == "piece_too_large"
    assert error(piece(client, body, b"few", 0), 422)["code"] == "piece_too_small"
    form = client.post(f"{body['pieces_url']}?offset=0", {"file": work.upload(b"x")})
    assert error(form, 415)["code"] == "unsupported_media_type"
    assert not work.media_files()


def test_cancel_repeat_and_delete(client: Client, alice: User, model: ModelVersion) -> None:
    batch = batches.unpacked(alice, batches.pictures(3))
    place = f"{BATCHES}{batch.public_id}/"
    assert error(client.post(f"{place}repeat/"), 409)["code"] == "not_retryable"
    for _ in range(2):
        told = client.post(f"{place}cancel/").json()
        assert (told["state"], told["counts"]["cancelled"]) == ("cancelled", 3)
    work.ended(batch.answers.order_by("pk")[0], state="failed", error_code="broken")
    again = client.post(f"{place}repeat/")
    assert (again.status_code, again.json()["repeated"]) == (202, 1)
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404


@pytest.mark.parametrize("rest", ["?after=x", "?limit=0", "?limit=101", "?after=-1"])
def test_a_page_that_is_none_is_refused(client: Client, alice: User, rest: str) -> None:
    batch = batches.unpacked(alice, batches.pictures(1))
    assert error(client.get(f"{BATCHES}{batch.public_id}/results/{rest}"), 422)["code"] == "invalid"
