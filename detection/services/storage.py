"""Tells a storage that is away from a file that is gone, and deletes files whatever happens.

`default_storage` raises `FileNotFoundError` for a file that is gone and `StorageUnavailable` where
an object storage cannot be reached or refuses. A local disk raises plain `OSError`;
`storage_errors` makes the same of it.
"""

import errno
import logging
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, cast

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, transaction

from detection.models import Leftover, SubmittedImage

log = logging.getLogger(__name__)

SENTENCE = "The file storage cannot be reached at the moment; try again in a minute."
# How many leftovers a sweep deletes: as many as an object storage deletes in one request.
LEFTOVERS_AT_ONCE = 1000


class StorageUnavailable(OSError):
    """The storage is away or refuses; the work may be tried again, and none of it is lost.

    An `OSError`, as a full or broken disk raises: who can do without a file treats both alike.

    Attributes:
        code: For programs.
        sentence: For people; what the storage said is for the log alone.
        status: Of an HTTP answer.
        retry_seconds: After which it is worth trying again.
    """

    code = "storage_unavailable"
    status = 503
    retry_seconds = 30

    def __init__(self, reason: str = "") -> None:
        super().__init__(errno.EIO, SENTENCE)
        self.reason = reason
        self.sentence = SENTENCE

    def __str__(self) -> str:
        return f"{self.sentence} ({self.reason})" if self.reason else self.sentence


@contextmanager
def storage_errors() -> Iterator[None]:
    """Make one error of whatever a storage raises; around nothing but calls of the storage.

    Raises:
        FileNotFoundError: As it came: the file is gone, and trying again helps nothing.
        StorageUnavailable: In place of every other `OSError`.
    """
    try:
        yield
    except (FileNotFoundError, StorageUnavailable):
        raise
    except OSError as error:
        raise StorageUnavailable(f"{type(error).__name__}: {error.strerror or error}") from error


def storage_check() -> None:
    """Ask whether files can be kept at the moment.

    A folder is written to. A bucket is asked whether it is there and lets us in: that it may be
    written to shows with the first file.

    Raises:
        StorageUnavailable: When they cannot.
    """
    check = getattr(default_storage, "check", None)
    try:
        with storage_errors():
            if check is not None:
                check()
                return
            with tempfile.TemporaryFile(dir=settings.MEDIA_ROOT):
                return
    except FileNotFoundError:
        raise StorageUnavailable("the folder is gone") from None


def unopened() -> tuple[str, str] | None:
    """Return name and reason of a stored file that no key of this process opens, if there is one.

    The newest few tell: who writes without the key that they need would write plain files.
    """
    names = SubmittedImage.objects.exclude(preview="").order_by("-pk")
    for name in names.values_list("preview", flat=True)[:20]:
        try:
            with default_storage.open(name, "rb") as file:
                file.read(1)
        except FileNotFoundError:
            continue
        except StorageUnavailable as away:
            return name, away.reason or away.sentence
    return None


@contextmanager
def local_file(name: str) -> Iterator[Path]:
    """Give a stored file as one on this machine's disk: itself, or a copy while this lasts.

    Raises:
        FileNotFoundError: It is gone.
        StorageUnavailable: The storage is away.
    """
    try:
        path = Path(default_storage.path(name))
    except NotImplementedError:
        path = None
    if path is not None:
        yield path
        return
    suffix = PurePosixPath(name).suffix
    with tempfile.NamedTemporaryFile(prefix="veripix-", suffix=suffix) as copy:
        with storage_errors():
            _copied(name, cast("IO[bytes]", copy))
        copy.flush()
        yield Path(copy.name)


def files_delete(names: Iterable[str]) -> None:
    """Delete stored files; one that is gone already is no error.

    What cannot be deleted as the storage is away is noted, and the sweep deletes it later: rows
    that are gone for good must leave no picture behind.
    """
    wanted = [name for name in names if name]
    if not wanted:
        return
    try:
        _delete(wanted)
    except OSError as error:
        log.warning("%s files cannot be deleted now and are noted: %s", len(wanted), error)
        try:
            rows = [Leftover(name=name) for name in wanted]
            Leftover.objects.bulk_create(rows, ignore_conflicts=True)
        except DatabaseError:
            log.exception("neither storage nor database: these files are left: %s", wanted)


def files_forget(names: Iterable[str | None]) -> None:
    """Have files deleted with the rows that name them, in the transaction that takes these away.

    They are noted in it and deleted after it, so a process that is killed between the two leaves
    work for the sweep, and no files that nobody knows of.
    """
    if wanted := files_note(names):
        transaction.on_commit(lambda: noted_delete(wanted), robust=True)


def files_note(names: Iterable[str | None]) -> list[str]:
    """Note files that are to be deleted, and return their names."""
    wanted = [name for name in names if name]
    rows = [Leftover(name=name) for name in wanted]
    Leftover.objects.bulk_create(rows, batch_size=LEFTOVERS_AT_ONCE, ignore_conflicts=True)
    return wanted


def noted_delete(names: list[str]) -> None:
    """Delete noted files and their notes; what cannot be done now is for the sweep."""
    if not names:
        return
    try:
        _delete(names)
    except OSError as error:
        log.warning("%s files cannot be deleted now and stay noted: %s", len(names), error)
        return
    for start in range(0, len(names), LEFTOVERS_AT_ONCE):
        Leftover.objects.filter(name__in=names[start : start + LEFTOVERS_AT_ONCE]).delete()


def leftovers_delete() -> int:
    """Delete what was left over while the storage was away.

    Returns:
        How many files are gone now.
    """
    left = dict(Leftover.objects.values_list("pk", "name")[:LEFTOVERS_AT_ONCE])
    if not left:
        return 0
    try:
        _delete(list(left.values()))
    except OSError:
        return 0
    Leftover.objects.filter(pk__in=left).delete()
    return len(left)


def _copied(name: str, target: IO[bytes]) -> None:
    """Write what is in a stored file into another; straight, where the storage can."""
    copy_into = getattr(default_storage, "copy_into", None)
    if copy_into is not None:
        copy_into(name, target)
        return
    with default_storage.open(name) as stored:
        shutil.copyfileobj(stored, target)


def _delete(names: list[str]) -> None:
    delete_many = getattr(default_storage, "delete_many", None)
    if delete_many is not None:
        delete_many(names)
        return
    for name in names:
        default_storage.delete(name)
