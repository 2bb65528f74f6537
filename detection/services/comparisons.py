"""Sets two versions side by side on the same images: who is better, how surely, what flipped."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detection import ml_gateway
from detection.models import Dataset, Evaluation, Item, ModelVersion, Role, Snapshot
from detection.services.served_figures import record_of_today

FIGURES = (
    ("recall", "AI-generated found"),
    ("false_alarms", "False alarms on real images"),
    ("roc_auc", "ROC AUC"),
    ("ece", "Calibration error"),
    ("coverage", "Decided"),
    ("selective_accuracy", "Accuracy on the decided"),
)
TIERS = {"jpeg_q40": "JPEG quality 40", "noise_0.10": "noise", "blur_0.6": "blur"}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both; `better` is 1 or 2 where one is surely better, else 0."""

    name: str
    first: float | None
    second: float | None
    better: int = 0
    is_share: bool = True


@dataclass(frozen=True, slots=True)
class Compared:
    """Two versions on the same images.

    Attributes:
        sentence: How they differ, in plain words.
        newly_right, newly_wrong: sha256 of the images that flipped from the first to the second.
    """

    first: Evaluation
    second: Evaluation
    rows: tuple[Row, ...]
    difference: Any
    sentence: str
    newly_right: tuple[str, ...]
    newly_wrong: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the images are called."""
        return str(self.second.dataset or f"{self.second.snapshot}, held out")

    @property
    def key(self) -> int:
        """Names the set in an address."""
        return int(self.second.pk)

    @property
    def count(self) -> int:
        """How many images both answered for."""
        return int(self.difference.images)


def versions_compare(*, first: ModelVersion, second: ModelVersion) -> list[Compared]:
    """Compare two versions on every set on which both were judged, sealed tests first."""
    return [_compared(*pair) for pair in _pairs(first, second)]


def flipped_items(*, compared: Compared, hashes: tuple[str, ...]) -> list[Item]:
    """Return the images with these hashes, in their order, as far as they are still there."""
    items = Item.objects.filter(sha256__in=hashes)
    if compared.second.dataset_id:
        items = items.filter(dataset=compared.second.dataset_id)
    found = {item.sha256: item for item in items}
    return [found[sha256] for sha256 in hashes if sha256 in found]


def false_alarms(record: dict[str, Any]) -> float | None:
    """Return the share of real images with the verdict that they are AI-generated.

    In a record of an earlier version whose answers are gone, the share above 50 %.
    """
    if record.get("false_alarms") is not None:
        return float(record["false_alarms"])
    specificity = record.get("specificity")
    return None if specificity is None else 1.0 - specificity


def figure_of(record: dict[str, Any], name: str) -> float | None:
    """Return a figure of a record; `None` where its images cannot tell it."""
    if name == "false_alarms":
        return false_alarms(record)
    counts = record["confusion"]
    if name == "recall" and not counts["fake_as_fake"] + counts["fake_as_real"]:
        return None
    value: float | None = record.get(name)
    return value


def _pairs(first: ModelVersion, second: ModelVersion) -> Iterator[tuple[Evaluation, Evaluation]]:
    theirs, own = _newest(first), _newest(second)
    for key in sorted(own.keys() & theirs.keys(), key=lambda key: _rank(own[key])):
        yield theirs[key], own[key]


def _newest(version: ModelVersion) -> dict[tuple[int | None, int | None, str], Evaluation]:
    """Return the newest evaluation on each set; of a dataset that has changed, both are kept."""
    rows = version.evaluations.select_related("version", "dataset", "snapshot").order_by("pk")
    return {(row.dataset_id, row.snapshot_id, row.data_sha256): row for row in rows}


def _rank(evaluation: Evaluation) -> tuple[int, str, int]:
    dataset: Dataset | None = evaluation.dataset
    snapshot: Snapshot | None = evaluation.snapshot
    if dataset is None:
        return 2, str(snapshot), -evaluation.pk
    return (0 if dataset.role == Role.TEST else 1), dataset.name, -evaluation.pk


def _compared(first: Evaluation, second: Evaluation) -> Compared:
    before, after = _answers(first), _answers(second)
    # The same set, but for what one of the two could not read.
    _, mine, theirs = np.intersect1d(before["sha256"], after["sha256"], return_indices=True)
    thresholds = (first.record["threshold"], second.record["threshold"])
    flipped = ml_gateway.answers_flipped(
        before["p_fake"][mine], after["p_fake"][theirs], after["label"][theirs], thresholds
    )
    difference = ml_gateway.answers_compared(flipped, len(mine))
    hashes = after["sha256"][theirs]
    return Compared(
        first,
        second,
        tuple(_rows(record_of_today(first), record_of_today(second), difference)),
        difference,
        _sentence(difference),
        tuple(hashes[flipped.newly_right].tolist()),
        tuple(hashes[flipped.newly_wrong].tolist()),
    )


def _answers(evaluation: Evaluation) -> dict[str, npt.NDArray[Any]]:
    with evaluation.answers.open("rb") as file:
        kept = np.load(io.BytesIO(file.read()), allow_pickle=False)
    hashes = [row.tobytes().hex() for row in kept["sha256"]]
    return {"sha256": np.array(hashes), "label": kept["label"], "p_fake": kept["p_fake"]}


def _rows(first: dict[str, Any], second: dict[str, Any], difference: Any) -> Iterator[Row]:
    """Yield the figures of both; only of accuracy is it known whether a difference is sure."""
    better = (2 if difference.difference > 0 else 1) if difference.is_sure else 0
    yield Row("Accuracy", first["accuracy"], second["accuracy"], better)
    for name, title in FIGURES:
        yield Row(title, figure_of(first, name), figure_of(second, name))
    for tier in second["tiers"]:
        old, new = (record["tiers"].get(tier, {}).get("accuracy") for record in (first, second))
        yield Row(f"Accuracy under {TIERS.get(tier, tier)}", old, new)
    old, new = ((record["speed"] or {}).get("image_with_heatmap_ms") for record in (first, second))
    yield Row("Milliseconds with heatmap", old, new, is_share=False)


def _sentence(difference: Any) -> str:
    """Say a difference in accuracy in points, with its interval and how sure it is."""
    points = 100 * difference.difference
    low, high = 100 * difference.low, 100 * difference.high
    if difference.gained == difference.lost == 0:
        return "Both are right and wrong on the very same images."
    if not difference.is_sure:
        return (
            f"Not surely different: {points:+.2f} points, but anything from {low:+.2f} to "
            f"{high:+.2f} fits these images (McNemar p {_p(difference.p_value)})."
        )
    low, high = sorted((abs(low), abs(high)))
    word = "better" if points > 0 else "worse"
    return (
        f"Surely {word}, by {abs(points):.2f} points ({low:.2f} to {high:.2f}; "
        f"McNemar p {_p(difference.p_value)})."
    )


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"= {value:.4f}"
