"""New images among old ones: how many of each an epoch shows, whatever their numbers are."""

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]


def mixed_order(
    labels: npt.NDArray[np.uint8],
    is_new: npt.NDArray[np.bool_],
    share: float,
    rng: np.random.Generator,
) -> Indices:
    """Return as many indices as there are images, shuffled, with `share` of each class new.

    The classes keep their numbers, so that new images of one class alone do not tilt the balance.
    Where a class has images of one kind only, all of its images are of that kind. An image comes
    again only once all of its class and kind have come.

    Args:
        labels: (n,) class indices.
        is_new: (n,) mask.
        share: In [0, 1].
        rng: Draws.
    """
    chosen: list[Indices] = []
    for label in np.unique(labels):
        of_label = labels == label
        new, old = np.flatnonzero(of_label & is_new), np.flatnonzero(of_label & ~is_new)
        count = int(of_label.sum())
        wanted = round(share * count) if len(new) and len(old) else len(new)
        chosen += [_drawn(new, wanted, rng), _drawn(old, count - wanted, rng)]
    order: Indices = rng.permutation(np.concatenate(chosen))
    return order


def _drawn(indices: Indices, count: int, rng: np.random.Generator) -> Indices:
    """Draw `count` of the indices, each as often as the others but for one time."""
    if not count:
        return indices[:0]
    rounds = [rng.permutation(indices) for _ in range(-(-count // len(indices)))]
    return np.concatenate(rounds)[:count]
