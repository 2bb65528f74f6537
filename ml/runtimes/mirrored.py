"""A network and its mirror: each answer is the mean over an image and its mirror image."""

import numpy as np

from ml.contract import Evidence
from ml.runtimes import Floats, Pixels, Runtime

__all__ = ["MirrorAveraged"]


class MirrorAveraged:
    """A runtime that shows another one every image twice, as it is and mirrored.

    It is one network with twice the channels: the activations of the mirrored view, mirrored
    back, stand beside the others, and the gradients are those of the mean logit. So every method
    of explanation is exact without knowing of views.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def logits(self, pixels: Pixels) -> Floats:
        """Return mean logits (n,) for pixels (n, height, width, 3)."""
        return _mean(self._runtime.logits(_views(pixels)))

    def evidence(self, pixels: Pixels) -> Evidence:
        """Return mean logits (n,), maps and gradients (n, h, w, 2 channels)."""
        both = self._runtime.evidence(_views(pixels))
        return Evidence(
            _mean(both.logits), _side_by_side(both.maps), 0.5 * _side_by_side(both.gradients)
        )


def _views(pixels: Pixels) -> Pixels:
    return np.concatenate([pixels, pixels[:, :, ::-1]])


def _mean(logits: Floats) -> Floats:
    plain, mirrored = np.split(logits, 2)
    return 0.5 * (plain + mirrored)


def _side_by_side(values: Floats) -> Floats:
    plain, mirrored = np.split(values, 2)
    return np.concatenate([plain, mirrored[:, :, ::-1]], axis=-1)
