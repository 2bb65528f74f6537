"""Figures over held-out pictures, and the band between the two verdicts that they allow."""

import numpy as np
import numpy.typing as npt

from ml.contract import SplitFigures
from ml.contract.photo import Interval
from ml.evaluation.bootstrap import FIGURES, figures

__all__ = ["band", "calibration_error", "probability", "split_figures", "wilson"]

RESAMPLES = 600
TAIL = 0.025
Z = 1.959964  # of the normal distribution, for 95 %
BINS = 10
MARGIN = 1e-6  # of a logit: what lies just there is on the cautious side

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]


def split_figures(
    runs: Doubles, labels: Labels, groups: Places, *, rate: float, seed: int
) -> SplitFigures:
    """Return the figures of pictures, each judged by heads that had not learnt it.

    Args:
        runs: (repeats, n) calibrated logits, one row for each way to divide the pictures. Figures
            are means over the rows, and so are the bounds of their intervals: a fit is one row, and
            the interval of a mean would be narrower than what a fit can promise.
        labels: (n,), 1 for FAKE; both classes.
        groups: (n,); what shares a number is drawn as a whole for the intervals.
        rate: The share of REAL pictures at which the recall is read off.
        seed: Of the pictures that are drawn again.
    """
    is_fake = labels == 1
    alone = np.ones((1, len(labels)), np.intp)
    drawn = _drawn(is_fake, groups, seed)
    found = np.mean([_shares(alone, logits, is_fake, rate) for logits in runs], axis=0)[0]
    spread = [_shares(drawn, logits, is_fake, rate) for logits in runs]
    fewest = min(len(np.unique(groups[each])) for each in (is_fake, ~is_fake))
    auc, recall = np.mean([_bounds(shares, fewest) for shares in spread], axis=0).T
    called = runs > 0
    accuracy = (called[:, is_fake].mean() + 1 - called[:, ~is_fake].mean()) / 2
    return SplitFigures(
        real=int((~is_fake).sum()),
        fake=int(is_fake.sum()),
        roc_auc=float(found[0]),
        roc_auc_interval=(float(auc[0]), float(auc[1])),
        recall=float(found[1]),
        recall_interval=(float(recall[0]), float(recall[1])),
        false_alarm_rate=rate,
        accuracy=float(accuracy),
        ece=float(np.mean([calibration_error(probability(row), labels) for row in runs])),
    )


def probability(logits: Doubles) -> Doubles:
    """Return the sigmoid, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)))


def calibration_error(p_fake: Doubles, labels: Labels) -> float:
    """Return the expected calibration error over ten bins of equally many pictures.

    From each bin's squared gap the variance that a calibrated model would have there by chance is
    taken off (as Kumar et al. 2019 do, arXiv 1909.10155): with 12 pictures a bin, chance alone
    makes a gap of 0.1. Both classes weigh alike, as P(FAKE) presumes.
    """
    is_fake = labels == 1
    weights = np.where(is_fake, 0.5 / max(is_fake.sum(), 1), 0.5 / max((~is_fake).sum(), 1))
    order = np.argsort(p_fake, kind="stable")
    total = 0.0
    for places in np.array_split(order, BINS):
        if len(places):
            shares = weights[places] / weights[places].sum()
            mean, share = shares @ p_fake[places], shares @ is_fake[places]
            chance = mean * (1 - mean) * float((shares**2).sum())
            gap = float(np.sqrt(max(0.0, (mean - share) ** 2 - chance)))
            total += float(weights[places].sum()) * gap
    return total


def band(logits: Doubles, labels: Labels, rate: float) -> tuple[float, float]:
    """Return the logits (low, high) between which a model does not decide.

    Of further pictures like these at most `rate` of the REAL are expected at or above `high`, and
    of the FAKE at or below `low`: the bounds lie where the next picture has its place, not the last
    (split conformal prediction). With so few pictures that none can be spared, a bound is infinite.
    Where the classes are so far apart that the bounds cross, both lie in the middle.
    """
    high = _bound(logits[labels == 0], rate)
    low = -_bound(-logits[labels == 1], rate)
    if low > high:
        return (low + high) / 2, (low + high) / 2
    return low, high


def wilson(hits: float, count: int) -> Interval:
    """Return the 95 % interval of a share (Wilson 1927)."""
    if count == 0:
        return 0.0, 1.0
    share, weight = hits / count, Z * Z / count
    centre = (share + weight / 2) / (1 + weight)
    margin = Z * np.sqrt(share * (1 - share) / count + weight / (4 * count)) / (1 + weight)
    return float(max(0.0, centre - margin)), float(min(1.0, centre + margin))


def _bound(logits: Doubles, rate: float) -> float:
    spared = int(np.floor(rate * (len(logits) + 1) + 1e-9)) - 1
    if spared < 0:
        return float("inf")
    return float(np.sort(logits)[::-1][spared]) + MARGIN


def _shares(counts: Places, logits: Doubles, is_fake: Bools, rate: float) -> Doubles:
    """Return (resamples, 2): area under the curve, and recall at `rate` false alarms.

    Args:
        counts: (resamples, n), how often each picture was drawn.
    """
    order = np.argsort(-logits, kind="stable")
    counts, is_fake, scores = counts[:, order], is_fake[order], logits[order]
    ends = np.flatnonzero(np.append(scores[1:] < scores[:-1], True))
    auc = figures(counts, is_fake, ends, 0)[:, FIGURES.index("roc_auc")]
    true = np.cumsum(counts * is_fake, axis=1)[:, ends]
    false = np.cumsum(counts * ~is_fake, axis=1)[:, ends]
    allowed = np.floor(rate * false[:, -1:] + 1e-9)
    recall = np.where(false <= allowed, true, 0).max(axis=1) / true[:, -1]
    return np.stack([auc, recall], axis=1)


def _bounds(drawn: Doubles, fewest: int) -> Doubles:
    """Return (2, figures), the interval of each over what pictures drawn again gave (resamples, 2).

    Where all draws agree, as with classes that are wholly apart, they would claim certainty: then
    it is the interval of such a share among as many as there are groups in the smaller class.
    """
    bounds = np.quantile(drawn, [TAIL, 1 - TAIL], axis=0)
    for column in np.flatnonzero(bounds[0] == bounds[1]):
        bounds[:, column] = wilson(float(bounds[0, column]) * fewest, fewest)
    return bounds


def _drawn(is_fake: Bools, groups: Places, seed: int) -> Places:
    """Return how often each picture is drawn (resamples, n), groups as a whole, class by class."""
    rng = np.random.default_rng(seed)
    counts = np.empty((RESAMPLES, len(is_fake)), np.intp)
    for members in (is_fake, ~is_fake):
        _, where = np.unique(groups[members], return_inverse=True)
        size = int(where.max()) + 1
        draws = rng.integers(0, size, (RESAMPLES, size)) + size * np.arange(RESAMPLES)[:, None]
        times = np.bincount(draws.ravel(), minlength=RESAMPLES * size).reshape(RESAMPLES, size)
        counts[:, members] = times[:, where]
    return counts
