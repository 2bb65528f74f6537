"""The figures of a model card: every table of it comes from the evaluation record, as it is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ml.contract import EvaluationRecord, ExplanationFigures, MapFigures, Metrics
from ml.degradation import TIERS
from ml.photo import degraded

__all__ = ["sections"]

SHARES = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "specificity": "specificity",
    "f1": "f1",
    "roc_auc": "roc_auc",
    "average_precision": "average precision",
    "recall_at_5_percent_fpr": "recall at 5 % false alarms",
    "ece_uncalibrated": "ece before calibration",
    "ece": "ece",
    "coverage": "coverage",
    "selective_accuracy": "accuracy on the decided",
    "false_alarms": "real images called AI-generated",
    "misses": "AI-generated images called real",
}
TIER_SHARES = (
    *("accuracy", "precision", "recall", "f1", "roc_auc", "coverage", "selective_accuracy"),
    *("false_alarms", "misses"),
)
MAP_SHARES = {
    "deletion_auc": "deletion (less is better)",
    "insertion_auc": "insertion (more is better)",
    "pointing_game": "pointing game",
    "randomised_correlation": "likeness to maps of fresh weights",
}


def sections(record: EvaluationRecord) -> list[str]:
    """Return headings and texts for all that the record holds, in Markdown."""
    parts = ["## Figures", _figures(record)]
    if record.tiers:
        parts += ["## Degraded images", _degraded(record)]
    if record.explanation:
        parts += ["## Heatmaps", _heatmaps(record.explanation)]
    if record.speed:
        parts += ["## Speed", _speed(record)]
    return parts


def _figures(record: EvaluationRecord) -> str:
    all_images = "all test images" if _is_test(record) else f"all of {record.split}"
    columns: dict[str, Metrics] = {all_images: record}
    if record.deduplicated:
        columns["without copies of training images"] = record.deduplicated
    rows = [["images", *(f"{metrics.n:,}" for metrics in columns.values())]]
    rows += [
        [SHARES[name], *(_share(metrics, name) for metrics in columns.values())]
        for name in _known(record, SHARES)
    ]
    for name in record.confusion:
        counts = (f"{metrics.confusion[name]:,}" for metrics in columns.values())
        rows.append([name.replace("_", " "), *counts])
    table = _table(["", *columns], rows)
    return "\n\n".join([_what(record), table, *_intervals(record)])


def _known(record: EvaluationRecord, names: Iterable[str]) -> list[str]:
    """Return the figures without those that a record of an earlier version does not hold.

    That none was decided is a finding, and stays.
    """
    return [
        name for name in names if getattr(record, name) is not None or name == "selective_accuracy"
    ]


def _is_test(record: EvaluationRecord) -> bool:
    return record.split in ("", "test")  # a record of an earlier version names no split


def _what(record: EvaluationRecord) -> str:
    sealed = " The test images were used for these figures only." if _is_test(record) else ""
    unreadable = f" {len(record.unreadable)} could not be read." if record.unreadable else ""
    rule = f" ({record.threshold_rule})" if record.threshold_rule else ""
    return (
        f"Data `{record.data}`, content sha256 `{record.data_sha256}`, threshold "
        f"{record.threshold}{rule}.{_band(record)}{sealed}{unreadable}"
    )


def _band(record: EvaluationRecord) -> str:
    if record.band is None:
        return ""
    low, high = record.band
    return f" Decided is what lies outside of {low:.4f} to {high:.4f}, the band as it serves."


def _intervals(record: EvaluationRecord) -> Iterator[str]:
    if record.bootstrap is None:
        return
    drawn = record.bootstrap
    bounds = "; ".join(
        f"{SHARES[name]} {low:.4f} to {high:.4f}" for name, (low, high) in drawn.intervals.items()
    )
    yield (
        f"With {drawn.level:.0%} confidence, over all of them: {bounds} (bootstrap, "
        f"{drawn.resamples:,} resamples class by class, seed {drawn.seed})."
    )


def _degraded(record: EvaluationRecord) -> str:
    sentences = {**{tier.name: tier.sentence for tier in TIERS}, **degraded.TIERS}
    shares = _known(record, TIER_SHARES)
    rows = [
        [sentences.get(name, name), *(_share(metrics, share) for share in shares)]
        for name, metrics in {"as they are": record, **record.tiers}.items()
    ]
    seed = "" if record.seed is None else f" (seed {record.seed})"
    return (
        "The same images, degraded after decoding at the network's size and handed to it as they "
        f"are{seed}. Weights,\nthreshold and band are the same; a ROC AUC far above the accuracy "
        "says that the order still holds\nwhile the threshold has drifted.\n\n"
        + _table(["", *(SHARES[share] for share in shares)], rows)
    )


def _heatmaps(found: ExplanationFigures) -> str:
    ways: Mapping[str, MapFigures] = {**found.methods, **found.baselines}
    rows = [[way, *(_share(figures, name) for name in MAP_SHARES)] for way, figures in ways.items()]
    width, height = found.map_size
    known = ", ".join(found.baselines)
    return (
        f"Each method at the layer `{found.layer}` ({width}x{height}), over {found.images:,} "
        f"images and {found.pairs:,} half-replaced ones\n(seed {found.seed}). Beside them maps "
        f"that know no network: {known}. In the pointing game, half of the\nevidence lies in the "
        "replaced half by chance: 0.5.\n\n" + _table(["", *MAP_SHARES.values()], rows)
    )


def _speed(record: EvaluationRecord) -> str:
    if record.speed is None:
        return ""
    told = record.speed
    load = "" if told.load_average is None else f", load average {told.load_average}"
    versions = ", ".join(f"{name} {number}" for name, number in record.versions.items())
    return (
        f"One prepared image takes {told.image_ms} ms, with heatmap {told.image_with_heatmap_ms} "
        f"ms (the fastest of many tries).\nThe evaluation went through "
        f"{record.images_per_second:,} files a second, with reading and decoding.\n"
        f"Machine: {told.machine}{load}; only figures of one run compare.\n"
        f"Measured with {versions}."
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _share(figures: Metrics | MapFigures, name: str) -> str:
    value = getattr(figures, name)
    if value is None:
        return "none decided" if name == "selective_accuracy" else "-"
    return f"{value:.4f}"
