"""Labelled images in a folder or zip: whatever lies below REAL/ and FAKE/, at any depth."""

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from ml.contract import CLASS_ORDER, Preprocessing
from ml.datasets.images import (
    CHUNK,
    LabelledImages,
    Progress,
    Readable,
    check_readable,
    joined,
    read_chunk,
)
from ml.errors import DatasetError
from ml.sources import Source, opened

IMAGE_SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".tif", ".tiff", ".bmp", ".heic", ".heif"]
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
    return joined(chunks, path.name)


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
    with listed(path, limit=limit) as files:
        unreadable: list[str] = []
        labels: set[int] = set()
        for start in range(0, len(files), CHUNK):
            chunk = read_chunk(files[start : start + CHUNK], form, path.name)
            unreadable.extend(chunk.unreadable)
            labels.update(chunk.labels.tolist())
            check_readable(len(files), unreadable, path.name)
            yield chunk
            if progress:
                progress(min(start + CHUNK, len(files)), len(files))
    check_both(labels, path.name)


@contextmanager
def listed(path: Path, *, limit: int | None = None) -> Iterator[list[Readable]]:
    """Open a folder or archive for as long as its labelled files are read, sorted by name.

    Args and errors are those of `stream`, but for what only reading them can tell.
    """
    with closing(opened(path)) as source:
        listing = _limited(_listing(source, path.name), limit)
        yield [(name, label, partial(source.read, name)) for name, label in listing]


def check_both(labels: set[int], title: str) -> None:
    """Refuse a set with readable images of one class alone: `one_class_only`."""
    if len(labels) < 2:
        raise DatasetError(
            "one_class_only",
            f"{title} must have readable images of both classes. Received: those of "
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


def labelled_pictures(source: Source, title: str) -> list[tuple[str, int]]:
    """Return name and class index of all labelled images of a source, sorted; one class will do.

    Raises:
        DatasetError: `no_class_folders`, with `title` for the source.
    """
    names = list(source.names())
    labelled = sorted((name, label) for name in names if (label := _label(name)) is not None)
    if not labelled:
        raise DatasetError(
            "no_class_folders",
            f"{title} must have images in folders named REAL/ and FAKE/. Received: {_seen(names)}.",
        )
    return labelled


def _listing(source: Source, title: str) -> list[tuple[str, int]]:
    labelled = labelled_pictures(source, title)
    found = {label for _, label in labelled}
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
