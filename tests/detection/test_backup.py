"""A backup is read to its end before anything is done, and what is wrong is told in words."""

import io
import json
import tarfile
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pyrage
import pytest
from django.conf import settings as loaded
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from detection.models import Analysis, ModelVersion, SubmittedImage
from detection.services.backup import making, rows
from detection.services.backup.archive import archive_read
from detection.services.backup.checking import backup_check
from detection.services.backup.contract import BackupFailed
from detection.services.backup.making import backup_make
from detection.services.intake import images_delete
from portal.models import User
from tests import images, work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    """A private key of age in a file, as `age-keygen` writes it."""
    path = tmp_path / "identity.txt"
    path.write_text(f"# made for a test\n{pyrage.x25519.Identity.generate()}\n")
    return path


def public_key(identity: Path) -> str:
    (_, line) = identity.read_text().splitlines()
    return str(pyrage.x25519.Identity.from_str(line).to_public())


@pytest.fixture
def two_images(alice: User) -> list[Analysis]:
    """Rows that name five files."""
    return [work.queued(alice), work.queued(alice, images.plain("blue", (300, 300)))]


def made(path: Path, *recipients: str, tell: Callable[[str], None] = lambda told: None) -> Path:
    with path.open("wb") as target:
        backup_make(target=target, recipients=list(recipients), tell=tell)
    return path


def run(*arguments: object) -> str:
    """Run a command; what it told, or why it failed."""
    told = StringIO()
    try:
        call_command(*map(str, arguments), stdout=told, stderr=told)
    except CommandError as error:
        return f"failed: {error}"
    return told.getvalue()


def test_it_holds_every_row_and_every_file_and_no_session(
    two_images: list[Analysis], as_alice: Any, tmp_path: Path
) -> None:
    checked = backup_check(path=made(tmp_path / "b.tar.gz"))
    kept = {table: model._base_manager.count() for table, model in rows.tables().items()}
    assert checked.manifest.rows == kept
    assert (checked.manifest.files, checked.manifest.gone) == (5, 0)
    assert "django_session" not in kept
    assert set(checked.about.left_out) == set(rows.LEFT_OUT)
    names = {name for image in SubmittedImage.objects.all() for name in image.stored_names}
    with tarfile.open(tmp_path / "b.tar.gz") as tar:
        found = {entry.name: entry for entry in tar}
        assert {name for name in found if name.startswith("files/")} == {
            f"files/{name}" for name in names
        }
        for name in names:
            stored = tar.extractfile(f"files/{name}")
            assert stored is not None
            assert stored.read() == default_storage.open(name).read()


@pytest.mark.parametrize("is_encrypted", [False, True], ids=["plain", "encrypted"])
@pytest.mark.parametrize("place", [0.0, 0.01, 0.3, 0.6, 0.99])
def test_a_flipped_bit_is_found_wherever_it_is(
    two_images: list[Analysis], identity: Path, tmp_path: Path, is_encrypted: bool, place: float
) -> None:
    path = made(tmp_path / "b", *([public_key(identity)] if is_encrypted else []))
    content = bytearray(path.read_bytes())
    at = int(place * len(content))
    content[at] ^= 4
    path.write_bytes(content)
    with pytest.raises(BackupFailed) as refused:
        backup_check(path=path, identity=identity)
    assert refused.value.code in ("damaged", "wrong_identity")


@pytest.mark.parametrize("is_encrypted", [False, True], ids=["plain", "encrypted"])
@pytest.mark.parametrize("missing", [1, 9, 200, 5000, 10**9])
def test_one_that_is_cut_off_is_found(
    two_images: list[Analysis], identity: Path, tmp_path: Path, is_encrypted: bool, missing: int
) -> None:
    path = made(tmp_path / "b", *([public_key(identity)] if is_encrypted else []))
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(BackupFailed) as refused:
        backup_check(path=path, identity=identity)
    assert refused.value.code == "damaged"


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """Write a backup anew with other parts, as somebody who wants to deceive would."""
    parts = []
    with archive_read(path) as read:
        parts += [(name, content.read()) for name, content in read]
    with tarfile.open(path, "w:gz") as tar:
        for name, content in parts:
            changed = change(name, content)
            if changed is not None:
                entry = tarfile.TarInfo(name)
                entry.size = len(changed)
                tar.addfile(entry, io.BytesIO(changed))


@pytest.mark.parametrize("part", ["rows/", "files/", "index/", "about.json", "manifest.json"])
@pytest.mark.parametrize("is_left_out", [False, True], ids=["changed", "left out"])
def test_a_part_that_is_changed_or_left_out_is_found(
    two_images: list[Analysis], tmp_path: Path, part: str, is_left_out: bool
) -> None:
    path = made(tmp_path / "b.tar.gz")

    def change(name: str, content: bytes) -> bytes | None:
        if not name.startswith(part):
            return content
        return None if is_left_out else content.replace(b"e", b"f", 1) + b" "

    rewritten(path, change)
    with pytest.raises(BackupFailed) as refused:
        backup_check(path=path)
    assert refused.value.code == "damaged"


def test_a_part_that_leads_out_of_its_folder_is_refused(
    two_images: list[Analysis], tmp_path: Path
) -> None:
    path = made(tmp_path / "b.tar.gz")
    with tarfile.open(path, "w:gz") as tar:
        for name in ("about.json", "files/../../outside"):
            tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(BackupFailed):
        backup_check(path=path)


def test_what_is_deleted_after_the_rows_were_read_is_told(
    two_images: list[Analysis], tmp_path: Path
) -> None:
    gone = two_images[0].image
    before = SubmittedImage.objects.count()

    def deletes_once(told: str) -> None:
        # The rows are read and let go of, the files not yet.
        if told.startswith("models:") or not SubmittedImage.objects.filter(pk=gone.pk).exists():
            return

    class Waiting(making._Names):
        def settle(self) -> None:
            images_delete(images=[gone])
            super().settle()

    original = making._Names
    making._Names = Waiting  # type: ignore[misc]
    try:
        checked = backup_check(path=made(tmp_path / "b.tar.gz", tell=deletes_once))
    finally:
        making._Names = original  # type: ignore[misc]
    assert checked.manifest.rows["detection_submittedimage"] == before
    assert (checked.manifest.files, checked.manifest.gone) == (3, 2)


def test_an_installation_in_use_is_not_restored_into(
    two_images: list[Analysis], tmp_path: Path
) -> None:
    path = made(tmp_path / "b.tar.gz")
    told = run("restore", path)
    assert told.startswith("failed: This installation is in use: ")
    assert "detection_analysis (2 rows)" in told
    assert SubmittedImage.objects.count() == 2


def test_keys_are_told_apart(two_images: list[Analysis], identity: Path, tmp_path: Path) -> None:
    path = made(tmp_path / "b.age", public_key(identity))
    other = tmp_path / "other.txt"
    other.write_text(str(pyrage.x25519.Identity.generate()))
    assert "is whole" in run("backup", "--verify", path, "--identity", identity)
    assert "does not fit" in run("backup", "--verify", path, "--identity", other)
    assert "The backup is encrypted" in run("backup", "--verify", path)
    assert "no private key" in run("backup", "--verify", path, "--identity", tmp_path / "nowhere")


def test_a_folder_gets_a_file_with_a_name_of_its_own_and_nothing_is_overwritten(
    two_images: list[Analysis], identity: Path, tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    told = run("backup", folder)
    assert "NOT ENCRYPTED" in told
    assert "THE KEYS ARE NOT IN IT" in told
    assert "MEDIA_KEYS is not needed to restore" in told
    (first,) = folder.iterdir()
    assert first.name.endswith(".tar.gz")
    assert first.stat().st_mode & 0o077 == 0
    content = first.read_bytes()
    assert "is there already" in run("backup", first)
    assert first.read_bytes() == content
    settings.BACKUP_RECIPIENTS = [public_key(identity)]
    assert "NOT ENCRYPTED" not in run("backup", folder)
    (second,) = set(folder.iterdir()) - {first}
    assert second.name.endswith(".tar.gz.age")


def test_what_cannot_be_is_refused_in_a_sentence(
    two_images: list[Analysis], tmp_path: Path, settings: Settings
) -> None:
    assert "There is no folder" in run("backup", tmp_path / "nowhere" / "b")
    assert "is no public key of age" in run("backup", tmp_path / "b", "--recipient", "age1nobody")
    assert "Keys go into an encrypted backup" in run("backup", tmp_path / "b", "--with-keys")
    assert "Say where to" in run("backup")
    SubmittedImage.objects.update(byte_size=10**15)
    assert "The backup needs some 2,000," in run("backup", tmp_path / "b")
    settings.MEDIA_KEYS = object()
    assert "keeps its files encrypted" in run("backup", tmp_path / "b")
    assert not list(tmp_path.glob("b*"))


def test_a_full_disk_leaves_no_half_backup(two_images: list[Analysis], identity: Path) -> None:
    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, content: Any) -> int:
            raise OSError(28, "No space left on device")

    for recipients in ([], [public_key(identity)]):
        with pytest.raises(OSError, match="No space left"):
            backup_make(
                target=Full(),  # type: ignore[arg-type] # a stream in all but name
                recipients=recipients,
                tell=lambda told: None,
            )


def test_keys_go_along_where_they_are_asked_for(
    two_images: list[Analysis], identity: Path, tmp_path: Path
) -> None:
    path = tmp_path / "b.age"
    run("backup", path, "--with-keys", "--recipient", public_key(identity))
    with archive_read(path, identity) as parts:
        found = {name: content.read() for name, content in parts}
    assert json.loads(found["keys.json"])["SECRET_KEY"] == loaded.SECRET_KEY


def test_without_its_migrations_none_is_made(two_images: list[Analysis], tmp_path: Path) -> None:
    newest = MigrationRecorder.Migration.objects.filter(app="detection").latest("pk")
    name, applied = newest.name, newest.applied
    newest.delete()
    try:
        assert "Migrations are missing" in run("backup", tmp_path / "b")
    finally:
        MigrationRecorder.Migration.objects.create(app="detection", name=name, applied=applied)


def test_a_model_version_goes_along(model: ModelVersion, tmp_path: Path) -> None:
    checked = backup_check(path=made(tmp_path / "b.tar.gz"))
    files = {path.name for path in model.directory.iterdir()}
    assert {f"models/colours/1/{name}" for name in files} <= set(checked.manifest.parts)


def test_a_file_that_was_missing_before_is_told_and_no_reason_to_fail(
    two_images: list[Analysis], tmp_path: Path
) -> None:
    default_storage.delete(str(two_images[0].image.preview.name))
    told = run("backup", tmp_path / "b.tar.gz")
    assert "1 files were gone when their turn came" in told
    default_storage.save(two_images[0].image.preview.name, ContentFile(b"there again"))
