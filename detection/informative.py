"""From which unlabelled images most is learnt: those a model is unsure of, unlike one another.

An image on which the model is at a loss says more than one that it would have got right, but
twenty of a kind say little more than one of them. So of the most uncertain ones that is taken
next which differs most from all that were taken or labelled before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detection.perceptual import SHAPELESS, Hashes

# So many of the most uncertain are looked through for those that differ most.
POOL = 200
# Nothing is known of an image that no model has looked at: it may be as good as any.
UNKNOWN = 0.5
# Bits in which two unrelated images differ on average.
UNRELATED = 32


@dataclass(frozen=True, slots=True)
class Candidate:
    """An unlabelled image: its key, what a model said of it, and its perceptual hash.

    `p_fake` in [0, 1]; `novelty` above 1 where the image is unlike those the model knows. Both
    are `None` where no model has looked at it.
    """

    key: int
    p_fake: float | None
    novelty: float | None
    shape: int


def information(candidate: Candidate) -> float:
    """Return how much the label of an image would tell, in [0, 1]: 1 where all is open.

    A probability of 0.5 is open, and so is an image at the edge of what the model knows; one far
    beyond it is of another kind, and its probability says nothing.
    """
    certain = None if candidate.p_fake is None else 1 - 2 * abs(candidate.p_fake - 0.5)
    if candidate.novelty is None:
        return UNKNOWN if certain is None else certain
    edge = max(0.0, 1 - abs(candidate.novelty - 1))
    if candidate.novelty > 1 or certain is None:
        return edge
    return max(certain, edge)


def most_to_learn(
    candidates: Iterable[Candidate], *, known: Iterable[int] = (), wanted: int = POOL
) -> list[int]:
    """Return the keys of so many candidates, the one from which most is learnt first.

    Args:
        candidates: Images without a label.
        known: Perceptual hashes of images that were labelled before.
        wanted: How many; no more than `POOL` are worth asking for at once.
    """
    ranked = sorted(candidates, key=lambda one: (-information(one), one.key))
    pool = ranked[: max(POOL, wanted)]
    places = _spread(pool, np.array(list(known), np.int64), min(wanted, len(pool)))
    return [pool[place].key for place in places]


def _spread(pool: Sequence[Candidate], known: Hashes, wanted: int) -> list[int]:
    """Return places in the pool: each farthest from those before it, weighed by information."""
    shapes = np.array([one.shape for one in pool], np.int64)
    # What tells nothing of itself is taken too, last of all.
    worth = np.array([information(one) for one in pool]) + 0.01
    nearest = np.full(len(pool), UNRELATED, np.int64)
    for shape in known:
        nearest = np.minimum(nearest, _apart(shapes, shape))
    taken: list[int] = []
    is_free = np.ones(len(pool), np.bool_)
    while len(taken) < wanted:
        # A copy of what is known is worth a little still: somebody has to say what it is.
        gain = np.where(is_free, worth * (1 + nearest), -1.0)
        place = int(np.argmax(gain))
        taken.append(place)
        is_free[place] = False
        nearest = np.minimum(nearest, _apart(shapes, shapes[place]))
    return taken


def _apart(shapes: Hashes, other: np.int64) -> npt.NDArray[np.int64]:
    """Return in how many bits each hash differs from another; a shapeless one is like no image."""
    bits = np.bitwise_count(shapes.view(np.uint64) ^ np.uint64(int(other) & (2**64 - 1)))
    apart = np.asarray(bits, np.int64)
    if other == SHAPELESS:
        return np.full(len(shapes), UNRELATED, np.int64)
    return np.where(shapes == SHAPELESS, UNRELATED, apart)
