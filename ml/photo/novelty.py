"""How unlike the pictures of a fit a picture is: a model's word ends where its pictures end.

The distance is Mahalanobis', in features of the network's middle and late blocks, with the
covariance that Ledoit and Wolf (2004) shrink towards a plain one, as there are fewer pictures than
features. Of the ways that were measured on three sites, faces and enlarged thumbnails (nearest
neighbours, principal components with and without what they leave over, early and last blocks) it
told most strangers at the same share of pictures kept.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.photo.folds import folds
from ml.photo.standard import directions, standardised

__all__ = ["KEPT", "Novelty", "fit_novelty"]

KEPT = 0.95  # of the pictures of a fit, or rather of further ones like them
MEMBER = "network"
# Of its 1808 features, those of blocks 9 to 15: the earlier see grain that any encoder changes, the
# last one what a picture shows.
BLOCKS = slice(384, 1488)

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Novelty:
    """A shrunk covariance around a mean, and the distance within which pictures are known.

    Attributes:
        mean, scale: float32 (d,), of the standardised features.
        axes: float32 (r, d), orthonormal directions that the fit's pictures vary in.
        variances: float32 (r,) along them; `floor` is the variance in every other direction.
        reach: The distance that is called 1.
    """

    mean: Floats
    scale: Floats
    axes: Floats
    variances: Floats
    floor: float
    reach: float

    def scores(self, pooled: dict[str, Floats]) -> Doubles:
        """Return how far pictures lie outside, (n,): 0 or more, above 1 unlike the fit's."""
        return self.distances(pooled[MEMBER]) / self.reach

    def distances(self, features: Floats) -> Doubles:
        """Return the distance of each picture (n,) for the network's features (n, 1808)."""
        chosen = features[:, BLOCKS].astype(np.float64)
        standard = (chosen - self.mean) / self.scale
        along = standard @ self.axes.T.astype(np.float64)
        squares = (standard**2).sum(axis=1) / self.floor
        squares += (along**2) @ (1.0 / self.variances.astype(np.float64) - 1.0 / self.floor)
        return np.asarray(np.sqrt(np.maximum(squares, 0.0)))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return all of it as arrays, for a file."""
        return {
            "mean": self.mean,
            "scale": self.scale,
            "axes": self.axes,
            "variances": self.variances,
            "limits": np.array([self.floor, self.reach]),
        }

    @classmethod
    def of(cls, arrays: dict[str, npt.NDArray[Any]]) -> "Novelty":
        """Return what `arrays` gave; ValueError or KeyError where they are something else."""
        mean, scale, axes, variances = (
            arrays[name].astype(np.float32) for name in ("mean", "scale", "axes", "variances")
        )
        floor, reach = (float(value) for value in arrays["limits"])
        fits = mean.shape == scale.shape and axes.shape == (len(variances), len(mean))
        positive = min(floor, reach) > 0 and bool((variances > 0).all() and (scale > 0).all())
        if not (fits and positive and all(np.isfinite(a).all() for a in arrays.values())):
            raise ValueError("novelty")
        return cls(mean, scale, axes, variances, floor, reach)


def fit_novelty(
    pooled: dict[str, Floats], labels: npt.NDArray[np.uint8], groups: Places, seed: int
) -> Novelty:
    """Learn what the pictures of a fit look like, and how far others of the kind lie.

    Args:
        pooled: Features (n, d) of each member.
        labels: (n,), to hold out both classes alike.
        groups: (n,); near-copies are held out together, as they make each other look known.
        seed: Of the parts that are held out to find the reach.
    """
    features = pooled[MEMBER]
    held = np.zeros(len(features))
    for learnt, held_out in folds(labels, groups, seed):
        held[held_out] = _covariance(features[learnt], 1.0).distances(features[held_out])
    # The place of the 95 % in a row one longer: the next picture has its place there, too.
    place = min(int(np.ceil(KEPT * (len(held) + 1))), len(held)) - 1
    return _covariance(features, float(np.sort(held)[place]))


def _covariance(features: Floats, reach: float) -> Novelty:
    from sklearn.covariance import ledoit_wolf_shrinkage

    mean, scale, standard = standardised(features[:, BLOCKS])
    squares, axes = directions(standard)
    variances = squares / len(standard)
    average = float(variances.sum()) / standard.shape[1] or 1.0
    shrinkage = max(float(ledoit_wolf_shrinkage(standard, assume_centered=True)), 1e-3)
    floor = shrinkage * average
    return Novelty(
        mean.astype(np.float32),
        scale.astype(np.float32),
        axes.astype(np.float32),
        ((1 - shrinkage) * variances + floor).astype(np.float32),
        floor,
        max(reach, 1e-6),
    )
