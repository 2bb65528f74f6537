"""From logits and labels to figures, by the definitions that everybody uses."""

import numpy as np
import numpy.typing as npt

from ml.contract import Calibration, Metrics, ModelSpec

__all__ = [
    "Floats",
    "Labels",
    "calibration_error",
    "measure",
    "recall_at_false_alarms",
    "reliability_bins",
]

ECE_BINS = 15
FALSE_ALARMS = 0.05
COUNTS = ("real_as_real", "real_as_fake", "fake_as_real", "fake_as_fake")

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.uint8]


def measure(logits: Floats, labels: Labels, spec: ModelSpec) -> Metrics:
    """Return the figures for logits (n,) and labels (n,), 1 for FAKE.

    The spec's calibration, threshold and band are applied as they are. Of images of one class
    there is no ROC curve, and no share of the class that is absent.
    """
    from sklearn.metrics import (
        average_precision_score,
        confusion_matrix,
        precision_recall_fscore_support,
        roc_auc_score,
    )

    p_fake = spec.calibration.probability(logits)
    judged_fake = (p_fake >= spec.threshold).astype(np.uint8)
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, judged_fake, average="binary", pos_label=1, zero_division=0.0
    )
    counts = confusion_matrix(labels, judged_fake, labels=[0, 1]).ravel().tolist()
    decided = ~spec.calibration.is_inconclusive(p_fake)
    correct = judged_fake == labels
    called_fake = p_fake >= spec.calibration.band_high
    has_real, has_fake = bool((labels == 0).any()), bool((labels == 1).any())
    has_both = has_real and has_fake
    return Metrics(
        n=len(labels),
        accuracy=float(correct.mean()),
        precision=float(precision),
        recall=float(recall),
        f1=float(f1),
        roc_auc=float(roc_auc_score(labels, p_fake)) if has_both else None,
        confusion=dict(zip(COUNTS, counts, strict=True)),
        ece=calibration_error(p_fake, labels, spec.threshold),
        coverage=float(decided.mean()),
        selective_accuracy=float(correct[decided].mean()) if decided.any() else None,
        specificity=float(correct[labels == 0].mean()) if has_real else None,
        average_precision=float(average_precision_score(labels, p_fake)) if has_both else None,
        ece_uncalibrated=calibration_error(
            Calibration().probability(logits), labels, spec.threshold
        ),
        recall_at_5_percent_fpr=(
            recall_at_false_alarms(logits, labels, FALSE_ALARMS) if has_both else None
        ),
        false_alarms=float(called_fake[labels == 0].mean()) if has_real else None,
        misses=float((decided & ~called_fake)[labels == 1].mean()) if has_fake else None,
    )


def recall_at_false_alarms(scores: Floats, labels: Labels, allowed: float) -> float:
    """Return the share of FAKE images above the lowest threshold that few enough REAL ones pass.

    Args:
        scores: (n,), growing with the evidence for FAKE.
        labels: (n,), 1 for FAKE; both classes must occur.
        allowed: Share of the REAL images that may lie above the threshold, in [0, 1).
    """
    reals = np.sort(scores[labels == 0])[::-1]
    threshold = reals[int(allowed * len(reals))]
    return float((scores[labels == 1] > threshold).mean())


def calibration_error(p_fake: Floats, labels: Labels, threshold: float = 0.5) -> float:
    """Return the expected calibration error over 15 equal bins (Guo et al. 2017).

    In each bin the mean probability of the predicted class is compared with the share of
    images for which that class is right; the gaps are weighted by the bins' sizes.
    """
    confidence, share_right, sizes = reliability_bins(p_fake, labels, threshold)
    return float((np.abs(confidence - share_right) * sizes).sum() / len(labels))


def reliability_bins(
    p_fake: Floats, labels: Labels, threshold: float = 0.5
) -> tuple[Floats, Floats, npt.NDArray[np.intp]]:
    """Return mean confidence, share of right answers and size of each bin that is not empty."""
    judged_fake = p_fake >= threshold
    confidence = np.where(judged_fake, p_fake, 1.0 - p_fake)
    correct = judged_fake == (labels == 1)
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    sizes = np.bincount(bins, minlength=ECE_BINS)
    used = sizes > 0
    confidences = np.bincount(bins, confidence, ECE_BINS)[used] / sizes[used]
    shares = np.bincount(bins, correct, ECE_BINS)[used] / sizes[used]
    return confidences, shares, sizes[used]
