"""From a model's answers to the one record of an evaluation."""

import dataclasses
import time
from collections.abc import Callable, Sequence, Set
from pathlib import Path

import numpy as np
from PIL import Image

from ml import datasets
from ml.contract import MAX_FALSE_ALARMS, Beside, EvaluationRecord, Metrics, ModelSpec, Speed
from ml.degradation import Tier
from ml.errors import DatasetError
from ml.evaluation.bootstrap import bootstrap
from ml.evaluation.judging import SEED, Judged, judge
from ml.evaluation.metrics import measure
from ml.inference import AnyDetector, Detector
from ml.versions import load_average, machine, versions

__all__ = ["evaluate", "record_of", "speed"]

SPLITS = ("train", "validation", "val", "test")
TRIES = 50
# Of a model of the photo track, which takes some ten times as long.
PICTURE_TRIES = 3
PICTURE_SIZE = (1024, 768)


def evaluate(
    detector: AnyDetector,
    data_path: Path,
    *,
    tiers: Sequence[Tier] = (),
    split: str = "",
    training_hashes: Set[str] = frozenset(),
    limit: int | None = None,
    progress: datasets.Progress | None = None,
    seed: int = SEED,
    max_false_alarms: float = MAX_FALSE_ALARMS,
) -> EvaluationRecord:
    """Judge a detector on labelled images, from the files to the figures.

    Args:
        detector: The model; its spec's threshold is applied as it is.
        data_path: A folder or zip with REAL/ and FAKE/ at any depth.
        tiers: Degradations to judge the same images under, from `tiers_of`.
        split: Which part of the data set this is; told from the path where it is not given.
        training_hashes: Content hashes of files the model may have seen in training; where
            given, the figures without them are told as well.
        limit: At most this many images, evenly spread over each class.
        progress: Called with (done, all) now and then.
        seed: Of the tiers' noise and of the bootstrap.
        max_false_alarms: What the upper end of the band is raised for: see `Calibration.bounded`.

    Raises:
        DatasetError: As `ml.datasets.load`, and `no_unseen_images` when all of a class is in
            the training data.
    """
    judged = judge(detector, data_path, tiers=tiers, limit=limit, progress=progress, seed=seed)
    return record_of(
        judged,
        detector,
        data_path,
        split=split,
        training_hashes=training_hashes,
        max_false_alarms=max_false_alarms,
    )


def record_of(
    judged: Judged,
    detector: AnyDetector,
    data: Path | str,
    *,
    split: str = "",
    training_hashes: Set[str] = frozenset(),
    timed: Speed | None = None,
    max_false_alarms: float = MAX_FALSE_ALARMS,
) -> EvaluationRecord:
    """Return the record of what a detector answered for these images.

    Args:
        data: Where the images lie, or what they are called.
        timed: The detector's speed, where it has just been measured.

    The other args and the errors are those of `evaluate`.
    """
    spec = detector.spec.bounded(max_false_alarms)
    has_both = len(np.unique(judged.labels)) == 2
    return EvaluationRecord(
        model=spec.name,
        weights_sha256=spec.weights_sha256,
        data=data.name if isinstance(data, Path) else data,
        split=split or (_split_in(data) if isinstance(data, Path) else ""),
        data_sha256=datasets.content_sha256(judged.hashes),
        threshold=spec.threshold,
        threshold_rule=_threshold_rule(spec),
        **dataclasses.asdict(measure(judged.logits, judged.labels, spec)),
        images_per_second=round(len(judged.labels) / judged.seconds, 1),
        unreadable=judged.unreadable,
        deduplicated=_deduplicated(judged, training_hashes, spec) if training_hashes else None,
        bootstrap=(
            bootstrap(judged.p_fake(spec), judged.labels, spec.threshold, seed=judged.seed)
            if has_both
            else None
        ),
        tiers=_tiers(judged, spec),
        speed=timed or speed(detector),
        novel=None if judged.novelties is None else float((judged.novelties > 1).mean()),
        seed=judged.seed,
        versions=versions(),
        band=(spec.calibration.band_low, spec.calibration.band_high),
        max_false_alarms=max_false_alarms if spec.is_bounded else None,
    )


def speed(detector: AnyDetector, beside: AnyDetector | None = None) -> Speed:
    """Time one prepared image without and with heatmap, in turns: the fastest try of each.

    For a model of the photo track that is a decoded picture of `PICTURE_SIZE`.

    Args:
        detector: To be timed.
        beside: Another one, that takes its turn in every round: other work on the machine then
            slows both alike.
    """
    load = load_average()
    detectors = [detector] if beside is None else [detector, beside]
    rounds = [_turn(one) for one in detectors]
    count = TRIES if isinstance(detector, Detector) else PICTURE_TRIES
    tries = [[run() for run in rounds] for _ in range(count)]
    (plain, explained), *others = (
        [round(min(times), 3) for times in zip(*turns, strict=True)]
        for turns in zip(*tries, strict=True)
    )
    other = Beside(beside.spec.weights_sha256, others[0][1]) if beside else None
    return Speed(plain, explained, machine(), load, other)


def _turn(detector: AnyDetector) -> Callable[[], tuple[float, float]]:
    """Return what times a prepared image of a detector that is warm, without and with heatmap."""
    detector.warm_up()
    if not isinstance(detector, Detector):
        image = Image.effect_noise(PICTURE_SIZE, 64).convert("RGB")
        return lambda: (
            _milliseconds(lambda: detector.look(image)),
            _milliseconds(lambda: detector.look(image, with_heatmap=True)),
        )
    width, height = detector.spec.input_size
    pixels = np.full((1, height, width, 3), 128, np.uint8)
    return lambda: (
        _milliseconds(lambda: detector.predict_arrays(pixels)),
        _milliseconds(lambda: detector.explain_arrays(pixels)),
    )


def _milliseconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - started)


def _tiers(judged: Judged, spec: ModelSpec) -> dict[str, Metrics]:
    """Return the figures under each degradation, over the images that could be judged under it."""
    known = {name: np.isfinite(logits) for name, logits in judged.tiers.items()}
    return {
        name: measure(logits[known[name]], judged.labels[known[name]], spec)
        for name, logits in judged.tiers.items()
        if known[name].any()
    }


def _split_in(path: Path) -> str:
    """Return the part of a data set that the folder or the archive is named for, if it is."""
    name = path.stem.lower()
    return name if name in SPLITS else ""


def _threshold_rule(spec: ModelSpec) -> str:
    if spec.threshold != 0.5:
        return "the one that the model's spec holds, applied as it is"
    if spec.photo:
        return (
            "the middle of the calibrated probability, set beforehand; calibration and band come "
            "from pictures that were held out of the fit"
        )
    images = f"{spec.training.data.validation_images:,} " if spec.training else ""
    return (
        "the middle of the calibrated probability, set beforehand; "
        f"temperature and band were fitted on {images}validation images"
    )


def _deduplicated(judged: Judged, seen: Set[str], spec: ModelSpec) -> Metrics:
    unseen = np.array([content_hash not in seen for content_hash in judged.hashes])
    if len(np.unique(judged.labels[unseen])) < 2:
        raise DatasetError(
            "no_unseen_images",
            "Not a single image of one of the classes is absent from the training data.",
        )
    return measure(judged.logits[unseen], judged.labels[unseen], spec)
