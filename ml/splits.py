"""Which images to learn from, to choose by and to have the last word: none has two parts."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ml.contract import CLASS_ORDER
from ml.errors import DatasetError

__all__ = ["check_apart", "split"]


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
            f"There must be images enough for {validation_images} of validation, half of them of "
            "each class, and for training on both classes. Received: "
            + " and ".join(f"{np.sum(labels == i)} {name}" for i, name in enumerate(CLASS_ORDER))
            + " (copies of one image count as one). Fewer can be held back by --validation-images.",
        )
    return train, np.sort(np.array(chosen, np.intp))


def check_apart(
    training: Iterable[str], test: Sequence[str], *, tolerated: float = 0.0
) -> frozenset[str]:
    """Refuse test images that have been trained on, as what is known by heart proves nothing.

    Args:
        training: Content hashes of the training images.
        test: Content hashes of the test images.
        tolerated: Share of the test images that may be copies, in [0, 1]: for published sets
            that carry some, as CIFAKE does. They are to be told apart in what is reported.

    Returns:
        The hashes that are on both sides.

    Raises:
        DatasetError: `test_overlaps_training`.
    """
    known = frozenset(training)
    copies = sum(content_hash in known for content_hash in test)
    if copies > tolerated * len(test):
        raise DatasetError(
            "test_overlaps_training",
            f"At most {tolerated:.2%} of the test images may be training images too. "
            f"Received: {copies:,} of {len(test):,} ({copies / len(test):.2%}), "
            "told by their content.",
        )
    return known.intersection(test)
