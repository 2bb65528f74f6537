"""An evaluation record as people read it in a terminal."""

from ml.contract import EvaluationRecord, Metrics

__all__ = ["told"]

SHARES = (
    *("accuracy", "precision", "recall", "specificity", "f1", "roc_auc", "average_precision"),
    *("recall_at_5_percent_fpr", "ece", "ece_uncalibrated", "coverage", "selective_accuracy"),
    *("false_alarms", "misses"),
)
TITLES = {"recall_at_5_percent_fpr": "recall at 5 % fpr"}
TIER_SHARES = ("accuracy", "precision", "recall", "f1", "roc_auc", "coverage")


def told(record: EvaluationRecord) -> str:
    """Return the record as lines: one figure each, and one degraded tier each."""
    split = f", {record.split}" if record.split else ""
    lines = [
        _line("model", f"{record.model}, weights {record.weights_sha256[:12]}"),
        _line("data", f"{record.data}{split}, content {record.data_sha256[:12]}"),
        _line("n", f"{record.n:,} and {len(record.unreadable)} unreadable"),
        _line("threshold", f"{record.threshold:g}: {record.threshold_rule}"),
        *(_line(name, value) for name, value in _band(record)),
    ]
    lines += [
        _line(TITLES.get(name, name), _figure(record, name) + _interval(record, name))
        for name in SHARES
    ]
    lines.append(_line("confusion", _counts(record)))
    if record.novel is not None:
        lines.append(_line("novel", f"{record.novel:.4f} are unlike the validated pictures"))
    lines += [_line(name, value) for name, value in _speed(record)]
    if record.deduplicated:
        seen = record.n - record.deduplicated.n
        lines.append(_line(f"without {seen:,} copies", _row(record.deduplicated)))
    lines += [_line(name, _row(metrics)) for name, metrics in record.tiers.items()]
    return "\n".join(lines)


def _line(name: str, value: str) -> str:
    return f"{name:>20}  {value}"


def _band(record: EvaluationRecord) -> list[tuple[str, str]]:
    if record.band is None:
        return []
    low, high = record.band
    share = record.max_false_alarms
    bound = "" if share is None else f", false alarms at most {share:g} on validation"
    return [("band", f"{low:.4f} to {high:.4f}{bound}")]


def _row(metrics: Metrics) -> str:
    return ", ".join(f"{name} {_figure(metrics, name)}" for name in TIER_SHARES)


def _figure(metrics: Metrics, name: str) -> str:
    value = getattr(metrics, name)
    return "-" if value is None else f"{value:.4f}"


def _interval(record: EvaluationRecord, name: str) -> str:
    if record.bootstrap is None or name not in record.bootstrap.intervals:
        return ""
    low, high = record.bootstrap.intervals[name]
    return f"  [{low:.4f}, {high:.4f}] at {record.bootstrap.level:.0%}"


def _counts(metrics: Metrics) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in metrics.confusion.items())


def _speed(record: EvaluationRecord) -> list[tuple[str, str]]:
    rows = [("images_per_second", f"{record.images_per_second} with reading and decoding")]
    if record.speed:
        speed = record.speed
        times = f"{speed.image_ms} ms, with heatmap {speed.image_with_heatmap_ms} ms"
        load = "" if speed.load_average is None else f", load {speed.load_average}"
        rows.append(("one image", f"{times}; {speed.machine}{load}"))
    return rows
