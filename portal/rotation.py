"""Goes through all stored files and brings each under the first key, or out of encryption again.

One file at a time, each replaced at once: it may be broken off anywhere and done again, and the
portal goes on meanwhile. What is there is asked of the storage and not of the rows: a file that no
row names any more must not stay readable.
"""

import contextlib
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import IO, cast

from django.core.files.base import File

from detection.services.storage import StorageUnavailable, storage_errors
from portal.encrypted_storage import HEAD_BYTES, MAGIC, EncryptedStorage, spooled
from portal.encryption import MediaKeys
from portal.folder_storage import DRAFT

log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What became of a file."""

    ENCRYPTED = "encrypted"
    RENEWED = "encrypted anew"
    DECRYPTED = "decrypted"
    KEPT = "as they should be"
    GONE = "deleted meanwhile"
    UNREADABLE = "not to be read"
    DRAFT = "deleted, as a run that was broken off had left them"

    @property
    def is_change(self) -> bool:
        """Whether something was done to it."""
        return self in (self.ENCRYPTED, self.RENEWED, self.DECRYPTED, self.DRAFT)


def rotate(storage: EncryptedStorage, *, is_trial: bool = False) -> Iterator[Counter[Outcome]]:
    """Bring every file to where the keys say; yield the counts after each of them.

    Args:
        storage: With keys.
        is_trial: Tell what would be done, and do nothing.

    Raises:
        BlockingIOError: Another process of this machine does the same.
        StorageUnavailable: The storage is away; what was done stays done.
    """
    counts: Counter[Outcome] = Counter()
    with _alone(storage), storage_errors():
        for name, *_ in storage.inner.entries():
            counts[_treated(storage, name, is_trial=is_trial)] += 1
            yield counts


@contextmanager
def _alone(storage: EncryptedStorage) -> Iterator[None]:
    replacing = getattr(storage.inner, "replacing", contextlib.nullcontext)
    with replacing():
        yield


def _treated(storage: EncryptedStorage, name: str, *, is_trial: bool) -> Outcome:
    if name.endswith(DRAFT):
        if not is_trial:
            storage.inner.delete(name)
        return Outcome.DRAFT
    keys = cast("MediaKeys", storage.keys)
    try:
        head, tag = storage.inner.peek(name, HEAD_BYTES)
        wanted = _wanted(keys, head)
        if wanted is Outcome.KEPT or is_trial:
            return wanted
        return wanted if _replaced(storage, name, tag, wanted) else Outcome.GONE
    except FileNotFoundError:
        # Damaged files are told so too; those are still there.
        return Outcome.UNREADABLE if storage.inner.exists(name) else Outcome.GONE
    except StorageUnavailable as error:
        if error.reason != "no key opens the file":
            raise
        return Outcome.UNREADABLE


def _wanted(keys: MediaKeys, head: bytes) -> Outcome:
    is_sealed = head.startswith(MAGIC)
    if not keys.encrypts:
        return Outcome.DECRYPTED if is_sealed else Outcome.KEPT
    if not is_sealed:
        return Outcome.ENCRYPTED
    return Outcome.KEPT if keys.is_of_first(head) else Outcome.RENEWED


def _replaced(storage: EncryptedStorage, name: str, tag: str, wanted: Outcome) -> bool:
    keys = cast("MediaKeys", storage.keys)
    with spooled() as plain, spooled() as content:
        with storage.inner.open(name, "rb") as stored:
            if wanted is Outcome.ENCRYPTED:
                keys.seal(cast("IO[bytes]", stored), content)
            else:
                storage.unseal(name, cast("IO[bytes]", stored), plain)
                plain.seek(0)
                if wanted is Outcome.RENEWED:
                    keys.seal(plain, content)
        target = plain if wanted is Outcome.DECRYPTED else content
        target.seek(0)
        return bool(storage.inner.replace(name, File(target, name), tag))
