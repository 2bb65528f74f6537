"""All stored files come under the first key, one by one, and out of encryption again."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from pytest_django import Settings

from portal.encrypted_storage import MAGIC
from portal.encryption import new_key
from portal.folder_storage import DRAFT, FolderStorage
from tests import work
from tests.portal.test_encrypted_storage import MARKER, Keys, content_of, use

__all__ = ["use"]  # a fixture
KEY, OLDER, OLDEST = new_key(), new_key(), new_key()


@pytest.fixture
def names(use: Keys, settings: Settings) -> list[str]:
    """A plain file, one of an older key, and one that is larger than what is kept in memory."""
    use()
    plain = default_storage.save("originals/aa/plain.bin", ContentFile(MARKER))
    use(OLDER)
    older = default_storage.save("previews/older.webp", ContentFile(MARKER))
    large = default_storage.save("imports/large.zip", ContentFile(MARKER * 200_000))
    return [plain, older, large]


def rotated(**options: bool) -> str:
    told = io.StringIO()
    call_command("rotate_media_keys", stdout=told, **options)
    return told.getvalue().strip()


def below() -> FolderStorage:
    """The folder below the encryption."""
    storage: Any = default_storage
    folder: FolderStorage = storage.inner
    return folder


def stored() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in work.media_files()}


def test_every_file_comes_under_the_first_key(use: Keys, names: list[str]) -> None:
    use(KEY, OLDER)
    newest = default_storage.save("heatmaps/newest.png", ContentFile(MARKER))
    before = stored()
    assert rotated() == "4 files: 2 encrypted anew, 1 encrypted, 1 as they should be."
    after = stored()
    assert set(after) == set(before)
    assert after["newest.png"] == before["newest.png"]
    assert all(content.startswith(MAGIC) and MARKER not in content for content in after.values())
    use(KEY)
    assert [len(content_of(name)) for name in (*names, newest)] == [
        len(MARKER), len(MARKER), 200_000 * len(MARKER), len(MARKER)
    ]  # fmt: skip
    assert rotated() == "4 files: 4 as they should be."


def test_a_trial_changes_nothing(use: Keys, names: list[str]) -> None:
    use(KEY, OLDER)
    before = stored()
    told = rotated(dry_run=True)
    assert told == "Nothing was changed. 3 files: 2 would be encrypted anew, 1 would be encrypted."
    assert stored() == before


def test_encryption_can_be_left_again(use: Keys, names: list[str]) -> None:
    use(OLDER)
    with pytest.raises(CommandError, match="put the word plain"):
        rotated(decrypt=True)
    use("plain", OLDER)
    with pytest.raises(CommandError, match="say --decrypt"):
        rotated()
    assert rotated(decrypt=True) == "3 files: 2 decrypted, 1 as they should be."
    assert all(MARKER in content for content in stored().values())
    use()
    assert {content_of(name)[: len(MARKER)] for name in names} == {MARKER}
    with pytest.raises(CommandError, match="MEDIA_KEYS is not set"):
        rotated()


def test_a_file_that_no_key_opens_is_left_and_told(use: Keys, names: list[str]) -> None:
    use(OLDEST)
    lost = default_storage.save("lost.bin", ContentFile(MARKER))
    use(KEY, OLDER)
    before = stored()["lost.bin"]
    with pytest.raises(CommandError, match="need a key"):
        rotated()
    assert stored()["lost.bin"] == before
    use(KEY)
    assert content_of(names[1]) == MARKER
    use(KEY, OLDEST)
    assert rotated() == "4 files: 3 as they should be, 1 encrypted anew."
    assert content_of(lost) == MARKER


def test_a_damaged_file_stops_nothing_and_is_told(use: Keys, names: list[str]) -> None:
    use(KEY, OLDER)
    (path,) = (path for path in work.media_files() if path.name == "older.webp")
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(CommandError, match="damaged"):
        rotated()
    assert content_of(names[0]) == MARKER
    assert stored()["plain.bin"].startswith(MAGIC)


def test_what_a_run_left_behind_that_was_broken_off_goes(
    use: Keys, names: list[str], settings: Settings
) -> None:
    use(KEY, OLDER)
    left = Path(settings.MEDIA_ROOT, names[0] + DRAFT)
    left.write_bytes(MARKER * 1000)
    rotated()
    assert not left.exists()
    assert content_of(names[0]) == MARKER
    # Broken off between the exchange and the end of the old content.
    left.write_bytes(MARKER)
    assert "1 deleted, as a run that was broken off had left them" in rotated()
    assert not left.exists()
    assert len(work.media_files()) == len(names)


@pytest.mark.parametrize("knows_exchange", [True, False])
def test_a_file_that_is_deleted_at_this_moment_stays_deleted(
    use: Keys, names: list[str], monkeypatch: pytest.MonkeyPatch, knows_exchange: bool
) -> None:
    if not knows_exchange:
        monkeypatch.setattr("portal.folder_storage.ctypes.CDLL", lambda *_, **__: object())
    use(KEY, OLDER)
    replace: Callable[..., bool] = FolderStorage.replace

    def deleted_first(self: FolderStorage, name: str, content: File, tag: str) -> bool:
        if name == names[0]:
            self.delete(name)
        return replace(self, name, content, tag)

    monkeypatch.setattr(FolderStorage, "replace", deleted_first)
    assert "1 deleted meanwhile" in rotated()
    assert set(stored()) == {"older.webp", "large.zip"}
    assert content_of(names[1]) == MARKER


def test_one_that_is_deleted_as_it_is_written_stays_deleted_too(
    use: Keys, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(KEY, OLDER)
    copystat = "portal.folder_storage.shutil.copystat"

    def deleted_now(place: Path, draft: Path) -> None:
        place.unlink()

    monkeypatch.setattr(copystat, deleted_now)
    assert rotated() == "3 files: 3 deleted meanwhile."
    assert not work.media_files()


def test_who_reads_meanwhile_reads_to_the_end(use: Keys, names: list[str]) -> None:
    use(KEY, OLDER)
    with below().open(names[0]) as reading:
        assert reading.read(4) == MARKER[:4]
        rotated()
        assert reading.read() == MARKER[4:]


def test_two_runs_at_once_are_refused(use: Keys, names: list[str]) -> None:
    use(KEY, OLDER)
    with (
        below().replacing(),
        pytest.raises(CommandError, match="at this moment"),
    ):
        rotated()


def test_times_and_rights_of_a_file_stay(use: Keys, names: list[str]) -> None:
    use(KEY, OLDER)
    before = [_told_of(path) for path in sorted(work.media_files())]
    rotated()
    assert [_told_of(path) for path in sorted(work.media_files())] == before


def _told_of(path: Path) -> tuple[Any, ...]:
    stat = path.stat()
    return path, stat.st_mode, stat.st_mtime_ns
