"""Labelled images in a folder or zip: whatever lies below REAL/ and FAKE/, at any depth."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from ml.contract import CLASS_ORDER, Preprocessing
from ml.errors import DatasetError, ImageReadError
from ml.preprocessing import prepare
from ml.sources import Source, opened

__all__ = [
    "DatasetError",
    "LabelledImages",
    "content_sha256",
    "labelled_names",
    "load",
    "stream",
]

IMAGE_SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".tif", ".tiff", ".bmp", ".heic", ".heif"]
)
MAX_UNREADABLE_SHARE = 0.01
CHUNK = 250

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


def load(
    path: Path,
    form: Preprocessing,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
) -> LabelledImages:
    """Read labelled images into memory, in the order of their names, prepared for the network.

    Args and errors are those of `stream`.
    """
    chunks = list(stream(path, form, limit=limit, progress=progress))
    return LabelledImages(
        np.concatenate([chunk.pixels for chunk in chunks]),
        np.concatenate([chunk.labels for chunk in chunks]),
        tuple(item for chunk in chunks for item in chunk.hashes),
        tuple(item for chunk in chunks for item in chunk.names),
        tuple(item for chunk in chunks for item in chunk.unreadable),
        path.name,
    )


def stream(
    path: Path,
    form: Preprocessing,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Iterator[LabelledImages]:
    """Yield labelled images in chunks, in the order of their names, prepared for the network.

    Args:
        path: A folder or zip archive with REAL and FAKE folders (in any case) at any depth.
        form: The network's preprocessing.
        limit: At most this many images, evenly spread over each class.
        progress: Called with (done, all) when a chunk has been used and the next is wanted.

    Raises:
        DatasetError: `missing_data`, `not_an_archive`, `no_class_folders`, `one_class_only`,
            `too_few_images` or `too_many_unreadable` (more than 1 % of the files).
    """
    with closing(opened(path)) as source:
        listing = _limited(_listing(source, path.name), limit)
        unreadable: list[str] = []
        labels: set[int] = set()
        for start in range(0, len(listing), CHUNK):
            chunk = _read(source, listing[start : start + CHUNK], form, path.name)
            unreadable.extend(chunk.unreadable)
            labels.update(chunk.labels.tolist())
            _check_readable(len(listing), unreadable, path.name)
            yield chunk
            if progress:
                progress(min(start + CHUNK, len(listing)), len(listing))
    if len(labels) < 2:
        raise DatasetError(
            "one_class_only",
            f"{path.name} must have readable images of both classes. Received: those of "
            f"{' and '.join(CLASS_ORDER[label] for label in labels) or 'neither'}.",
        )


def hashes(path: Path) -> Iterator[str]:
    """Yield the sha256 of each labelled file of a folder or archive, without decoding it.

    Raises:
        DatasetError: As `load`.
    """
    with closing(opened(path)) as source:
        for name, _ in _listing(source, path.name):
            yield hashlib.sha256(source.read(name)).hexdigest()


def labels(path: Path) -> npt.NDArray[np.uint8]:
    """Return the class index of each labelled file of a folder or archive, by its place alone.

    Raises:
        DatasetError: As `load`.
    """
    with closing(opened(path)) as source:
        return np.array([label for _, label in _listing(source, path.name)], np.uint8)


def labelled_names(source: Source, title: str) -> list[str]:
    """Return the names of all labelled images of an opened folder or archive, sorted.

    Raises:
        DatasetError: `no_class_folders` or `one_class_only`, with `title` for the source.
    """
    return [name for name, _ in _listing(source, title)]


def content_sha256(hashes: Sequence[str]) -> str:
    """Return one sha256 for a set of files: over their sorted content hashes."""
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()


def _listing(source: Source, title: str) -> list[tuple[str, int]]:
    names = list(source.names())
    labelled = sorted((name, label) for name in names if (label := _label(name)) is not None)
    found = {label for _, label in labelled}
    if not found:
        raise DatasetError(
            "no_class_folders",
            f"{title} must have images in folders named REAL/ and FAKE/. Received: {_seen(names)}.",
        )
    if len(found) == 1:
        absent = CLASS_ORDER[1 - found.pop()]
        raise DatasetError(
            "one_class_only",
            f"{title} must have images in a folder named {absent}/ as well. "
            f"Received: {len(labelled)} images, none of them in such a folder.",
        )
    return labelled


def _seen(names: list[str]) -> str:
    """Return in a few words what there is instead of what was looked for."""
    folders = sorted({str(PurePosixPath(name.replace("\\", "/")).parent) for name in names})
    return f"{len(names)} file(s) in {', '.join(folders[:5]) or 'no folder'}"


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
    """Keep images of each class by their names' hash, so that larger limits hold smaller ones.

    Every n-th name would not do: CIFAKE's files are named `0000 (2).jpg` by their subject,
    ten in a row, and every tenth shows the same one.
    """
    if limit is None or limit >= len(listing):
        return listing
    if limit < 2:
        raise DatasetError("too_few_images", f"The limit must be at least 2. Received: {limit}.")
    kept: list[tuple[str, int]] = []
    for label, share in ((0, limit // 2), (1, limit - limit // 2)):
        members = [item for item in listing if item[1] == label]
        kept.extend(sorted(members, key=lambda item: _mixed(item[0]))[:share])
    return sorted(kept)


def _mixed(name: str) -> bytes:
    return hashlib.sha256(PurePosixPath(name).name.encode()).digest()


def _read(
    source: Source, listing: list[tuple[str, int]], form: Preprocessing, title: str
) -> LabelledImages:
    pixels = np.empty((len(listing), form.height, form.width, 3), np.uint8)
    labels: list[int] = []
    hashes: list[str] = []
    names: list[str] = []
    unreadable: list[str] = []
    for name, label in listing:
        try:
            content = source.read(name)
            pixels[len(names)] = prepare(content, form)
        except ImageReadError as error:
            unreadable.append(f"{name}: {error.sentence}")
            continue
        labels.append(label)
        hashes.append(hashlib.sha256(content).hexdigest())
        names.append(name)
    return LabelledImages(
        pixels[: len(names)],
        np.array(labels, np.uint8),
        tuple(hashes),
        tuple(names),
        tuple(unreadable),
        title,
    )


def _check_readable(count: int, unreadable: list[str], title: str) -> None:
    if len(unreadable) > MAX_UNREADABLE_SHARE * count:
        raise DatasetError(
            "too_many_unreadable",
            f"At most 1 % of the {count:,} images of {title} may be unreadable. "
            f"Received: {len(unreadable)} that cannot be read, the first of them {unreadable[0]}",
        )
