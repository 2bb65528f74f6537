"""Which pictures are held out together: five parts alike in classes, near-copies in one of them."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["FOLDS", "folds"]

FOLDS = 5

Places = npt.NDArray[np.intp]


def folds(
    labels: npt.NDArray[np.uint8], groups: Places, seed: int, parts: int = FOLDS
) -> Iterator[tuple[Places, Places]]:
    """Yield (learnt from, held out), each picture held out once, a group always as a whole.

    Groups are dealt out one after another, each to the part that its pictures leave most alike to
    the others: large groups first, the rest in an order that the seed gives.

    Args:
        labels: (n,), 1 for FAKE.
        groups: (n,), numbers that pictures of one group share.
        seed: Another seed, other parts.
        parts: How many; parts without a picture are left out.
    """
    _, where = np.unique(groups, return_inverse=True)
    held = np.zeros((where.max() + 1, 2), np.intp)
    np.add.at(held, (where, labels.astype(np.intp)), 1)
    order = np.random.default_rng(seed).permutation(len(held))
    order = order[np.argsort(-held[order].sum(axis=1), kind="stable")]
    filled = np.zeros((parts, 2))
    total = np.maximum(held.sum(axis=0), 1)
    part_of = np.empty(len(held), np.intp)
    for group in order:
        load = ((filled + held[group]) / total) ** 2 - (filled / total) ** 2
        part_of[group] = int(np.argmin(load.sum(axis=1)))
        filled[part_of[group]] += held[group]
    part = part_of[where]
    for number in range(parts):
        if (part == number).any():
            yield np.flatnonzero(part != number), np.flatnonzero(part == number)
