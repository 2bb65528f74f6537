"""Labelled images in a folder or a zip archive, one at a time: nothing is unpacked to disk."""

import errno
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Protocol

# Of a file's folders the innermost of these names tells its label.
CLASS_FOLDERS = {"real": "real", "fake": "fake"}
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")
# What systems leave in folders by themselves; no image, and nothing to tell anybody about.
LITTER = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
# Images hardly shrink when they are packed. Pictures of one colour do, so a small archive may.
MOST_RATIO = 200
SMALL = 200_000_000
ENCRYPTED = 0x1
# What an entry of the directory takes, with a long name and the fields that packers add.
LONG_ENTRY = 46 + 300
END, END_64, LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
END_LENGTH, END_64_LENGTH, LOCATOR_64_LENGTH = 22, 56, 20
DAMAGE = (EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error, ValueError)


class SourceRefused(Exception):
    """The folder or archive as a whole cannot be read; `code` is for programs."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class EntryRefused(Exception):
    """One file of it is not taken in; the others are."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """What one file and all together may hold at most, in bytes, and how many there may be."""

    file_bytes: int
    total_bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: its path within the source, and its content when asked for."""

    path: str
    # Raises EntryRefused.
    read: Callable[[], bytes]

    @property
    def name(self) -> str:
        """The path's last part."""
        return PurePosixPath(self.path).name

    @property
    def label(self) -> str:
        """What its folders say it is; empty where none of them says so."""
        folders = reversed(PurePosixPath(self.path).parts[:-1])
        return next((CLASS_FOLDERS[f.lower()] for f in folders if f.lower() in CLASS_FOLDERS), "")


class ImageSource(Protocol):
    """Files in an order that stays the same from one reading to the next."""

    def __len__(self) -> int: ...

    def entries(self, start: int = 0) -> Iterator[Entry]: ...


class Folder:
    """The files below a folder; links are not followed, so nothing outside is reached."""

    def __init__(self, root: Path, limits: SourceLimits) -> None:
        self._root = root
        self._limits = limits
        try:
            self._paths = sorted(self._walk())
        except OSError as error:
            raise SourceRefused(
                "unreadable_source", f"The folder cannot be read: {error.strerror}."
            ) from None

    def __len__(self) -> int:
        return len(self._paths)

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """Yield the files from this place in their order on."""
        for path in self._paths[start:]:
            yield Entry(path, partial(self._read, path))

    def _walk(self) -> Iterator[str]:
        count = 0
        for folder, _, names in os.walk(self._root, onerror=_raise):
            for name in names:
                path = (Path(folder) / name).relative_to(self._root).as_posix()
                if is_litter(path):
                    continue
                count += 1
                check_count(count, self._limits)
                yield path

    def _read(self, path: str) -> bytes:
        check_kind(path)
        try:
            descriptor = os.open(self._root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(descriptor, "rb") as file:  # noqa: PTH123 - Path cannot open a descriptor
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise EntryRefused("unsafe_path", "It is a link or no plain file.")
                return bounded(file, self._limits)
        except OSError as error:
            raise EntryRefused("unreadable_file", f"It cannot be read: {error.strerror}.") from None


class Archive:
    """The files in a zip archive."""

    def __init__(self, file: BinaryIO, limits: SourceLimits) -> None:
        self._limits = limits
        check_directory(file, limits)
        try:
            self._zip = zipfile.ZipFile(file)
        except DAMAGE:
            raise SourceRefused(
                "damaged_archive", "The file is not a zip archive, or it is damaged or cut off."
            ) from None
        infos = self._zip.infolist()
        self._infos = [i for i in infos if not i.is_dir() and not is_litter(i.filename)]
        check_count(len(self._infos), limits)
        self._check_size()

    def __len__(self) -> int:
        return len(self._infos)

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """Yield the files from this place in their order on."""
        for info in self._infos[start:]:
            yield Entry(info.filename.replace("\\", "/"), partial(self._read, info))

    def close(self) -> None:
        """Let the file go."""
        self._zip.close()

    def _check_size(self) -> None:
        """Refuse what would grow out of all proportion, before anything is read."""
        unpacked = sum(info.file_size for info in self._infos)
        packed = sum(info.compress_size for info in self._infos)
        if unpacked > self._limits.total_bytes:
            raise SourceRefused(
                "archive_too_large",
                f"Unpacked, the archive would hold {unpacked / 1e9:.1f} GB; "
                f"at most {self._limits.total_bytes / 1e9:g} GB are allowed.",
            )
        if unpacked > max(SMALL, MOST_RATIO * packed):
            raise SourceRefused(
                "zip_bomb",
                "The archive would grow to more than 200 times its size: it is no collection "
                "of images.",
            )

    def _read(self, info: zipfile.ZipInfo) -> bytes:
        check_path(info)
        check_kind(info.filename)
        if info.flag_bits & ENCRYPTED:
            raise EntryRefused("encrypted_entry", "It is locked with a password.")
        try:
            with self._zip.open(info) as file:
                return bounded(file, self._limits)
        except OSError as error:
            # Said to lie before the archive's start: that is a lie, and the others can be read.
            if isinstance(error, io.UnsupportedOperation) or error.errno == errno.EINVAL:
                raise _damaged_entry() from None
            raise SourceRefused(
                "unreadable_source", f"The archive cannot be read on: {error.strerror}."
            ) from None
        except DAMAGE:
            raise _damaged_entry() from None


@contextmanager
def opened(place: Path | BinaryIO, limits: SourceLimits) -> Iterator[ImageSource]:
    """Open a folder, or a zip archive given by its path or as a seekable file.

    Raises:
        SourceRefused: `missing_source`, `unreadable_source`, `damaged_archive`,
            `archive_too_large`, `zip_bomb` or `too_many_entries`.
    """
    if not isinstance(place, Path):
        archive = Archive(place, limits)
        try:
            yield archive
        finally:
            archive.close()
        return
    if place.is_dir():
        yield Folder(place, limits)
        return
    try:
        file = place.open("rb")
    except FileNotFoundError:
        raise SourceRefused("missing_source", f"There is nothing at {place}.") from None
    except OSError as error:
        raise SourceRefused(
            "unreadable_source", f"{place.name} cannot be read: {error.strerror}."
        ) from None
    with file, opened(file, limits) as source:
        yield source


def is_litter(path: str) -> bool:
    """Tell whether a system left the file there by itself."""
    parts = path.replace("\\", "/").split("/")
    return any(part in LITTER or part.startswith("._") for part in parts)


def check_count(count: int, limits: SourceLimits) -> None:
    """Refuse a source with more files than allowed."""
    if count > limits.files:
        raise SourceRefused(
            "too_many_entries", f"At most {limits.files:,} files can be imported at once."
        )


def check_directory(file: BinaryIO, limits: SourceLimits) -> None:
    """Refuse an archive whose directory is too long, by its end alone: it is read into memory.

    Directories of folders count here as well, so there may be twice as many entries as files.
    """
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - END_LENGTH - 0xFFFF)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(END)
    if at < 0 or len(tail) - at < END_LENGTH:
        return  # no zip at all: whoever opens it says so
    count, length = struct.unpack_from("<HL", tail, at + 10)
    if tail[max(0, at - LOCATOR_64_LENGTH) :].startswith(LOCATOR_64):
        file.seek(max(0, start + at - LOCATOR_64_LENGTH - END_64_LENGTH))
        record = file.read(END_64_LENGTH)
        if record.startswith(END_64) and len(record) == END_64_LENGTH:
            count, length = struct.unpack_from("<QQ", record, 32)
    # The count may be a lie, the length is what is read.
    check_count(max(count // 2, length // (2 * LONG_ENTRY)), limits)


def check_path(info: zipfile.ZipInfo) -> None:
    """Refuse an entry that would not lie below the archive's own folder, and links."""
    path = info.filename.replace("\\", "/")
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    if is_link or path.startswith("/") or ":" in path.split("/")[0] or ".." in path.split("/"):
        raise EntryRefused("unsafe_path", "Its path leads out of the archive.")


def check_kind(path: str) -> None:
    """Refuse an archive within the archive."""
    if path.lower().endswith(ARCHIVES):
        raise EntryRefused("nested_archive", "It is an archive itself; hand it in by itself.")


def bounded(file: IO[bytes], limits: SourceLimits) -> bytes:
    """Read a file whole, but never more than is allowed, whatever its header promised."""
    content = file.read(limits.file_bytes + 1)
    if len(content) > limits.file_bytes:
        raise EntryRefused("file_too_large", f"It is larger than {limits.file_bytes / 1e6:g} MB.")
    return bytes(content)


def _damaged_entry() -> EntryRefused:
    return EntryRefused("damaged_entry", "It is damaged within the archive.")


def _raise(error: OSError) -> None:
    raise error
