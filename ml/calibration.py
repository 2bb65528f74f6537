"""Make the probability mean what it says, and say where it is too weak to decide."""

import numpy as np
import numpy.typing as npt

from ml.contract import BEYOND, Calibration, FalseAlarms, OperatingPoint

# At most 1 % of the decided images may be wrong; the fit aims lower to leave room for chance.
TARGET_ERROR = 0.009
SCALES = (0.05, 20.0)
# Of REAL images, for which a threshold is told. The first lets none pass.
SHARES = (0.0, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
PLACES = 1e6  # thresholds are told to the millionth

Floats = npt.NDArray[np.floating]


def fit(logits: Floats, labels: npt.NDArray[np.uint8]) -> Calibration:
    """Fit temperature and inconclusive band on validation images, and measure false alarms there.

    The temperature minimises the negative log likelihood (Guo et al. 2017, arXiv 1706.04599).
    The band is symmetric around 0.5 and the narrowest that leaves at most 0.9 % of the decided
    images wrong; with one bound instead of two there is less to overfit.

    Args:
        logits: (n,), of FAKE.
        labels: (n,), 1 for FAKE.
    """
    temperature = fit_temperature(logits, labels)
    p_fake = Calibration(temperature).probability(logits)
    bound = confidence_bound(p_fake, labels, TARGET_ERROR)
    return Calibration(temperature, 1.0 - bound, bound, false_alarms(p_fake[labels == 0]))


def fit_temperature(logits: Floats, labels: npt.NDArray[np.uint8]) -> float:
    """Return the temperature in [0.05, 20] with the least negative log likelihood.

    The targets are Platt's (1999): of n images of a class, one more of either kind is imagined, so
    the right class has the probability (n + 1) / (n + 2). Among thousands that is nothing; where
    some hundred images hold no mistake it keeps the model from being sure without end.
    The likelihood is concave in the scale 1 / temperature, so halving the range on the sign of
    its slope finds the best one.
    """
    signed = np.where(labels == 1, logits, -logits).astype(np.float64)
    counts = np.bincount(labels, minlength=2)
    doubts = 1.0 / (counts[labels] + 2.0)
    low, high = np.log(SCALES)
    for _ in range(50):
        middle = (low + high) / 2
        wrongness = 0.5 * (1.0 - np.tanh(0.5 * np.exp(middle) * signed))  # sigmoid(-scale * signed)
        if np.mean(signed * (wrongness - doubts)) > 0:
            low = middle
        else:
            high = middle
    return float(np.exp(-low))


def log_loss(logits: Floats, labels: npt.NDArray[np.uint8]) -> float:
    """Return the mean negative log likelihood of labels (n,), 1 for FAKE, in nats."""
    signed = np.where(labels == 1, logits, -logits).astype(np.float64)
    return float(np.mean(np.logaddexp(0.0, -signed)))


def confidence_bound(p_fake: Floats, labels: npt.NDArray[np.uint8], error: float) -> float:
    """Return the least confidence in [0.5, 1] above which at most `error` of images are wrong.

    The bound lies midway between the last image that is decided and the first that is not; it
    is 1 where even the surest images are wrong too often.
    """
    confidence = np.maximum(p_fake, 1.0 - p_fake)
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    wrong = np.cumsum((p_fake >= 0.5)[order] != (labels == 1)[order])
    ends_tie = np.append(ranked[1:] < ranked[:-1], True)
    allowed = np.flatnonzero((wrong <= error * np.arange(1, len(order) + 1)) & ends_tie)
    if not len(allowed):
        return 1.0
    last = int(allowed[-1])
    if last == len(order) - 1:
        return 0.5
    return float((ranked[last] + ranked[last + 1]) / 2)


def false_alarms(p_fake: Floats) -> FalseAlarms | None:
    """Measure from which P(FAKE) on few enough REAL images lie, for each of `SHARES`.

    Where they are too few for a share, as for 1 % of 60, its threshold lets none pass.

    Args:
        p_fake: (n,), of REAL images that were not learnt, each in [0, 1].

    Returns:
        The table; `None` without an image.
    """
    if not len(p_fake):
        return None
    ranked = np.sort(p_fake.astype(np.float64))[::-1]
    # Just above each; the next number after the product, lest its rounding lets one pass.
    above = np.minimum((np.floor(np.nextafter(ranked * PLACES, np.inf)) + 1) / PLACES, BEYOND)
    points = [
        OperatingPoint(share, float(above[int(share * len(ranked) + 1e-9)])) for share in SHARES
    ]
    return FalseAlarms(len(ranked), tuple(points))
