"""Judges labelled items by a version, and compares what two versions said of the same images."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from detection.ml_gateway.common import detector_of, translated

if TYPE_CHECKING:
    from ml.comparison import Difference, Flips

Scores = npt.NDArray[np.floating]
Labels = npt.NDArray[np.uint8]
# A name, the label "real" or "fake", and how to get at the bytes.
ReadableItem = tuple[str, str, Callable[[], bytes]]


@dataclass(frozen=True, slots=True, eq=False)
class JudgedItems:
    """What a version answered for each item that could be read, and the record of it all."""

    record: dict[str, Any]
    hashes: tuple[str, ...]
    labels: Labels
    p_fake: Scores


def judge_items(
    directory: Path,
    spec: dict[str, Any],
    items: Iterable[ReadableItem],
    *,
    data: str,
    threads: int,
    max_false_alarms: float,
    with_tiers: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> JudgedItems:
    """Let a version answer for labelled items, and make the one record of it.

    Args:
        directory: Where the version lies.
        spec: What it was registered with, the hash of its weights included.
        items: Name, label and how to read it; one class alone will do.
        data: What the record calls the images.
        threads: Cores for the network.
        max_false_alarms: The share that bounds the band's upper end, as verdicts are given.
        with_tiers: Also judge the same images degraded.
        progress: Called with items done and items in all.

    Raises:
        GatewayError: When the version cannot be loaded, or too many items cannot be read.
    """
    from ml import evaluation
    from ml.datasets import LabelledItem

    with translated():
        detector = detector_of(directory, json.dumps(spec), threads)
        judged = evaluation.judge_items(
            detector,
            (LabelledItem(*item) for item in items),
            data,
            tiers=evaluation.tiers_of(detector) if with_tiers else (),
            progress=progress,
        )
        record = evaluation.record_of(
            judged, detector, data, split="test", max_false_alarms=max_false_alarms
        )
    return JudgedItems(
        json.loads(record.to_json()), judged.hashes, judged.labels, judged.p_fake(detector.spec)
    )


def timed_beside(
    version: tuple[Path, dict[str, Any]], other: tuple[Path, dict[str, Any]], *, threads: int
) -> dict[str, Any]:
    """Time a version and another one in turns, each given by its folder and spec.

    Returns:
        An `ml.contract.Speed` as JSON values.

    Raises:
        GatewayError: When one of them cannot be loaded.
    """
    from ml import evaluation

    with translated():
        first, second = (
            detector_of(folder, json.dumps(spec), threads) for folder, spec in (version, other)
        )
        return asdict(evaluation.speed(first, second))


def answers_flipped(
    first: Scores, second: Scores, labels: Labels, thresholds: tuple[float, float]
) -> "Flips":
    """Return where one version is right and the other is not; see `ml.comparison.flips`."""
    from ml.comparison import flips

    with translated():
        return flips(first, second, labels, thresholds)


def answers_compared(flipped: "Flips", images: int) -> "Difference":
    """Return the difference in accuracy with its interval; see `ml.comparison.compare`."""
    from ml.comparison import compare

    with translated():
        return compare(flipped, images)


def scores_drifted(reference: Scores, current: Scores) -> tuple[float, bool]:
    """Return the population stability index between scores, and whether it is called a drift."""
    from ml.comparison import DRIFT, psi

    with translated():
        found = psi(reference, current)
    return found, found > DRIFT


def scores_counted(scores: Scores, bins: int) -> list[int]:
    """Return how many scores lie in each of the equal bins of [0, 1]."""
    from ml.comparison import histogram

    counts: list[int] = histogram(scores, bins).tolist()
    return counts
