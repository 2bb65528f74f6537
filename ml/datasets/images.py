"""Labelled images in memory, and how files become them: prepared for the network, hashed, named."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.contract import Preprocessing
from ml.errors import DatasetError, ImageReadError
from ml.preprocessing import prepare

MAX_UNREADABLE_SHARE = 0.01
CHUNK = 250

Progress = Callable[[int, int], None]
# A name, the index in `CLASS_ORDER`, and how to get at the bytes.
Readable = tuple[str, int, Callable[[], bytes]]


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


def joined(chunks: Sequence[LabelledImages], source: str) -> LabelledImages:
    """Return the chunks, of which there is one at least, as one set named `source`."""
    return LabelledImages(
        np.concatenate([chunk.pixels for chunk in chunks]),
        np.concatenate([chunk.labels for chunk in chunks]),
        tuple(item for chunk in chunks for item in chunk.hashes),
        tuple(item for chunk in chunks for item in chunk.names),
        tuple(item for chunk in chunks for item in chunk.unreadable),
        source,
    )


def read_chunk(files: Sequence[Readable], form: Preprocessing, source: str) -> LabelledImages:
    """Read files into memory; one that cannot be read, or is gone, is listed and left out."""
    pixels = np.empty((len(files), form.height, form.width, 3), np.uint8)
    labels: list[int] = []
    hashes: list[str] = []
    names: list[str] = []
    unreadable: list[str] = []
    for name, label, read in files:
        try:
            content = read()
            pixels[len(names)] = prepare(content, form)
        except ImageReadError as error:
            unreadable.append(f"{name}: {error.sentence}")
            continue
        except FileNotFoundError:
            unreadable.append(f"{name}: The file is gone.")
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
        source,
    )


def check_readable(count: int, unreadable: list[str], title: str) -> None:
    """Refuse a set of which more than 1 % cannot be read: `too_many_unreadable`."""
    if len(unreadable) > MAX_UNREADABLE_SHARE * count:
        raise DatasetError(
            "too_many_unreadable",
            f"At most 1 % of the {count:,} images of {title} may be unreadable. "
            f"Received: {len(unreadable)} that cannot be read, the first of them {unreadable[0]}",
        )


def content_sha256(hashes: Sequence[str]) -> str:
    """Return one sha256 for a set of files: over their sorted content hashes."""
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()
