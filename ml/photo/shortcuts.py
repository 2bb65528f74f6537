"""Whether the files' form alone tells the classes apart: then a fit may have learnt nothing else.

Collections are often made of two halves, photographs from a camera and generated pictures from a
download, and differ in format, size or compression. A small tree that sees no pixel is asked first.
"""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, JpegImagePlugin

from ml.contract import FitWarning
from ml.photo.folds import folds
from ml.preprocessing import DECODER_ERRORS, FORMATS

__all__ = ["FileTraits", "Separation", "read_traits", "separations", "warning"]

SUSPICIOUS = 0.6  # balanced accuracy that the lower end of the interval must not exceed
SUBSAMPLINGS = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
MOST_KINDS = 8  # of formats, tables or sources that are told apart; the rarer ones are "other"
NONE = "none"

Labels = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FileTraits:
    """What a file's head says; pixels of the picture as it lies in the file.

    `table` is the mean of the first quantisation table and its last entry, "none" where the format
    has no tables.
    """

    format: str
    width: int
    height: int
    table: str
    subsampling: str
    has_exif: bool


@dataclass(frozen=True, slots=True)
class Separation:
    """How well one property of the files tells the classes apart, judged by other files.

    Attributes:
        name: The property, or `all of them together`.
        accuracy: Both classes weighing alike, 0.5 is chance; with its 95 % interval.
    """

    name: str
    accuracy: float
    interval: tuple[float, float]


def read_traits(content: bytes) -> FileTraits:
    """Return the traits of an image file, without decoding its pixels."""
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        tables: dict[int, list[int]] = getattr(image, "quantization", {}) or {}
        sampling = NONE
        if image.format == "JPEG":
            sampling = SUBSAMPLINGS.get(JpegImagePlugin.get_sampling(image), "other")
        return FileTraits(
            str(image.format), image.width, image.height, _table(tables), sampling, _has_exif(image)
        )


def separations(
    traits: Sequence[FileTraits],
    labels: Labels,
    groups: npt.NDArray[np.intp],
    sources: Sequence[str],
    *,
    seed: int,
) -> list[Separation]:
    """Return what all properties together, then each alone, tell of the classes.

    Args:
        traits, sources: Of n files.
        labels: (n,), 1 for FAKE.
        groups: (n,); files of one group are judged together.
        seed: Of the folds.
    """
    columns = _columns(traits, sources)
    together = np.concatenate([*columns.values()], axis=1)
    found = [_separation("all of them together", together, labels, groups, seed)]
    return found + [
        _separation(name, values, labels, groups, seed) for name, values in columns.items()
    ]


def warning(found: Sequence[Separation]) -> FitWarning | None:
    """Return the warning that separations earn, naming the strongest property; or `None`."""
    together, *single = found
    strongest = max(single, key=lambda each: each.accuracy)
    if strongest.interval[0] > SUSPICIOUS:
        what, accuracy = f"{strongest.name} alone", strongest.accuracy
    elif together.interval[0] > SUSPICIOUS:
        what, accuracy = "Type, size and compression of the files", together.accuracy
    else:
        return None
    verb = "separates" if what.endswith("alone") else "separate"
    return FitWarning(
        "shortcut",
        f"{what} {verb} these classes at {accuracy:.2f}, so the model may have learnt that instead "
        "of the pictures: add pictures that mix them, or bring both classes to one form.",
    )


def _separation(
    name: str, values: Doubles, labels: Labels, groups: npt.NDArray[np.intp], seed: int
) -> Separation:
    from sklearn.tree import DecisionTreeClassifier

    right = np.zeros(len(labels), np.bool_)
    for learnt, held_out in folds(labels, groups, seed):
        tree = DecisionTreeClassifier(
            max_depth=3, min_samples_leaf=4, class_weight="balanced", random_state=seed
        )
        tree.fit(values[learnt], labels[learnt])
        right[held_out] = tree.predict(values[held_out]) == labels[held_out]
    shares, variances = [], []
    for label in (0, 1):
        hits, count = int(right[labels == label].sum()), int((labels == label).sum())
        shares.append(hits / count)
        smoothed = (hits + 1) / (count + 2)  # a share of 1 has no variance, but is no certainty
        variances.append(smoothed * (1 - smoothed) / count)
    accuracy = float(np.mean(shares))
    margin = 1.96 * float(np.sqrt(sum(variances))) / 2
    return Separation(name, accuracy, (max(0.0, accuracy - margin), min(1.0, accuracy + margin)))


def _columns(traits: Sequence[FileTraits], sources: Sequence[str]) -> dict[str, Doubles]:
    """Return name -> (n, columns) of every property that differs at all; one at least."""
    sides = np.array([(each.width, each.height) for each in traits], np.float64)
    columns = {
        "File type": _kinds([each.format for each in traits]),
        "Size": np.column_stack([sides, sides.prod(axis=1)]),
        "Shape": (sides[:, 0] / sides[:, 1])[:, None],
        "Compression": np.column_stack(
            [_kinds([each.table for each in traits]), _levels([each.table for each in traits])]
        ),
        "Chroma subsampling": _kinds([each.subsampling for each in traits]),
        "Camera data (EXIF)": np.array([[each.has_exif] for each in traits], np.float64),
        "Source": _kinds(sources),
    }
    varied = {name: values for name, values in columns.items() if np.ptp(values, axis=0).any()}
    return varied or {"File type": columns["File type"]}


def _kinds(values: Sequence[str]) -> Doubles:
    """Return one column for each of the more frequent values."""
    kinds = [kind for kind, _ in Counter(values).most_common(MOST_KINDS)]
    return np.array([[value == kind for kind in kinds] for value in values], np.float64)


def _levels(tables: Sequence[str]) -> Doubles:
    """Return how coarse each table is, (n, 1); -1 for none."""
    return np.array(
        [[-1.0 if table == NONE else float(table.split("/")[0])] for table in tables], np.float64
    )


def _table(tables: dict[int, list[int]]) -> str:
    if not tables:
        return NONE
    first = tables[min(tables)]
    return f"{sum(first) / len(first):.2f}/{first[-1]}"


def _has_exif(image: Image.Image) -> bool:
    try:
        return len(image.getexif()) > 0
    except DECODER_ERRORS:
        return False
