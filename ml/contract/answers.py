"""What a model answers for images, and what an explanation is made of."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Heatmap:
    """Where the evidence for the verdict lies: float32 (h, w) in [0, 1], 1 the strongest."""

    values: npt.NDArray[np.float32]
    method: str
    layer: str


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The model's answer for one image: calibrated P(FAKE) in [0, 1], its logit, its heatmap.

    `novelty` is how far the image lies from those the model was validated on, where the model can
    tell: 0 or more, and above 1 for an image unlike 95 % of them.
    """

    p_fake: float
    logit: float
    heatmap: Heatmap | None = None
    novelty: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What every explanation of a batch is made of; n images, c channels of one (h, w) layer.

    Attributes:
        logits: float32 (n,).
        maps: float32 (n, h, w, c), the activations of the layer that is explained.
        gradients: float32 (n, h, w, c), d logit / d maps.
    """

    logits: npt.NDArray[np.float32]
    maps: npt.NDArray[np.float32]
    gradients: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FaceBox:
    """Where a face is: pixels of the upright image, and how sure its finder is, in [0, 1]."""

    left: int
    top: int
    width: int
    height: int
    confidence: float
