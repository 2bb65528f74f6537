"""Private files in a folder, which can be looked into and replaced one by one while all goes on."""

import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

# What a replacement is called until it takes its place; one that was broken off leaves it behind.
DRAFT = ".replacement"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
# File systems that cannot exchange two names say one of these.
_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)


class FolderStorage(FileSystemStorage):
    """Django's own, and what a storage needs whose files are encrypted anew."""

    def _save(self, name: str, content: File) -> str:
        try:
            return str(super()._save(name, content))  # type: ignore[misc] # not in the stubs
        except FileNotFoundError:
            # The doctor took the empty folder away in between: it is made once more.
            return str(super()._save(name, content))  # type: ignore[misc] # not in the stubs

    def entries(self, prefix: str = "") -> Iterator[tuple[str, int, datetime]]:
        """Yield name, size and time of every file below a folder, folder by folder."""
        root = Path(self.path(""))
        waiting = [root / prefix]
        while waiting:
            try:
                with os.scandir(waiting.pop()) as found:
                    # Whole: what is replaced meanwhile must be neither missed nor told twice.
                    here = sorted(found, key=lambda entry: entry.name)
            except FileNotFoundError:
                continue
            for entry in here:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                    continue
                try:
                    stat = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                name = Path(entry.path).relative_to(root).as_posix()
                yield name, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC)

    def peek(self, name: str, length: int) -> tuple[bytes, str]:
        """Return the beginning of a file, and nothing to know this state of it by."""
        with Path(self.path(name)).open("rb") as file:
            return file.read(length), ""

    def replace(self, name: str, content: File, tag: str) -> bool:
        """Put another content in a file's place, at once for all who read it.

        Returns:
            Whether the file was still there: one that was deleted meanwhile stays deleted.
        """
        place = Path(self.path(name))
        draft = place.with_name(place.name + DRAFT)
        try:
            # Over what a run left that was broken off; `replacing` sees to it that none runs.
            with draft.open("wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            shutil.copystat(place, draft)
            return _exchange(draft, place)
        except FileNotFoundError:
            return False
        finally:
            draft.unlink(missing_ok=True)

    @contextmanager
    def replacing(self) -> Iterator[None]:
        """Keep others from replacing files as long as this lasts.

        Raises:
            BlockingIOError: Somebody does already.
        """
        folder = os.open(self.path(""), os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(folder)


def _exchange(draft: Path, place: Path) -> bool:
    """Let two files change names, in one step of the kernel; `False` where `place` is gone.

    A plain rename would bring back what somebody deletes at this very moment.
    """
    call: Any = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is not None:
        names = (os.fsencode(draft), os.fsencode(place))
        if call(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
            return True
        number = ctypes.get_errno()
        if number not in _CANNOT:
            raise OSError(number, os.strerror(number), str(place))
    if not place.exists():
        return False
    draft.replace(place)
    return True
