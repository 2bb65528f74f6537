"""The hand-in page takes many files without scripts, and says by name what it did not take."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from detection.models import Analysis, Refusal, Submission, SubmittedImage
from portal.models import User
from tests import images, work
from tests.fixtures import Committed, Queue

PATH = "/submit/"


def post(client: Client, *files: tuple[str, bytes]) -> Any:
    uploads = [SimpleUploadedFile(name, content) for name, content in files]
    return client.post(PATH, {"images": uploads})


def test_it_shows_the_limits(as_alice: Client, settings: Settings) -> None:
    page = as_alice.get(PATH).text
    assert "up to 20 MB and 50 megapixels" in page
    assert 'data-max-files="50"' in page
    assert ".heic" in page
    settings.MAX_UPLOAD_BYTES = 3_000_000
    assert "up to 3 MB" in as_alice.get(PATH).text


def test_many_images_lead_to_their_submission(
    as_alice: Client, committed: Committed, queue: Queue
) -> None:
    with committed():
        answer = post(as_alice, ("a.png", images.plain("red")), ("b.png", images.plain("blue")))
    submission = Submission.objects.get()
    assert answer.status_code == 303
    assert answer["Location"] == reverse("submission_detail", args=[submission.public_id])
    assert [image.file_name for image in submission.images.all()] == ["a.png", "b.png"]
    assert queue() == list(Analysis.objects.order_by("pk").values_list("pk", flat=True))


def test_bad_files_are_told_on_the_submissions_page(as_alice: Client) -> None:
    answer = post(as_alice, ("good.png", images.plain("red")), ("bad.jpg", b"text"))
    page = as_alice.get(answer["Location"]).text
    assert "good.png" in page
    assert "bad.jpg" in page
    assert "unsupported_format" in page
    assert "1 file not accepted" in page


def test_nothing_but_bad_files_come_back_with_their_reasons(as_alice: Client) -> None:
    answer = post(as_alice, ("empty.jpg", b""), ("text.jpg", b"text"))
    assert answer.status_code == 422
    assert "empty.jpg" in answer.text
    assert "The file is empty." in answer.text
    assert "text.jpg" in answer.text
    assert not Submission.objects.exists()
    assert not Refusal.objects.exists()
    assert work.media_files() == set()


def test_no_file_at_all_is_told(as_alice: Client) -> None:
    answer = as_alice.post(PATH)
    assert answer.status_code == 422
    assert "Choose at least one image." in answer.text


def test_too_many_files_are_told(as_alice: Client, settings: Settings) -> None:
    settings.MAX_FILES = 2
    answer = post(as_alice, *[(f"{n}.png", images.plain("red")) for n in range(4)])
    page = as_alice.get(answer["Location"]).text
    assert SubmittedImage.objects.count() == 2
    assert "2 files not accepted" in page
    assert "too_many_files" in page


def test_very_many_files_are_refused_as_a_whole(as_alice: Client, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 3
    answer = post(as_alice, *[(f"{n}.png", images.plain("red")) for n in range(5)])
    assert answer.status_code == 400
    assert not SubmittedImage.objects.exists()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("🌄 Größe.png", "🌄 Größe.png"),
        ("<script>alert(1)</script>.png", "script&gt;.png"),
        ("n" * 300 + ".png", "n" * 150),
    ],
)
def test_a_strange_name_is_shown_and_never_run(as_alice: Client, name: str, shown: str) -> None:
    answer = post(as_alice, (name, images.plain("red")))
    page = as_alice.get(answer["Location"]).text
    assert shown in page
    assert "<script>alert" not in page


def test_recent_verdicts_are_ones_own(as_alice: Client, alice: User, charlie: User) -> None:
    work.queued(charlie, name="charlies.png")
    for number in range(8):
        work.queued(alice, name=f"mine-{number}.png")
    page = as_alice.get(PATH).text
    assert "charlies.png" not in page
    assert [f"mine-{number}.png" in page for number in range(8)] == [False] * 2 + [True] * 6


def test_a_file_far_too_large_is_not_even_kept(
    as_alice: Client, settings: Settings, tmp_path: object
) -> None:
    settings.MAX_UPLOAD_BYTES = 1000
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0  # every upload goes through a temporary file
    answer = post(as_alice, ("large.png", images.plain("red") + bytes(500_000)))
    assert answer.status_code == 422
    assert "large.png" in answer.text
    assert "larger than 0.001 MB" in answer.text
    (upload,) = answer.wsgi_request.FILES.getlist("images")
    assert upload.size == 1001


@pytest.mark.parametrize("size", [999, 1000])
def test_a_file_within_the_limit_arrives_whole(
    as_alice: Client, settings: Settings, size: int
) -> None:
    settings.MAX_UPLOAD_BYTES = 1000
    content = images.plain("red")
    post(as_alice, ("exact.png", content + bytes(size - len(content))))
    assert SubmittedImage.objects.get().byte_size == size
