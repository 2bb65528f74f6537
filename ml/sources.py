"""A folder and a zip archive look the same: names, and the bytes of one file at a time."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from ml.errors import DatasetError, ImageReadError

MAX_FILE_BYTES = 64 * 1024 * 1024
# Damage, an encrypted member, an unknown compression.
UNPACKING_ERRORS = (
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


class Source(Protocol):
    """File names, and the bytes of one of them; `ImageReadError` where these cannot be had."""

    def names(self) -> Iterator[str]: ...

    def read(self, name: str) -> bytes: ...

    def close(self) -> None: ...


class Folder:
    """All files below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> Iterator[str]:
        for path in self.root.rglob("*"):
            if path.is_file():
                yield path.relative_to(self.root).as_posix()

    def read(self, name: str) -> bytes:
        try:
            with (self.root / name).open("rb") as file:
                return _bounded(file, name)
        except OSError as error:
            raise ImageReadError("damaged_file", f"{name} cannot be read: {error}.") from None

    def close(self) -> None:
        """Nothing is held open."""


class Archive:
    """All members of a zip archive."""

    def __init__(self, path: Path) -> None:
        try:
            self.zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise DatasetError(
                "not_an_archive",
                f"{path.name} must be a folder or a zip archive. Received: {error}.",
            ) from None

    def names(self) -> Iterator[str]:
        return (info.filename for info in self.zip.infolist() if not info.is_dir())

    def read(self, name: str) -> bytes:
        try:
            with self.zip.open(name) as member:
                return _bounded(member, name)
        except UNPACKING_ERRORS as error:
            raise ImageReadError("damaged_file", f"{name} cannot be unpacked: {error}.") from None

    def close(self) -> None:
        self.zip.close()


def opened(path: Path) -> Source:
    """Open a folder or zip archive.

    Raises:
        DatasetError: `missing_data` or `not_an_archive`.
    """
    if not path.exists():
        raise DatasetError(
            "missing_data",
            f"The data must be a folder or a zip archive. Received: {path}, which does not exist.",
        )
    return Folder(path) if path.is_dir() else Archive(path)


def _bounded(file: IO[bytes], name: str) -> bytes:
    """Read up to the bound and not on: a member may claim a small size and unpack to gigabytes."""
    content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ImageReadError("file_too_large", f"{name} has more than {MAX_FILE_BYTES} bytes.")
    return content
