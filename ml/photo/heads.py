"""Linear heads on features of pictures: what a fit learns, and all that a stored model holds of it.

A logit is linear in the features, so the logit of a picture's mean features is the mean of its
crops' logits; nothing is clipped anywhere, so that this holds to the last digit.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ml.errors import ArtifactError
from ml.photo.novelty import Novelty

if TYPE_CHECKING:
    from ml.photo.features import PictureFeatures

__all__ = ["Features", "LinearHead", "PhotoHeads", "mean_logits"]

MOST_MEMBERS = 16  # a file that names more is no file of ours

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
# Member -> features (n, d) of n pictures or crops.
Features = dict[str, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class LinearHead:
    """Logistic regression on standardised features: mean, scale and weights are float32 (d,)."""

    mean: Floats
    scale: Floats
    weights: Floats
    bias: float

    def logits(self, features: npt.NDArray[np.floating]) -> Doubles:
        """Return the logits (n,) of FAKE for features (n, d)."""
        slopes = self.weights.astype(np.float64) / self.scale
        return np.asarray(features.astype(np.float64) @ slopes + self._intercept(slopes))

    def _intercept(self, slopes: Doubles) -> float:
        return self.bias - float(self.mean.astype(np.float64) @ slopes)


def mean_logits(members: Mapping[str, LinearHead], features: Features) -> Doubles:
    """Return the mean (n,) of what the heads say, each of its own features (n, d)."""
    return np.asarray(np.mean([head.logits(features[n]) for n, head in members.items()], axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class PhotoHeads:
    """The members' heads, their calibration and the novelty score.

    The calibrated logit of FAKE is `gain` times the mean over the members, plus `offset`.
    """

    members: dict[str, LinearHead]
    gain: float
    offset: float
    novelty: Novelty

    def logits(self, pooled: Features) -> Doubles:
        """Return the calibrated logits (n,) for features (n, d) of each member."""
        return self.gain * mean_logits(self.members, pooled) + self.offset

    def crop_logits(self, features: "PictureFeatures") -> Doubles:
        """Return the calibrated logit of each crop (n,); their mean is that of the picture."""
        return self.logits(features.crops)

    def novelties(self, pooled: Features) -> Doubles:
        """Return how far pictures lie from those of the fit, (n,): above 1 is outside."""
        return self.novelty.scores(pooled)

    def save(self, path: Path) -> None:
        """Write all arrays to a file of numpy's own format, without anything that could run."""
        arrays: dict[str, Any] = {
            "members": np.array(list(self.members)),
            "calibration": np.array([self.gain, self.offset]),
        }
        for name, head in self.members.items():
            arrays |= {
                f"{name}.mean": head.mean,
                f"{name}.scale": head.scale,
                f"{name}.weights": head.weights,
                f"{name}.bias": np.array(head.bias),
            }
        arrays |= {f"novelty.{name}": values for name, values in self.novelty.arrays().items()}
        with path.open("wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> "PhotoHeads":
        """Return the heads of a file that `save` wrote.

        Raises:
            ArtifactError: `missing_weights`, or `invalid_weights` when the file is something else.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            return _parsed(arrays)
        except FileNotFoundError as error:
            raise ArtifactError(
                "missing_weights", f"The weights file {path} is missing or cannot be read."
            ) from error
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise ArtifactError(
                "invalid_weights",
                f"{path.name} does not hold the heads of a photo model: fit anew.",
            ) from error


def _parsed(arrays: dict[str, npt.NDArray[Any]]) -> PhotoHeads:
    """Return the heads that arrays describe; ValueError or KeyError where they do not fit."""
    names = [str(name) for name in arrays["members"]]
    if not 0 < len(names) <= MOST_MEMBERS:
        raise ValueError(names)
    members = {name: _head(arrays, name) for name in names}
    gain, offset = (float(value) for value in arrays["calibration"])
    prefix = "novelty."
    rest = {name[len(prefix) :]: a for name, a in arrays.items() if name.startswith(prefix)}
    heads = PhotoHeads(members, gain, offset, Novelty.of(rest))
    if not np.isfinite([gain, offset]).all():
        raise ValueError(gain, offset)
    return heads


def _head(arrays: dict[str, npt.NDArray[Any]], name: str) -> LinearHead:
    mean, scale, weights = (
        arrays[f"{name}.{part}"].astype(np.float32) for part in ("mean", "scale", "weights")
    )
    bias = float(arrays[f"{name}.bias"])
    sizes = {mean.shape, scale.shape, weights.shape}
    finite = all(np.isfinite(values).all() for values in (mean, scale, weights, bias))
    if len(sizes) != 1 or mean.ndim != 1 or not finite or not (scale > 0).all():
        raise ValueError(name)
    return LinearHead(mean, scale, weights, bias)
