"""A zip is unpacked by the rules of zips, file by file, from wherever a worker stopped."""

import io
import struct
import zipfile
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from pytest_django import Settings

from detection.decoding import Decoded
from detection.models import (
    Batch,
    BatchFile,
    BatchPiece,
    Refusal,
    SubmittedImage,
)
from detection.models.analyses import Priority
from detection.services import batches as services
from detection.services.batches import (
    batch_unpack,
    batches_sweep,
    unpacking,
)
from detection.services.decoding import decode
from detection.services.intake import drafts
from portal.encryption import media_keys, new_key
from portal.environment import Environment
from portal.models import User
from tests import batches, images, work
from tests.batches import HERE
from tests.fixtures import Committed

pytestmark = pytest.mark.django_db


@pytest.fixture
def few_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are taken in by fives, so that few of them make several steps."""
    monkeypatch.setattr(unpacking, "TOGETHER_FILES", 5)


def codes(batch: Batch) -> dict[str, str]:
    """Path -> code of the files that were not taken in."""
    return dict(batch.files.filter(image=None).values_list("path", "error_code"))


def test_images_of_a_zip_wait_behind_those_of_people(
    alice: User, few_together: None, committed: Committed
) -> None:
    files = batches.pictures(12, folder="summer/")
    with committed():
        batch = batches.unpacked(alice, files)
    assert (batch.state, batch.files_total, batch.files_seen) == ("analysing", 12, 12)
    assert [file.path for file in batch.files.all()] == list(files)
    stored = {file.path: file.image.original.read() for file in batch.files.all() if file.image}
    assert stored == files
    assert set(batch.answers.values_list("priority", flat=True)) == {Priority.BATCH}
    assert not BatchPiece.objects.exists()
    assert not any("batches" in path.parts for path in work.media_files())


def test_each_piece_is_read_as_often_as_it_is_needed(alice: User, settings: Settings) -> None:
    """The last one holds the directory and images: it comes first, is let go, and comes again."""
    options = {
        **settings.STORAGES["default"]["OPTIONS"],
        "keys": media_keys(Environment({"MEDIA_KEYS": new_key()}), "MEDIA_KEYS"),
    }
    default = {**settings.STORAGES["default"], "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    noise = {f"{n}.txt": Random(n).randbytes(batches.PIECE) for n in range(5)}
    batch = batches.unpacked(alice, noise | batches.pictures(3))
    assert codes(batch) == dict.fromkeys(noise, "unsupported_format")
    assert batch.answers.count() == 3


def test_a_piece_that_is_lost_is_told_as_that(alice: User) -> None:
    batch = batches.sent(alice, batches.packed({"a.txt": bytes(700_000)} | batches.pictures(2)))
    lost = batch.pieces.all()[1]
    default_storage.delete(str(lost.file.name))
    batch_unpack(batch_id=batch.pk, worker=HERE)
    batch.refresh_from_db()
    assert (batch.state, batch.error_code) == ("failed", "upload_lost")
    assert batch.error_sentence == "A part of the upload is lost. Hand it in once more."


def test_one_bad_file_does_not_take_the_others_with_it(alice: User) -> None:
    nested = batches.packed(batches.pictures(1))
    content = batches.packed(
        {
            "a.png": images.plain("red"),
            "notes.txt": b"no image",
            "inner.zip": nested,
            "../../etc/passwd.png": images.plain("red"),
            "/root.png": images.plain("red"),
            "C:/windows.png": images.plain("red"),
            "empty.png": b"",
            "cut.jpg": images.image_file("JPEG")[:-200],
            "__MACOSX/a.png": b"litter",
            "sub/.DS_Store": b"litter",
            "b.png": images.plain("blue"),
        }
    )
    batch = batches.unpacked(alice, content)
    assert batch.files_seen == batch.files_total == 9
    assert codes(batch) == {
        "notes.txt": "unsupported_format",
        "inner.zip": "nested_archive",
        "../../etc/passwd.png": "unsafe_path",
        "root.png": "unsafe_path",
        "C:/windows.png": "unsafe_path",
        "empty.png": "empty_file",
        "cut.jpg": "damaged_image",
    }
    assert {file.file_name for file in SubmittedImage.objects.all()} == {"a.png", "b.png"}
    assert Refusal.objects.filter(submission=batch.submission).count() == 7


def test_links_and_locked_files_are_refused_by_name(alice: User) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("locked.png", images.plain("red"))
        archive.writestr("fine.png", images.plain("red"))
    content = bytearray(buffer.getvalue())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(b"locked.png", content.index(signature))
        head = content.rindex(signature, 0, at)
        content[head + flags] |= 1
    batch = batches.unpacked(alice, bytes(content))
    assert codes(batch) == {"link.png": "unsafe_path", "locked.png": "encrypted_entry"}
    assert batch.answers.count() == 1


def empty_entries(count: int) -> bytes:
    return batches.packed({f"{n}.png": b"" for n in range(count)})


def test_a_zip_of_100_000_entries_is_refused_by_its_directory(
    alice: User, monkeypatch: pytest.MonkeyPatch, committed: Committed
) -> None:
    content = empty_entries(100_000)
    # Not even the directory is read into memory.
    monkeypatch.delattr(zipfile.ZipFile, "_RealGetContents")
    with committed():
        batch = batches.unpacked(alice, content)
    assert (batch.state, batch.error_code) == ("failed", "too_many_entries")
    assert (batch.files.count(), len(work.media_files())) == (0, 0)


def test_a_directory_that_lies_about_its_length_is_refused(alice: User, settings: Settings) -> None:
    settings.BATCH_MAX_FILES = 10
    content = bytearray(empty_entries(500))
    end = content.rindex(b"PK\x05\x06")
    content[end + 8 : end + 12] = struct.pack("<HH", 1, 1)
    assert batches.unpacked(alice, bytes(content)).error_code == "too_many_entries"


def test_a_few_files_too_many_are_too_many(alice: User, settings: Settings) -> None:
    settings.BATCH_MAX_FILES = 3
    assert batches.unpacked(alice, batches.pictures(4)).error_code == "too_many_entries"
    assert batches.unpacked(alice, batches.pictures(3)).state == "analysing"


def test_what_would_fill_the_disk_is_not_unpacked(alice: User, settings: Settings) -> None:
    settings.BATCH_MAX_UNPACKED_BYTES = 5_000_000
    bomb = batches.packed({"a.bmp": bytes(6_000_000)}, compression=zipfile.ZIP_DEFLATED)
    batch = batches.unpacked(alice, bomb)
    assert (batch.state, batch.error_code) == ("failed", "archive_too_large")
    settings.BATCH_MAX_UNPACKED_BYTES = 10**9
    settings.MAX_UPLOAD_BYTES = 1_000_000
    assert codes(batches.unpacked(alice, bomb)) == {"a.bmp": "file_too_large"}
    bomb = batches.packed({"a.bmp": bytes(250_000_000)}, compression=zipfile.ZIP_DEFLATED)
    assert batches.unpacked(alice, bomb).error_code == "zip_bomb"


@pytest.mark.parametrize("content", [b"no zip at all", b"PK\x05\x06", b"PK\x03\x04" + bytes(99)])
def test_what_is_no_zip_fails_with_a_sentence(alice: User, content: bytes) -> None:
    batch = batches.unpacked(alice, content)
    assert (batch.state, batch.error_code) == ("failed", "damaged_archive")
    assert "damaged or cut off" in batch.error_sentence
    assert batch.finished_at


def test_a_zip_that_was_cut_off_is_refused_as_a_whole(alice: User) -> None:
    content = batches.packed(batches.pictures(20))
    assert batches.unpacked(alice, content[:-30]).error_code == "damaged_archive"


def test_a_worker_that_is_lost_is_followed_by_one_that_goes_on(
    alice: User, few_together: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batches.sent(alice, batches.packed(batches.pictures(17)))
    take = unpacking._take
    steps: list[int] = []

    def killed(claim: Batch, some: object) -> None:
        """Die in the third step, as a power cut would."""
        if len(steps) == 2:
            raise SystemExit
        steps.append(1)
        take(claim, some)  # type: ignore[arg-type]

    monkeypatch.setattr(unpacking, "_take", killed)
    with pytest.raises(SystemExit):
        batch_unpack(batch_id=batch.pk, worker=HERE)
    monkeypatch.setattr(unpacking, "_take", take)
    batch.refresh_from_db()
    assert (batch.state, batch.files_seen, batch.worker) == ("unpacking", 10, HERE)
    assert not batch_unpack(batch_id=batch.pk, worker="background@there"), "somebody has it"

    assert services.worker_started(worker=HERE) == 1
    assert batch_unpack(batch_id=batch.pk, worker=HERE)
    batch.refresh_from_db()
    assert (batch.state, batch.files_seen) == ("analysing", 17)
    assert list(batch.files.values_list("number", flat=True)) == list(range(17))
    assert batch.answers.count() == 17
    assert not batch_unpack(batch_id=batch.pk, worker=HERE), "delivered twice"


def test_what_takes_its_worker_down_again_and_again_ends(alice: User, settings: Settings) -> None:
    batch = batches.sent(alice, batches.packed(batches.pictures(3)))
    for _ in range(settings.ANALYSIS_MAX_ATTEMPTS):
        assert unpacking.batch_claim(batch_id=batch.pk, worker=HERE)
        batches_sweep(now=timezone.now() + timedelta(hours=1))
    batch.refresh_from_db()
    assert (batch.state, batch.error_code) == ("failed", "worker_lost")
    assert not BatchPiece.objects.exists()


def test_it_gives_signs_of_life_however_slow_files_are(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batches.sent(alice, batches.packed(batches.pictures(4)))
    monkeypatch.setattr(unpacking, "SIGN_SECONDS", 0.0)
    signs = []

    def slowly(*args: Any, **options: Any) -> Decoded:
        signs.append(Batch.objects.get(pk=batch.pk).heartbeat_at)
        return decode(*args, **options)

    monkeypatch.setattr(drafts, "decode", slowly)
    assert batch_unpack(batch_id=batch.pk, worker=HERE)
    assert len(signs) == 4
    assert sorted(set(signs)) == signs


def test_a_worker_that_was_overtaken_stores_nothing(
    alice: User, few_together: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batches.sent(alice, batches.packed(batches.pictures(12)))
    take = unpacking._take

    def slow(claim: Batch, some: object) -> None:
        """Lose the claim to another worker before the first step is stored."""
        Batch.objects.filter(pk=claim.pk).update(worker="background@there")
        take(claim, some)  # type: ignore[arg-type]

    monkeypatch.setattr(unpacking, "_take", slow)
    assert not batch_unpack(batch_id=batch.pk, worker=HERE)
    assert not BatchFile.objects.exists()
    assert not SubmittedImage.objects.exists()


def test_a_storage_that_is_away_puts_the_batch_back(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batches.sent(alice, batches.packed(batches.pictures(3)))

    def away(*arguments: object) -> None:
        """Answer as an object storage that cannot be reached."""
        raise OSError(5, "away")

    with monkeypatch.context() as patch:
        patch.setattr(default_storage, "_open", away)
        assert not batch_unpack(batch_id=batch.pk, worker=HERE)
    batch.refresh_from_db()
    assert (batch.state, batch.worker, batch.attempts) == ("unpacking", "", 0)
    assert batch_unpack(batch_id=batch.pk, worker=HERE)
