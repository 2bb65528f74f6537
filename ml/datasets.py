"""Labelled images in a folder or zip: whatever lies below REAL/ and FAKE/, at any depth."""

import hashlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ml.contract import CLASS_ORDER, Preprocessing
from ml.errors import DatasetError, ImageReadError
from ml.preprocessing import prepare

__all__ = ["DatasetError", "LabelledImages", "content_sha256", "load", "split"]

IMAGE_SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".tif", ".tiff", ".bmp", ".heic", ".heif"]
)
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_UNREADABLE_SHARE = 0.01

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImages:
    """Images in memory.

    Attributes:
        pixels: uint8 (n, height, width, 3).
        labels: uint8 (n,), the index in `CLASS_ORDER`: 0 REAL, 1 FAKE.
        hashes: The n files' sha256, hexadecimal.
        names: The n files' names inside the source.
        unreadable: Names of files that were skipped, with the reason.
        source: The folder's or archive's name.
    """

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]
    hashes: tuple[str, ...]
    names: tuple[str, ...]
    unreadable: tuple[str, ...] = ()
    source: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: npt.NDArray[np.intp]) -> "LabelledImages":
        """Return the images at `indices`, in that order."""
        return LabelledImages(
            self.pixels[indices],
            self.labels[indices],
            tuple(self.hashes[i] for i in indices),
            tuple(self.names[i] for i in indices),
            source=self.source,
        )


class _Source(Protocol):
    def names(self) -> Iterator[str]: ...

    def read(self, name: str) -> bytes: ...

    def close(self) -> None: ...


class _Folder:
    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> Iterator[str]:
        for path in self.root.rglob("*"):
            if path.is_file():
                yield path.relative_to(self.root).as_posix()

    def read(self, name: str) -> bytes:
        path = self.root / name
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ImageReadError("file_too_large", f"{name} has more than {MAX_FILE_BYTES} bytes.")
        return path.read_bytes()

    def close(self) -> None:
        """Nothing is held open."""


class _Archive:
    def __init__(self, path: Path) -> None:
        try:
            self.zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as error:
            raise DatasetError(
                "not_an_archive", f"{path.name} is neither a folder nor a zip archive: {error}."
            ) from None

    def names(self) -> Iterator[str]:
        return (info.filename for info in self.zip.infolist() if not info.is_dir())

    def read(self, name: str) -> bytes:
        # A member may claim a small size and unpack to gigabytes: read up to the bound, not on.
        try:
            with self.zip.open(name) as member:
                content = member.read(MAX_FILE_BYTES + 1)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
            raise ImageReadError("damaged_member", f"{name} cannot be unpacked: {error}.") from None
        if len(content) > MAX_FILE_BYTES:
            raise ImageReadError("file_too_large", f"{name} has more than {MAX_FILE_BYTES} bytes.")
        return content

    def close(self) -> None:
        self.zip.close()


def load(
    path: Path,
    form: Preprocessing,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
) -> LabelledImages:
    """Read labelled images into memory, in the order of their names, prepared for the network.

    Args:
        path: A folder or zip archive with REAL and FAKE folders (in any case) at any depth.
        form: The network's preprocessing.
        limit: At most this many images, evenly spread over each class.
        progress: Called with (done, all) now and then.

    Raises:
        DatasetError: `missing_data`, `not_an_archive`, `no_class_folders`, `one_class_only` or
            `too_many_unreadable` (more than 1 % of the files).
    """
    with closing(_opened(path)) as source:
        listing = _limited(_listing(source, path.name), limit)
        return _read_all(source, listing, form, path.name, progress)


def hashes(path: Path) -> Iterator[str]:
    """Yield the sha256 of each labelled file of a folder or archive, without decoding it.

    Raises:
        DatasetError: As `load`.
    """
    with closing(_opened(path)) as source:
        for name, _ in _listing(source, path.name):
            yield hashlib.sha256(source.read(name)).hexdigest()


def split(
    labels: npt.NDArray[np.uint8], hashes: Sequence[str], validation_images: int, seed: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Divide images into training and validation, copies of one image always on one side.

    Args:
        labels: (n,) class indices.
        hashes: The n content hashes; equal ones are copies.
        validation_images: Wanted size, half of it from each class.
        seed: Same seed and images give the same split, whatever the order of the images.

    Returns:
        Training and validation indices, each ascending.

    Raises:
        DatasetError: `too_few_images` when a class cannot fill its half and leave some to train on.
    """
    groups: dict[str, list[int]] = {}
    for index, content_hash in enumerate(hashes):
        groups.setdefault(content_hash, []).append(index)
    wanted = {0: validation_images // 2, 1: validation_images - validation_images // 2}
    chosen: list[int] = []
    for content_hash in sorted(
        groups, key=lambda h: hashlib.sha256(f"{seed}:{h}".encode()).digest()
    ):
        members = groups[content_hash]
        label = int(labels[members[0]])
        if len(members) <= wanted[label]:
            wanted[label] -= len(members)
            chosen.extend(members)
    train = np.setdiff1d(np.arange(len(labels)), chosen)
    if any(wanted.values()) or set(np.unique(labels[train]).tolist()) != {0, 1}:
        raise DatasetError(
            "too_few_images",
            f"{len(labels)} images do not suffice for {validation_images} of validation.",
        )
    return train, np.sort(np.array(chosen, np.intp))


def content_sha256(hashes: Sequence[str]) -> str:
    """Return one sha256 for a set of files: over their sorted content hashes."""
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()


def _opened(path: Path) -> _Source:
    if not path.exists():
        raise DatasetError("missing_data", f"The data {path} does not exist.")
    return _Folder(path) if path.is_dir() else _Archive(path)


def _listing(source: _Source, title: str) -> list[tuple[str, int]]:
    labelled = sorted(
        (name, label) for name in source.names() if (label := _label(name)) is not None
    )
    found = {label for _, label in labelled}
    if not found:
        raise DatasetError("no_class_folders", f"{title} has no images in REAL/ and FAKE/ folders.")
    if len(found) == 1:
        absent = CLASS_ORDER[1 - found.pop()]
        raise DatasetError("one_class_only", f"{title} has no images in a folder named {absent}/.")
    return labelled


def _label(name: str) -> int | None:
    """Return the class of the innermost REAL or FAKE folder above an image file."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.suffix.lower() not in IMAGE_SUFFIXES or "__MACOSX" in path.parts:
        return None
    for part in reversed(path.parts[:-1]):
        if part.upper() in CLASS_ORDER:
            return CLASS_ORDER.index(part.upper())
    return None


def _limited(listing: list[tuple[str, int]], limit: int | None) -> list[tuple[str, int]]:
    if limit is None or limit >= len(listing):
        return listing
    if limit < 2:
        raise DatasetError("too_few_images", f"The limit must be at least 2. Received: {limit}.")
    kept: list[tuple[str, int]] = []
    for label, share in ((0, limit // 2), (1, limit - limit // 2)):
        members = [item for item in listing if item[1] == label]
        steps = np.linspace(0, len(members), min(share, len(members)), endpoint=False)
        kept.extend(members[int(step)] for step in steps)
    return sorted(kept)


def _read_all(
    source: _Source,
    listing: list[tuple[str, int]],
    form: Preprocessing,
    title: str,
    progress: Progress | None,
) -> LabelledImages:
    pixels = np.empty((len(listing), form.height, form.width, 3), np.uint8)
    labels = np.empty(len(listing), np.uint8)
    hashes: list[str] = []
    names: list[str] = []
    unreadable: list[str] = []
    for done, (name, label) in enumerate(listing, start=1):
        try:
            content = source.read(name)
            pixels[len(names)] = prepare(content, form)
        except ImageReadError as error:
            unreadable.append(f"{name}: {error.sentence}")
        else:
            labels[len(names)] = label
            hashes.append(hashlib.sha256(content).hexdigest())
            names.append(name)
        if progress and (done % 1000 == 0 or done == len(listing)):
            progress(done, len(listing))
    _check_readable(len(listing), unreadable, labels[: len(names)], title)
    count = len(names)
    return LabelledImages(
        pixels[:count], labels[:count], tuple(hashes), tuple(names), tuple(unreadable), title
    )


def _check_readable(
    count: int, unreadable: list[str], labels: npt.NDArray[np.uint8], title: str
) -> None:
    if len(unreadable) > MAX_UNREADABLE_SHARE * count:
        raise DatasetError(
            "too_many_unreadable",
            f"{len(unreadable)} of the {count} images of {title} cannot be read; the first: "
            f"{unreadable[0]}",
        )
    if len(np.unique(labels)) < 2:
        raise DatasetError("one_class_only", f"{title} has readable images of one class only.")
