"""The figures of a model's card as a report tells them: a few, each with its interval."""

import math
from typing import Any

from detection.plain_figures import CALLED_AI, CALLED_REAL, FORCED_AI

# Of the standard normal distribution: 95 % lie within.
_Z = 1.959964

Interval = tuple[float, float]
# What an area under the ROC curve is, told so that it can be pictured.
PAIR = "Of a real and an AI-generated one, gives the latter the higher number"
FALSE_ALARMS = f"Real images that {CALLED_AI}"


def card_figures(spec: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a model is worth, in the words and numbers of its card.

    Args:
        spec: Of a model version. A fit to photographs tells it in `photo`, every other model that
            was measured in `evaluation`.

    Returns:
        `measured_on`, a sentence, and `figures`: name, label, value in [0, 1] and its 95 %
        interval, or `None`. `None` where nothing was measured.
    """
    if spec.get("photo"):
        return _of_fit(spec["photo"])
    if spec.get("evaluation"):
        return _of_test(spec["evaluation"])
    return None


def wilson(count: int, total: int) -> Interval:
    """Return the 95 % interval of a share of `total` > 0 by Wilson (1927), within [0, 1]."""
    share, square = count / total, _Z**2
    middle = share + square / (2 * total)
    reach = _Z * math.sqrt(share * (1 - share) / total + square / (4 * total**2))
    scale = 1 + square / total
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def _of_test(record: dict[str, Any]) -> dict[str, Any]:
    """Read an evaluation record (`ml.contract.EvaluationRecord`)."""
    known = (record.get("bootstrap") or {}).get("intervals", {})
    counts = record["confusion"]
    real = counts["real_as_real"] + counts["real_as_fake"]
    figures = [
        _figure(
            "accuracy",
            "Right, if it had to decide on every image",
            record["accuracy"],
            known.get("accuracy"),
        ),
        _figure("roc_auc", PAIR, record["roc_auc"], known.get("roc_auc")),
    ]
    if real:
        label, false_alarms = f"Real images that {FORCED_AI}", counts["real_as_fake"]
        # As verdicts, which are fewer than what lies above 50 %, where the record knows them.
        if record.get("false_alarms") is not None:
            label, false_alarms = FALSE_ALARMS, round(real * record["false_alarms"])
        interval = wilson(false_alarms, real)
        figures.append(_figure("false_alarms", label, false_alarms / real, interval, real))
    return {
        "measured_on": f"Measured on {record['n']:,} images that it had not learnt from.",
        "figures": figures + _decided(record, record["n"]),
    }


def _of_fit(fit: dict[str, Any]) -> dict[str, Any]:
    """Read what a fit to photographs found (`ml.contract.PhotoFigures`)."""
    overall = fit["overall"]
    figures = [
        _figure("roc_auc", PAIR, overall["roc_auc"], overall["roc_auc_interval"]),
        _figure(
            "false_alarms",
            FALSE_ALARMS,
            fit["false_alarms"],
            fit["false_alarms_interval"],
        ),
        _figure("misses", f"AI-generated images that {CALLED_REAL}", fit["misses"]),
    ]
    return {
        "measured_on": f"Measured on {fit['real']:,} real and {fit['fake']:,} AI-generated "
        "pictures, each judged by a fit that had not learnt from it.",
        "figures": figures + _decided(fit),
    }


def _decided(record: dict[str, Any], images: int = 0) -> list[dict[str, Any]]:
    """Tell how many get a verdict and how many of those are right, where it was measured.

    Args:
        record: What was measured.
        images: On how many, each judged once; 0 where that is not so: then there is no interval.
    """
    coverage, right = record.get("coverage"), record.get("selective_accuracy")
    decided = round(images * (coverage or 0.0))
    figures = [
        ("coverage", "Decided, not inconclusive", coverage, images),
        ("selective_accuracy", "Right, of those decided", right, decided),
    ]
    return [
        _figure(name, label, value, wilson(round(value * of), of) if of else None, of)
        for name, label, value, of in figures
        if value is not None
    ]


def _figure(
    name: str,
    label: str,
    value: float,
    interval: Interval | list[float] | None = None,
    images: int = 0,
) -> dict[str, Any]:
    """Return a figure, rounded to what its data can support and a reader can take in."""
    ends = None if interval is None else [round(end, 4) for end in interval]
    told = {"name": name, "label": label, "value": round(value, 4), "interval": ends}
    return {**told, "images": images or None}
