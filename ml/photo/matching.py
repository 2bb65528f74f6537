"""Collections that show each subject twice, once real and once generated, are learnt from as pairs.

There a picture's nearest relative has the other label. Where one of a pair is in the fit and the
other is not, the fit learns the subject with the wrong label, and judges the other worse than by
chance; where both are in, the subject cancels out and only the making is left.
"""

import numpy as np
import numpy.typing as npt

from ml.photo.standard import standardised

__all__ = ["matched_pairs"]

MEMBER = "network"
SUBJECT = slice(720, 1808)  # the network's last blocks: what a picture shows
LEAST_PAIRS = 12
# Of the pairs of pictures that are each other's nearest: with subjects dealt out to the classes by
# chance it is half, and less where the classes differ in what they show.
LEAST_SHARE = 0.7


def matched_pairs(
    features: dict[str, npt.NDArray[np.float32]], labels: npt.NDArray[np.uint8]
) -> npt.NDArray[np.intp]:
    """Return pairs (pairs, 2) of a REAL and a FAKE picture of one subject; none where that is rare.

    Args:
        features: Of n pictures; only those of the network's late blocks are looked at.
        labels: (n,), 1 for FAKE.
    """
    none = np.empty((0, 2), np.intp)
    if MEMBER not in features:
        return none
    standard = standardised(features[MEMBER][:, SUBJECT])[2]
    standard /= np.maximum(np.linalg.norm(standard, axis=1, keepdims=True), 1e-9)
    likeness = standard @ standard.T
    np.fill_diagonal(likeness, -np.inf)
    nearest = likeness.argmax(axis=1)
    places = np.arange(len(labels))
    first = places[(nearest[nearest] == places) & (places < nearest)]
    pairs = np.stack([first, nearest[first]], axis=1)
    differ = pairs[labels[pairs[:, 0]] != labels[pairs[:, 1]]]
    if len(differ) < LEAST_PAIRS or len(differ) < LEAST_SHARE * len(pairs):
        return none
    return differ
