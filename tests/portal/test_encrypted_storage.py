"""Stored files are encrypted where there is a key, and whoever may open one gets it plain."""

import errno
import io
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.management import CommandError, call_command
from django.test import RequestFactory
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter
from pytest_django import Settings

from detection.services.storage import StorageUnavailable, files_delete, local_file, storage_check
from portal import encrypted_storage
from portal.encrypted_storage import HEAD_BYTES, IN_MEMORY, MAGIC
from portal.encryption import MediaKeys, media_keys, new_key
from portal.environment import Environment
from portal.models import User
from tests import images, work

MARKER = b"a face, a street, a number plate"
KEY, OLDER = new_key(), new_key()
# Around the edges of age's chunks and of what is kept in memory.
SIZES = (0, 1, 65_535, 65_536, 65_537, 200_000, IN_MEMORY - 1, IN_MEMORY + 1)

Keys = Callable[..., MediaKeys | None]


@pytest.fixture
def use(settings: Settings) -> Keys:
    """Let the storage have these keys; none: it keeps files plain."""

    def act(*words: str) -> MediaKeys | None:
        env = Environment({"MEDIA_KEYS": ",".join(words)})
        settings.MEDIA_KEYS = media_keys(env, "MEDIA_KEYS") if words else None
        options = {**settings.STORAGES["default"]["OPTIONS"], "keys": settings.MEDIA_KEYS}
        default = {**settings.STORAGES["default"], "OPTIONS": options}
        settings.STORAGES = {**settings.STORAGES, "default": default}
        return settings.MEDIA_KEYS

    return act


def on_disk(name: str) -> bytes:
    """What somebody reads who has the disk."""
    (path,) = (path for path in work.media_files() if path.as_posix().endswith(name))
    return path.read_bytes()


def content_of(name: str) -> bytes:
    with default_storage.open(name) as file:
        content: bytes = file.read()
    return content


def patterned(size: int) -> bytes:
    return (MARKER * (size // len(MARKER) + 1))[:size]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_stored_comes_back_and_cannot_be_read_on_disk(use: Keys, size: int) -> None:
    use(KEY)
    content = patterned(size)
    name = default_storage.save("originals/a.bin", ContentFile(content))
    stored = on_disk(name)
    assert stored.startswith(MAGIC)
    assert MARKER not in stored
    assert len(stored) > size
    assert content_of(name) == content
    assert default_storage.size(name) == size
    with default_storage.open(name) as file:
        assert file.size == size
        file.seek(size // 2)
        assert file.read() == content[size // 2 :]


@pytest.mark.parametrize("words", [(), (KEY,)], ids=["plain", "encrypted"])
def test_a_file_may_be_read_again_once_it_was_closed(use: Keys, words: tuple[str, ...]) -> None:
    use(*words)
    # As a row does it, which hands out the same object each time.
    file = default_storage.open(default_storage.save("originals/a.bin", ContentFile(MARKER)))
    for _ in range(3):
        with file.open("rb") as opened:
            assert opened.read() == MARKER
            assert opened.open().read() == MARKER
    with pytest.raises(ValueError, match="as a whole"):
        file.open("ab")


def test_a_file_that_is_encrypted_between_two_readings_is_read_again(use: Keys) -> None:
    use()
    name = default_storage.save("originals/a.bin", ContentFile(MARKER))
    use(KEY)
    file = default_storage.open(name)
    file.close()
    call_command("rotate_media_keys")
    assert on_disk(name).startswith(MAGIC)
    assert file.open("rb").read() == MARKER


def test_two_equal_files_do_not_look_alike(use: Keys) -> None:
    use(KEY)
    names = [default_storage.save("originals/a.bin", ContentFile(MARKER)) for _ in range(2)]
    assert on_disk(names[0]) != on_disk(names[1])


def test_files_of_before_and_of_older_keys_stay_readable(use: Keys) -> None:
    use()
    plain = default_storage.save("a.bin", ContentFile(MARKER))
    assert on_disk(plain) == MARKER
    use(OLDER)
    older = default_storage.save("b.bin", ContentFile(MARKER))
    use(KEY, OLDER)
    newest = default_storage.save("c.bin", ContentFile(MARKER))
    assert {content_of(name) for name in (plain, older, newest)} == {MARKER}
    assert {default_storage.size(name) for name in (plain, older, newest)} == {len(MARKER)}
    use(KEY)
    assert content_of(newest) == MARKER
    with pytest.raises(StorageUnavailable):
        content_of(older)


def test_on_the_way_out_new_files_are_plain_and_old_ones_are_read(use: Keys) -> None:
    use(KEY)
    sealed = default_storage.save("a.bin", ContentFile(MARKER))
    use("plain", KEY)
    plain = default_storage.save("b.bin", ContentFile(MARKER))
    assert on_disk(plain) == MARKER
    assert content_of(sealed) == MARKER


@pytest.mark.parametrize("words", [(), (OLDER,)], ids=["no key", "another key"])
def test_without_the_key_work_waits_and_the_log_says_why(
    use: Keys, words: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    use(KEY)
    name = default_storage.save("a.bin", ContentFile(MARKER))
    use(*words)
    with caplog.at_level(logging.ERROR), pytest.raises(StorageUnavailable):
        content_of(name)
    assert "MEDIA_KEYS" in caplog.text
    assert name in caplog.text
    assert "AGE-SECRET" not in caplog.text


@pytest.mark.parametrize("size", [20, 200_000])
@pytest.mark.parametrize("place", [-1, -30])
def test_a_file_that_was_changed_is_as_good_as_gone(use: Keys, size: int, place: int) -> None:
    use(KEY)
    name = default_storage.save("a.bin", ContentFile(patterned(size)))
    (path,) = work.media_files()
    stored = bytearray(path.read_bytes())
    stored[place] ^= 1
    path.write_bytes(bytes(stored))
    with pytest.raises(FileNotFoundError):
        content_of(name)
    path.write_bytes(bytes(stored[: -1 - size // 2]))
    with pytest.raises(FileNotFoundError):
        content_of(name)
    path.write_bytes(bytes(stored[:60]))
    with pytest.raises(StorageUnavailable):
        content_of(name)
    assert default_storage.size(name) == 0


@pytest.mark.parametrize("size", [32, 9_000, 70_000, 200_000])
@pytest.mark.parametrize("writes", range(5))
def test_a_disk_that_is_full_is_told_as_such_and_never_as_damage(
    use: Keys, monkeypatch: pytest.MonkeyPatch, size: int, writes: int
) -> None:
    use(KEY)
    name = default_storage.save("a.bin", ContentFile(patterned(size)))
    refused: list[int] = []

    class Full(io.BytesIO):
        left = writes

        def write(self, content: Any) -> int:
            if not self.left:
                refused.append(len(content))
                raise OSError(errno.ENOSPC, "No space left on device")
            self.left -= 1
            return super().write(content)

    monkeypatch.setattr(encrypted_storage, "spooled_file", Full)
    for act in (
        lambda: content_of(name) == patterned(size),
        lambda: default_storage.save("b.bin", ContentFile(patterned(size))),
    ):
        refused.clear()
        told = None
        try:
            assert act()
        except OSError as error:
            told = error.errno
        # Were an error swallowed, what was written would be cut off, and nobody would know.
        assert told == (errno.ENOSPC if refused else None)


def test_who_needs_a_path_gets_a_copy_that_is_gone_afterwards(use: Keys) -> None:
    use(KEY)
    content = patterned(IN_MEMORY + 100)
    name = default_storage.save("imports/a.zip", ContentFile(content))
    with pytest.raises(NotImplementedError):
        default_storage.path(name)
    with local_file(name) as path:
        assert path.suffix == ".zip"
        assert path.read_bytes() == content
        assert path.stat().st_mode & 0o077 == 0
    assert not path.exists()
    use()
    plain = default_storage.save("imports/b.zip", ContentFile(content))
    with local_file(plain) as path:
        assert path == Path(default_storage.path(plain))


def test_an_upload_that_lies_on_disk_is_read_and_not_moved(use: Keys) -> None:
    use(KEY)
    upload = TemporaryUploadedFile("a.jpg", "image/jpeg", 0, None)
    upload.write(patterned(3_000_000))
    upload.seek(100)
    place = Path(upload.temporary_file_path())
    name = default_storage.save("originals/a.bin", upload)
    assert content_of(name) == patterned(3_000_000)
    upload.close()
    assert not place.exists()


def test_whatever_else_a_storage_can_do_goes_on(use: Keys, settings: Settings) -> None:
    use(KEY)
    Path(settings.MEDIA_ROOT).mkdir()
    storage_check()
    names = [default_storage.save("a/b.bin", ContentFile(MARKER)) for _ in range(2)]
    assert default_storage.listdir("") == (["a"], [])
    assert all(map(default_storage.exists, names))
    assert default_storage.get_modified_time(names[0]) is not None
    assert oct((Path(settings.MEDIA_ROOT) / names[0]).stat().st_mode)[-3:] == "600"
    files_delete(names)
    assert not work.media_files()


def test_the_key_is_on_no_page_that_shows_settings_and_in_no_traceback(
    use: Keys, settings: Settings
) -> None:
    keys = use(KEY, OLDER)
    settings.DEBUG = True
    try:
        keys_of_a_frame, storages = keys, settings.STORAGES
        raise ValueError(f"{type(keys_of_a_frame)} {len(storages)}")
    except ValueError as error:
        reporter = ExceptionReporter(
            RequestFactory().get("/"), type(error), error, error.__traceback__
        )
        page = reporter.get_traceback_html() + reporter.get_traceback_text()
    assert "keys_of_a_frame" in page
    cleanse = SafeExceptionReporterFilter().cleanse_setting
    assert set(cleanse("MEDIA_KEYS", keys)) == {"*"}
    assert set(cleanse("STORAGES", settings.STORAGES)["default"]["OPTIONS"]["keys"]) == {"*"}
    for secret in (KEY, OLDER):
        assert secret not in page
        assert secret.removeprefix("AGE-SECRET-KEY-1")[:12] not in page
        assert secret not in repr(settings.STORAGES)
    assert "AGE-SECRET-KEY-1" not in repr(keys)


def test_no_header_is_longer_than_what_is_read_of_it(use: Keys) -> None:
    keys = use(KEY)
    assert keys
    longest = 0
    for _ in range(300):
        sealed = io.BytesIO()
        keys.seal(io.BytesIO(b""), sealed)
        longest = max(longest, len(sealed.getvalue()))
    assert longest < HEAD_BYTES // 4


def test_nothing_is_handed_in_or_imported_without_the_keys_of_the_others(
    use: Keys, alice: User, tmp_path: Path
) -> None:
    use(KEY)
    work.hand_in(alice, images.plain("red"))
    (tmp_path / "REAL").mkdir()
    picture = tmp_path / "REAL" / "a.png"
    picture.write_bytes(images.plain("blue"))
    use()
    before = work.media_files()
    for command in (
        ("classify", str(picture), "--queue", "--user", alice.email),
        ("import_dataset", "mine", str(tmp_path)),
    ):
        with pytest.raises(CommandError, match="MEDIA_KEYS above all"):
            call_command(*command)
    assert work.media_files() == before
