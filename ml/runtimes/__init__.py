"""What runs a network: compiled without TensorFlow where its head allows that, else TensorFlow."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from ml.contract import Evidence

__all__ = ["Floats", "Pixels", "Runtime"]

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


class Runtime(Protocol):
    """One network in memory that answers for prepared images; threads may share it."""

    def logits(self, pixels: Pixels) -> Floats:
        """Return the logits of FAKE (n,) for pixels (n, height, width, 3), n 0 or more."""
        ...

    def evidence(self, pixels: Pixels) -> Evidence:
        """Return the same logits with what every explanation of them is made of."""
        ...
