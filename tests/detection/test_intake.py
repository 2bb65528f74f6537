"""Handing in keeps rows and files together: each file is stored whole and queued, or refused."""

import hashlib
import io
import resource
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import NoReturn

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import DatabaseError, connection
from PIL import Image
from pytest_django import Settings

from detection.decoding import Task, Work
from detection.decoding.pictures import decoded
from detection.image_files import ImageRejected, Limits
from detection.models import Analysis, Refusal, State, Submission, SubmittedImage
from detection.services import intake
from detection.services.storage import StorageUnavailable
from portal.models import User
from tests import images, work
from tests.fixtures import Committed, Queue


def only_image(submission: Submission) -> SubmittedImage:
    return submission.images.get()


@pytest.mark.parametrize("name", images.FORMATS)
def test_the_original_is_kept_bit_for_bit(alice: User, name: str) -> None:
    content = images.image_file(name)
    image = only_image(work.hand_in(alice, content))
    with image.original.open("rb") as file:
        assert file.read() == content
    assert image.sha256 == hashlib.sha256(content).hexdigest()
    assert (image.format, image.width, image.height) == (images.FORMATS[name], 48, 32)
    assert image.byte_size == len(content)


@pytest.mark.parametrize("name", images.FORMATS)
def test_so_is_a_large_upload_that_lies_in_a_temporary_file(alice: User, name: str) -> None:
    content = images.image_file(name)
    large = TemporaryUploadedFile("large", "image/any", len(content), None)
    large.write(content)
    large.flush()
    submission = intake.submission_create(owner=alice, files=[large]).submission
    large.close()
    with only_image(submission).original.open("rb") as file:
        assert file.read() == content


def test_stored_names_are_random_and_tell_nothing(alice: User) -> None:
    twins = work.hand_in(alice, images.plain("red"), images.plain("red"), name="secret-party.png")
    names = [name for image in twins.images.all() for name in image.stored_names]
    assert len(set(names)) == len(names) == 4
    assert not any("secret" in name or "red" in name for name in names)
    assert {Path(name).suffix for name in names} == {".bin", ".webp"}
    assert len({image.public_id for image in twins.images.all()}) == 2


def test_each_image_gets_a_waiting_analysis(alice: User) -> None:
    submission = work.hand_in(alice, images.plain("red"), images.plain("blue"))
    analyses = Analysis.objects.filter(image__submission=submission)
    assert [analysis.state for analysis in analyses] == [State.QUEUED, State.QUEUED]
    assert len({analysis.image_id for analysis in analyses}) == 2


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_preview_tells_nothing_of_camera_and_place(alice: User, name: str) -> None:
    content = images.with_metadata(name, orientation=images.SIDEWAYS)
    assert images.PLACE.encode() in content
    image = only_image(work.hand_in(alice, content))
    with image.preview.open("rb") as file:
        preview = file.read()
    assert images.PLACE.encode() not in preview
    assert b"Alice Adams" not in preview
    opened = Image.open(io.BytesIO(preview))
    assert (opened.format, opened.size) == ("WEBP", (32, 48))
    assert not opened.getexif()
    assert not {"exif", "xmp", "icc_profile"} & set(opened.info)


@pytest.mark.parametrize("name", sorted(images.unusual_modes()))
def test_every_pixel_mode_gets_a_preview(alice: User, name: str) -> None:
    image = only_image(work.hand_in(alice, images.unusual_modes()[name], name=name))
    with image.preview.open("rb") as file:
        assert Image.open(file).mode == "RGB"


def test_transparency_is_shown_on_white_and_depth_is_not_clipped(alice: User) -> None:
    clear = images.encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG")
    deep = images.unusual_modes()["deep.png"]
    submission = work.hand_in(alice, clear, deep)
    first, second = (Image.open(image.preview) for image in submission.images.all())
    assert first.getpixel((4, 4)) == (255, 255, 255)
    assert len(set(second.convert("L").tobytes())) > 200


@pytest.mark.parametrize(
    ("size", "preview", "thumbnail"),
    [
        ((32, 32), (32, 32), None),
        ((256, 100), (256, 100), None),
        ((600, 300), (600, 300), (256, 128)),
        ((2600, 1300), (1280, 640), (256, 128)),
        ((1, 3000), (1, 1280), (1, 256)),
    ],
)
def test_previews_are_as_large_as_they_need_to_be(
    alice: User,
    size: tuple[int, int],
    preview: tuple[int, int],
    thumbnail: tuple[int, int] | None,
) -> None:
    content = images.encoded(Image.new("RGB", size, "teal"), "JPEG")
    image = only_image(work.hand_in(alice, content))
    assert (image.width, image.height) == size
    assert Image.open(image.preview).size == preview
    assert (Image.open(image.thumbnail).size if image.thumbnail else None) == thumbnail


def test_a_small_preview_shows_every_pixel_as_it_is(alice: User) -> None:
    picture = images.picture((32, 32))
    image = only_image(work.hand_in(alice, images.encoded(picture, "PNG")))
    assert Image.open(image.preview).convert("RGB").tobytes() == picture.tobytes()


def test_a_refused_file_leaves_the_others_alone_and_is_remembered(alice: User) -> None:
    files = [
        work.upload(images.plain("red"), "first.png"),
        work.upload(b"this is text", "../bad\u202e.jpg"),
        work.upload(b"", "empty.jpg"),
        work.upload(images.plain("blue"), "last.png"),
    ]
    submission = intake.submission_create(owner=alice, files=files).submission
    assert [image.file_name for image in submission.images.all()] == ["first.png", "last.png"]
    refusals = [(refusal.file_name, refusal.code) for refusal in submission.refusals.all()]
    assert refusals == [("bad.jpg", "unsupported_format"), ("empty.jpg", "empty_file")]
    assert len(work.media_files()) == 4


def test_more_files_than_allowed_are_refused_and_the_first_ones_kept(
    alice: User, settings: Settings
) -> None:
    settings.MAX_FILES = 2
    submission = work.hand_in(alice, *[images.plain("red")] * 5)
    assert submission.images.count() == 2
    assert {refusal.code for refusal in submission.refusals.all()} == {"too_many_files"}
    assert len(work.media_files()) == 4


def test_refusals_cannot_fill_the_database(alice: User, settings: Settings) -> None:
    settings.MAX_FILES = 3
    submission = work.hand_in(alice, *[b"text"] * 20)
    assert submission.refusals.count() == 6


def test_limits_come_from_the_settings(alice: User, settings: Settings) -> None:
    settings.MAX_PIXELS = 63
    assert refused_with(alice, images.plain("red")) == "too_many_pixels"
    settings.MAX_UPLOAD_BYTES = 20
    assert refused_with(alice, images.plain("red")) == "file_too_large"


def refused_with(owner: User, content: bytes) -> str:
    return work.hand_in(owner, content).refusals.get().code


def test_a_database_that_fails_leaves_no_file_behind(alice: User) -> None:
    submission = intake.submission_open(owner=alice)

    def failing(execute: object, sql: str, *_: object) -> object:
        if sql.startswith("INSERT") and "detection_analysis" in sql:
            raise DatabaseError("the disk is full")
        return execute(sql, *_)  # type: ignore[operator]

    with connection.execute_wrapper(failing), pytest.raises(DatabaseError):
        intake.image_add(submission=submission, file=work.upload(images.plain("red")))
    assert not SubmittedImage.objects.exists()
    assert work.media_files() == set()


def test_a_storage_that_fails_leaves_no_row_behind(
    alice: User, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "previews").write_text("a file where a folder should be")
    submission = intake.submission_open(owner=alice)
    with pytest.raises(StorageUnavailable):
        intake.image_add(submission=submission, file=work.upload(images.plain("red")))
    assert not SubmittedImage.objects.exists()
    assert {path.name for path in work.media_files()} == {"previews"}


def test_a_full_disk_leaves_neither_row_nor_half_a_file(alice: User) -> None:
    submission = intake.submission_open(owner=alice)
    content = images.image_file("PNG", (300, 300))
    with TemporaryFile() as fetched:
        fetched.write(content)
        large = File(fetched, name="large.png")
        with files_no_larger_than(100_000), pytest.raises(OSError, match="File too large"):
            intake.image_add(submission=submission, file=large)
    assert not SubmittedImage.objects.exists()
    assert work.media_files() == set()


@contextmanager
def files_no_larger_than(count: int) -> Iterator[None]:
    """Let writing fail in the middle, as it does where there is no room left."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_stored_files_are_this_users_alone(alice: User) -> None:
    work.hand_in(alice)
    for path in work.media_files():
        assert path.stat().st_mode & 0o077 == 0
        assert path.parent.stat().st_mode & 0o077 == 0


def test_a_submission_deleted_meanwhile_refuses_the_file(alice: User) -> None:
    submission = intake.submission_open(owner=alice)
    Submission.objects.all().delete()
    with pytest.raises(ImageRejected) as caught:
        intake.image_add(submission=submission, file=work.upload(images.plain("red")))
    assert caught.value.code == "submission_gone"
    assert work.media_files() == set()
    assert not Refusal.objects.exists()


def test_analyses_are_enqueued_when_the_rows_are_stored(
    alice: User, committed: Committed, queue: Queue
) -> None:
    with committed():
        submission = work.hand_in(alice, images.plain("red"), images.plain("blue"))
        assert queue() == []
    analyses = Analysis.objects.filter(image__submission=submission).order_by("pk")
    assert queue() == [analysis.pk for analysis in analyses]
    assert all(analysis.enqueued_at for analysis in analyses)


def test_while_the_broker_is_away_the_upload_is_kept(
    alice: User, committed: Committed, broker_is_away: None
) -> None:
    with committed():
        submission = work.hand_in(alice)
    analysis = Analysis.objects.get(image__submission=submission)
    assert (analysis.state, analysis.enqueued_at) == (State.QUEUED, None)
    assert Path(analysis.image.original.path).is_file()


@pytest.mark.django_db(transaction=True)
def test_whatever_enqueueing_runs_into_rows_and_files_stay(
    django_user_model: type[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.celery import app

    def broken(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("not among the errors that a broker is known for")

    monkeypatch.setattr(app, "send_task", broken)
    alice = django_user_model.objects.create_user("alice@example.org", "x")
    image = only_image(work.hand_in(alice))
    assert Path(image.original.path).is_file()
    assert Path(image.preview.path).is_file()


def test_sixteen_bits_a_pixel_take_no_multiple_of_their_memory() -> None:
    """As the program that decodes does it, in this process."""
    deep = io.BytesIO(images.encoded(Image.new("I;16", (3000, 3000), 40_000), "PNG"))
    task = Task(Work.PREVIEWS, Limits(10**7, 10**7), 1280)
    tracemalloc.start()
    try:
        preview, _ = decoded(deep, task).pictures
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50_000_000
    (red, _, _) = Image.open(io.BytesIO(preview)).convert("RGB").tobytes()[:3]
    assert red == pytest.approx(40_000 / 257, abs=3)


def test_a_file_without_a_name_is_called_something(alice: User) -> None:
    submission = intake.submission_open(owner=alice)
    image = intake.image_add(submission=submission, file=ContentFile(images.plain("red")))
    assert image.file_name == "unnamed"
