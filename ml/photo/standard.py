"""Features brought to one scale, and the few directions that some hundred pictures span in them."""

import numpy as np
import numpy.typing as npt

__all__ = ["directions", "standardised"]

CONSTANT = 1e-6  # of a feature's own size; what varies less is taken for constant

Doubles = npt.NDArray[np.float64]


def standardised(features: npt.NDArray[np.floating]) -> tuple[Doubles, Doubles, Doubles]:
    """Return mean (d,), scale (d,) and the features (n, d) with mean 0 and variance 1.

    A feature that does not vary becomes 0, with a scale of 1: a small one would make the first
    picture that differs look like no other.
    """
    values = features.astype(np.float64)
    mean, scale = values.mean(axis=0), values.std(axis=0)
    varies = scale > CONSTANT * np.maximum(np.abs(mean), CONSTANT)
    scale = np.where(varies, scale, 1.0)
    return mean, scale, np.where(varies, (values - mean) / scale, 0.0)


def directions(standard: Doubles) -> tuple[Doubles, Doubles]:
    """Return squared lengths (r,), ascending, and orthonormal directions (r, d) that hold (n, d).

    Through the smaller of the two products of the rows, which costs a fraction of a decomposition
    of the rows themselves; directions of no length are left out.
    """
    count, width = standard.shape
    if width <= count:
        squares, vectors = np.linalg.eigh(standard.T @ standard)
        axes = vectors.T
    else:
        squares, vectors = np.linalg.eigh(standard @ standard.T)
        axes = vectors.T @ standard / np.sqrt(np.maximum(squares, 1e-12))[:, None]
    kept = squares > 1e-9 * max(float(squares[-1]), 1e-9)
    return squares[kept], axes[kept]
