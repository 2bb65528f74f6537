"""Pictures as numbers: features made so that what there is to learn in them is known."""

import numpy as np
import numpy.typing as npt

from ml.photo.features import MEMBERS
from ml.photo.validation import Sample


def features(
    labels: npt.NDArray[np.uint8], strength: float, *, seed: int = 0, shift: float = 0.0
) -> dict[str, npt.NDArray[np.float32]]:
    """Noise in which ten numbers of each member are larger by `strength` for FAKE."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, width in MEMBERS.items():
        values = rng.normal(shift, 1, (len(labels), width))
        values[:, 400:410] += strength * labels[:, None]
        found[name] = values.astype(np.float32)
    return found


def sample(
    real: int, fake: int, strength: float, *, seed: int = 0, sources: tuple[str, ...] = ("site",)
) -> Sample:
    """Pictures of both classes, dealt out to sources in turn, none a copy of another."""
    labels = np.array([0] * real + [1] * fake, np.uint8)
    names = tuple(sources[place % len(sources)] for place in range(len(labels)))
    return Sample(features(labels, strength, seed=seed), labels, np.arange(len(labels)), names)
