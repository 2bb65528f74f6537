"""Keeps files encrypted in whichever storage lies below, where keys are given; else as they come.

Whoever opens a file gets it plain, whether it was stored before there were keys, with the newest
or with an older one. What is encrypted is written as a whole and read as a whole: up to
`IN_MEMORY` bytes in memory, beyond that in a file without a name, which ends with its process.
"""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, cast

from django.core.files.base import File
from django.core.files.storage import Storage
from django.utils.module_loading import import_string

from detection.services.storage import StorageUnavailable
from portal.stored_file import StoredFile

if TYPE_CHECKING:
    from portal.encryption import MediaKeys

log = logging.getLogger(__name__)

MAGIC = b"age-encryption.org/v1\n"
# As long as a header may be: it holds one key, and some noise.
HEAD_BYTES = 4096
IN_MEMORY = 5_000_000


class EncryptedStorage(Storage):
    """Another storage, with encryption between it and everybody.

    Attributes:
        inner: The storage below; it holds what is on disk or in the bucket.
        keys: `None` where there are none: files are kept plain then.
    """

    def __init__(
        self, *, backend: str, options: dict[str, Any], keys: "MediaKeys | None" = None
    ) -> None:
        """Take the storage below as Django's STORAGES name it, and the keys."""
        self.inner: Any = import_string(backend)(**options)
        self.keys = keys

    def __getattr__(self, name: str) -> Any:
        """Leave to the storage below whatever has nothing to do with what is in a file."""
        if name in ("inner", "keys"):  # Asked for while this is being copied: not there yet.
            raise AttributeError(name)
        return getattr(self.inner, name)

    # -- what is in a file ---------------------------------------------------------------------

    def _save(self, name: str, content: File) -> str:
        if self.keys is None or not self.keys.encrypts:
            return cast("str", self.inner._save(name, content))
        with spooled() as sealed:
            if content.seekable():
                content.seek(0)
            self.keys.seal(cast("IO[bytes]", content), sealed)
            sealed.seek(0)
            return cast("str", self.inner._save(name, File(sealed, name)))

    def _open(self, name: str, mode: str = "rb") -> File:
        stored: File = self.inner._open(name, mode)
        if mode != "rb":
            return stored

        def again() -> File:
            # Not as it lies below: it may have been encrypted meanwhile.
            return self._open(name)

        opened = None
        try:
            if not is_sealed(stored):
                return StoredFile(stored.file, stored.name, again)
            opened = spooled_file()
            self.unseal(name, cast("IO[bytes]", stored), opened)
            opened.seek(0)
        except BaseException:
            stored.close()
            if opened is not None:
                opened.close()
            raise
        stored.close()
        return StoredFile(opened, name, again)

    def copy_into(self, name: str, target: IO[bytes]) -> None:
        """Write what is in a file into another one, without a copy in between.

        Raises:
            FileNotFoundError, OSError: As `open`.
        """
        with self.inner._open(name, "rb") as stored:
            if is_sealed(stored):
                self.unseal(name, cast("IO[bytes]", stored), target)
                return
            for chunk in stored.chunks():
                target.write(chunk)

    def unseal(self, name: str, stored: IO[bytes], target: IO[bytes]) -> None:
        """Decrypt a file that is known to be encrypted.

        Raises:
            StorageUnavailable: No key opens it. That is for whoever runs this to mend, and work on
                the file waits until then.
            FileNotFoundError: It was changed or cut off: what was stored is gone.
        """
        if self.keys is None:
            log.error("%s is encrypted, and MEDIA_KEYS is not set", name)
            raise StorageUnavailable("the file is encrypted")
        from portal.encryption import FileDamaged, NoKeyFits

        try:
            self.keys.unseal(stored, target)
        except NoKeyFits:
            log.error("%s is encrypted, and no key of MEDIA_KEYS opens it", name)
            raise StorageUnavailable("no key opens the file") from None
        except FileDamaged:
            log.error("%s is damaged: it was changed or cut off", name)
            raise FileNotFoundError(f"What was stored as {name} is damaged.") from None

    def size(self, name: str) -> int:
        """Return how many bytes are in a file; encrypted it takes some hundred more."""
        byte_size: int = self.inner.size(name)
        head, _ = self.inner.peek(name, HEAD_BYTES)
        if not head.startswith(MAGIC):
            return byte_size
        from portal.encryption import FileDamaged, plain_size

        try:
            return plain_size(byte_size, head)
        except FileDamaged:
            return 0

    def path(self, name: str) -> str:
        """Return where a file lies, for those who read it there; not where there are keys.

        Raises:
            NotImplementedError: What lies there may be encrypted, or there is no such place.
        """
        if self.keys is not None:
            raise NotImplementedError("Stored files may be encrypted: open them instead.")
        return cast("str", self.inner.path(name))

    # -- what has nothing to do with it --------------------------------------------------------

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return a name that is free."""
        return cast("str", self.inner.get_available_name(name, max_length))

    def get_valid_name(self, name: str) -> str:
        """Return a name that the storage takes."""
        return cast("str", self.inner.get_valid_name(name))

    def generate_filename(self, filename: str | os.PathLike[str]) -> str:
        """Return the same with its folders."""
        return cast("str", self.inner.generate_filename(filename))

    def delete(self, name: str) -> None:
        """Delete a file."""
        self.inner.delete(name)

    def exists(self, name: str) -> bool:
        """Tell whether there is such a file."""
        return bool(self.inner.exists(name))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return folders and files below a name."""
        return cast("tuple[list[str], list[str]]", self.inner.listdir(path))

    def url(self, name: str | None, *arguments: Any, **options: Any) -> str:
        """Return the address of what is stored, encrypted or not."""
        return cast("str", self.inner.url(name, *arguments, **options))

    def get_accessed_time(self, name: str) -> datetime:
        """Return when a file was last read."""
        return cast("datetime", self.inner.get_accessed_time(name))

    def get_created_time(self, name: str) -> datetime:
        """Return when a file was made."""
        return cast("datetime", self.inner.get_created_time(name))

    def get_modified_time(self, name: str) -> datetime:
        """Return when a file was last written."""
        return cast("datetime", self.inner.get_modified_time(name))


def is_sealed(stored: Any) -> bool:
    """Tell whether a file, at its beginning, is encrypted; it is at its beginning afterwards."""
    found = bool(stored.read(len(MAGIC)) == MAGIC)
    stored.seek(0)
    return found


def spooled_file() -> Any:
    """Return a file in memory, and beyond `IN_MEMORY` on disk, where no name leads to it."""
    return tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)


@contextmanager
def spooled() -> Iterator[Any]:
    """The same for as long as it is needed."""
    with spooled_file() as file:
        yield file
