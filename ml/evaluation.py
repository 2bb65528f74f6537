"""One harness and one record for every figure that is ever told about a model."""

import dataclasses
import time
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml import datasets
from ml.contract import EvaluationRecord, Metrics, ModelSpec
from ml.errors import DatasetError
from ml.inference import Detector

__all__ = ["evaluate", "measure"]

ECE_BINS = 15

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.uint8]


def evaluate(
    detector: Detector,
    data_path: Path,
    *,
    progress: datasets.Progress | None = None,
    limit: int | None = None,
    training_hashes: Set[str] = frozenset(),
) -> EvaluationRecord:
    """Judge a detector on labelled images, from the files to the figures.

    Args:
        detector: The model; its spec's threshold and band are applied as they are.
        data_path: A folder or zip with REAL/ and FAKE/ at any depth.
        progress: Called with (done, all) now and then.
        limit: At most this many images, evenly spread over each class.
        training_hashes: Content hashes of files the model may have seen in training; where
            given, the figures without them are told as well.

    Returns:
        The record; `images_per_second` covers reading, decoding and prediction.

    Raises:
        DatasetError: As `ml.datasets.load`, and `no_unseen_images` when all of a class is in
            the training data.
    """
    spec = detector.spec
    started = time.perf_counter()
    judged = _judged(detector, data_path, limit, progress)
    seconds = time.perf_counter() - started
    return EvaluationRecord(
        model=spec.name,
        weights_sha256=spec.weights_sha256,
        data=data_path.name,
        data_sha256=datasets.content_sha256(judged.hashes),
        threshold=spec.threshold,
        **dataclasses.asdict(measure(judged.p_fake, judged.labels, spec)),
        images_per_second=round(len(judged.labels) / seconds, 1),
        unreadable=judged.unreadable,
        deduplicated=_deduplicated(judged, training_hashes, spec) if training_hashes else None,
    )


def measure(p_fake: Floats, labels: Labels, spec: ModelSpec) -> Metrics:
    """Return the figures for probabilities (n,) in [0, 1] and labels (n,), 1 for FAKE.

    Both classes must occur, or there is no ROC curve.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score

    judged_fake = (p_fake >= spec.threshold).astype(np.uint8)
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, judged_fake, average="binary", pos_label=1, zero_division=0.0
    )
    counts = confusion_matrix(labels, judged_fake, labels=[0, 1]).ravel().tolist()
    names = ("real_as_real", "real_as_fake", "fake_as_real", "fake_as_fake")
    decided = ~spec.calibration.is_inconclusive(p_fake)
    correct = judged_fake == labels
    return Metrics(
        n=len(labels),
        accuracy=float(correct.mean()),
        precision=float(precision),
        recall=float(recall),
        f1=float(f1),
        roc_auc=float(roc_auc_score(labels, p_fake)),
        confusion=dict(zip(names, counts, strict=True)),
        ece=calibration_error(p_fake, labels, spec.threshold),
        coverage=float(decided.mean()),
        selective_accuracy=float(correct[decided].mean()) if decided.any() else None,
    )


def calibration_error(p_fake: Floats, labels: Labels, threshold: float = 0.5) -> float:
    """Return the expected calibration error over 15 equal bins (Guo et al. 2017).

    In each bin the mean probability of the predicted class is compared with the share of
    images for which that class is right; the gaps are weighted by the bins' sizes.
    """
    judged_fake = p_fake >= threshold
    confidence = np.where(judged_fake, p_fake, 1.0 - p_fake)
    correct = judged_fake == (labels == 1)
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = [
        abs(confidence[bins == index].sum() - correct[bins == index].sum())
        for index in np.unique(bins)
    ]
    return float(sum(gaps) / len(labels))


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """What was answered for each image; the pixels are not kept."""

    p_fake: Floats
    labels: Labels
    hashes: tuple[str, ...]
    unreadable: tuple[str, ...]


def _judged(
    detector: Detector, data_path: Path, limit: int | None, progress: datasets.Progress | None
) -> _Judged:
    p_fake: list[Floats] = []
    labels: list[Labels] = []
    hashes: list[str] = []
    unreadable: list[str] = []
    form = detector.spec.preprocessing
    for chunk in datasets.stream(data_path, form, limit=limit, progress=progress):
        p_fake.append(detector.predict_arrays(chunk.pixels)[0])
        labels.append(chunk.labels)
        hashes.extend(chunk.hashes)
        unreadable.extend(chunk.unreadable)
    return _Judged(np.concatenate(p_fake), np.concatenate(labels), tuple(hashes), tuple(unreadable))


def _deduplicated(judged: _Judged, seen: Set[str], spec: ModelSpec) -> Metrics:
    unseen = np.array([content_hash not in seen for content_hash in judged.hashes])
    if len(np.unique(judged.labels[unseen])) < 2:
        raise DatasetError(
            "no_unseen_images",
            "Not a single image of one of the classes is absent from the training data.",
        )
    return measure(judged.p_fake[unseen], judged.labels[unseen], spec)
