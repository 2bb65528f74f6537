"""Measures a version on labelled images."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from detection.ml_gateway.common import detector_of, translated


def evaluate(
    directory: Path,
    spec: dict[str, Any],
    data: Path,
    *,
    threads: int,
    max_false_alarms: float,
    with_tiers: bool = False,
    training_data: Path | None = None,
    plots: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Measure a version on labelled images.

    Args:
        directory: Where the version lies.
        spec: What it was registered with, the hash of its weights included.
        data: A folder or zip with REAL/ and FAKE/ below it at any depth.
        threads: Cores for the network.
        max_false_alarms: The share that bounds the band's upper end, as verdicts are given.
        with_tiers: Also judge the same images degraded.
        training_data: Also tell the figures without the images that are in here.
        plots: A folder to draw the figures into.
        progress: Called with images done and images in all.

    Returns:
        The evaluation record as JSON values.

    Raises:
        GatewayError: When version or data cannot be used.
    """
    from ml import datasets, evaluation

    with translated():
        detector = detector_of(directory, json.dumps(spec), threads)
        seen = frozenset(datasets.hashes(training_data)) if training_data else frozenset[str]()
        tiers = evaluation.tiers_of(detector) if with_tiers else ()
        judged = evaluation.judge(detector, data, tiers=tiers, progress=progress)
        record = evaluation.record_of(
            judged, detector, data, training_hashes=seen, max_false_alarms=max_false_alarms
        )
        if plots:
            from ml.evaluation.pictures import draw

            draw(judged, record, detector.spec, plots)
    result: dict[str, Any] = json.loads(record.to_json())
    return result


def evaluation_text(record: dict[str, Any]) -> str:
    """Return an evaluation record from `evaluate` as lines for people."""
    from ml import evaluation
    from ml.contract import EvaluationRecord

    return evaluation.told(EvaluationRecord.from_json(json.dumps(record)))
