"""The page's script opens a submission and adds file by file; refusals carry code and sentence."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from detection.models import Analysis, Submission
from portal.models import User
from tests import images, work
from tests.fixtures import signed_in


@pytest.fixture
def upload_url(as_alice: Client) -> str:
    """Where to send files for an open submission."""
    answer = as_alice.post("/submit/open/")
    assert answer.status_code == 201
    return str(answer.json()["upload_url"])


def add(client: Client, url: str, content: bytes, name: str = "a.png") -> Any:
    return client.post(url, {"image": SimpleUploadedFile(name, content)})


def test_an_open_submission_tells_its_addresses(as_alice: Client) -> None:
    body = as_alice.post("/submit/open/").json()
    submission = Submission.objects.get()
    assert body == {
        "id": submission.public_id,
        "url": f"/submissions/{submission.public_id}/",
        "upload_url": f"/submissions/{submission.public_id}/images/",
    }
    assert as_alice.get(body["url"]).status_code == 200


def test_a_file_is_added(as_alice: Client, upload_url: str) -> None:
    answer = add(as_alice, upload_url, images.plain("red"), "Größe 🌄.png")
    submission = Submission.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "image": {"name": "Größe 🌄.png", "url": f"/submissions/{submission.public_id}/"}
    }
    assert Analysis.objects.get().image.submission == submission


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "empty_file"),
        (b"text", 422, "unsupported_format"),
        (images.image_file("JPEG")[:600], 422, "damaged_image"),
        (images.png_bomb(9000, 9000), 422, "too_many_pixels"),
        (images.image_file("PNG") + b"<script>", 422, "disguised_document"),
        (images.image_file("PNG") + bytes(300_000), 413, "file_too_large"),
    ],
    ids=["empty", "text", "damaged", "bomb", "disguised", "large"],
)
def test_a_refusal_has_code_sentence_and_name(
    as_alice: Client, upload_url: str, settings: Settings, content: bytes, status: int, code: str
) -> None:
    settings.MAX_UPLOAD_BYTES = 250_000
    answer = add(as_alice, upload_url, content, "bad.png")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["file"]) == (status, code, "bad.png")
    assert error["message"].endswith(".")
    refusal = Submission.objects.get().refusals.get()
    assert (refusal.code, refusal.sentence, refusal.file_name) == (
        code,
        error["message"],
        "bad.png",
    )
    assert work.media_files() == set()


def test_too_many_files(as_alice: Client, upload_url: str, settings: Settings) -> None:
    settings.MAX_FILES = 1
    add(as_alice, upload_url, images.plain("red"))
    answer = add(as_alice, upload_url, images.plain("red"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "too_many_files")


def test_no_file(as_alice: Client, upload_url: str) -> None:
    answer = as_alice.post(upload_url)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "no_file")


def test_a_form_token_is_demanded_and_its_lack_told_in_json(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    answer = strict.post("/submit/open/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "bad_token")
    page = strict.post("/submit/open/", headers={"Accept": "text/html"})
    assert page.status_code == 403
    assert "This page has expired" in page.text
    assert not Submission.objects.exists()


def test_what_cannot_be_understood_is_told_in_json_too(as_alice: Client, upload_url: str) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="image"; filename="%s"\r\n\r\n\r\n--x--'
    body, kind = form % (b"a" * 5000), "multipart/form-data; boundary=x"
    answer = as_alice.post(upload_url, body, kind, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
    assert as_alice.post(upload_url, body, kind).status_code == 400


def test_nobody_adds_to_anothers_submission(upload_url: str, charlie: User) -> None:
    answer = add(signed_in(charlie), upload_url, images.plain("red"))
    assert answer.status_code == 404
    assert work.media_files() == set()


def test_a_submission_that_is_gone(as_alice: Client, upload_url: str) -> None:
    Submission.objects.all().delete()
    assert add(as_alice, upload_url, images.plain("red")).status_code == 404


def test_a_strange_name_is_told_as_it_is_shown(as_alice: Client, upload_url: str) -> None:
    answer = add(as_alice, upload_url, b"text", "invoice\u202egpj.exe")
    assert answer.json()["error"]["file"] == "invoicegpj.exe"


def test_a_quote_in_a_name_arrives_as_a_quote(as_alice: Client, upload_url: str) -> None:
    taken = add(as_alice, upload_url, images.plain("red"), "%22><b>.png")
    assert taken.json()["image"]["name"] == '"><b>.png'
    refused = add(as_alice, upload_url, b"text", "%22><b>.png")
    assert refused.json()["error"]["file"] == '"><b>.png'
