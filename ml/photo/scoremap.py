"""Where in a picture the evidence lies: what each place adds to the logit, without approximation.

The logit of a picture is the mean over its crops, and that of the network's head is the mean over
the places of a crop. So the share of every place is known exactly and needs no gradient.
The forensic features are those of a crop as a whole: their share is the same all over it.
"""

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from ml.photo.crops import SIDE
from ml.photo.features import PictureFeatures
from ml.photo.heads import PhotoHeads

__all__ = ["UNIT", "network_direction", "signed_map", "towards"]

# Side of the square of pixels that one value of a map stands for; all crops begin and end on it.
UNIT = 8
# Of the blur by which maps are drawn, in units: each place of the network sees far more of the
# picture than its own square.
BLUR = 3.0
# A logit at which a place is drawn two thirds as bright as one without any doubt.
BRIGHT = 2.0

Floats = npt.NDArray[np.float32]


def network_direction(heads: PhotoHeads) -> Floats | None:
    """Return the weights of the network's features in the calibrated logit, if it is a member."""
    head = heads.members.get("network")
    if head is None:
        return None
    return (heads.gain / len(heads.members) * head.weights / head.scale).astype(np.float32)


def signed_map(features: PictureFeatures, heads: PhotoHeads) -> Floats:
    """Return the logit of each place, above 0 where it speaks for FAKE.

    The mean over a crop is the crop's calibrated logit. Where crops overlap it is the mean of what
    they say, each weighing the more the nearer its middle is; what no crop saw is 0.

    Returns:
        float32 (h, w), one value for each `UNIT` by `UNIT` pixels.
    """
    width, height = features.size
    side = SIDE // UNIT
    sums = np.zeros((max(height // UNIT, side), max(width // UNIT, side)), np.float32)
    weights, weight = np.zeros_like(sums), _weight(side)
    for index, logit in enumerate(heads.crop_logits(features)):
        left, top = (start // UNIT for start in features.positions[index])
        local = np.full((side, side), logit, np.float32)
        if features.places is not None:
            local += _spread(features.places[index], side)
        sums[top : top + side, left : left + side] += weight * local
        weights[top : top + side, left : left + side] += weight
    values = np.divide(sums, weights, out=sums, where=weights > 0)
    return values[: max(1, height // UNIT), : max(1, width // UNIT)]


def towards(signed: Floats, *, is_fake: bool) -> Floats:
    """Return what speaks for the verdict, float32 (h, w) in [0, 1]; NaN where no crop looked.

    Not scaled to the strongest place, as other heatmaps are: a picture without any clear place is
    to look like one.
    """
    smooth = cv2.GaussianBlur(signed, (0, 0), BLUR, borderType=cv2.BORDER_REFLECT)
    positive = np.maximum(smooth if is_fake else -smooth, 0.0)
    bright = 1.0 - np.exp(-positive / BRIGHT)
    return np.where(signed == 0, np.nan, bright).astype(np.float32)


@cache
def _weight(side: int) -> Floats:
    """Return the weights of a crop's places: falling to its edges, so that no seam is drawn."""
    slope = 1.0 - np.abs(np.linspace(-1, 1, side + 2, dtype=np.float32)[1:-1])
    return np.outer(slope, slope).astype(np.float32, copy=False)


def _spread(places: Floats, side: int) -> Floats:
    """Return how places differ from their mean, over the whole crop; the mean stays 0."""
    large = cv2.resize(places, (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large - large.mean(), np.float32)
