"""What a fit to photographs found, for the page of its version, and two of them side by side."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from detection.curves import Chart, Line, chart
from detection.models import ModelVersion
from detection.templatetags.registry_figures import percent, percents

MORE = 50
# With fewer new pictures than this, a promise on 50 cannot be held against what came of them.
LEAST_NEW = 25
TIERS = {
    "as_they_are": "Those that were degraded, before they were",
    "jpeg_q60": "Saved again as JPEG, quality 60",
    "half_size": "Half the size",
    "screenshot": "Screenshot",
}
MEMBERS = {"forensics": "Traces of how pixels were made", "network": "What a network sees in them"}


@dataclass(frozen=True, slots=True)
class Promise:
    """What the fit before said that more pictures would bring, beside what they brought."""

    version: ModelVersion
    images: int
    new: int
    expected: float
    reached: float
    verdict: str


def fitted(version: ModelVersion) -> dict[str, Any] | None:
    """Return what the page shows; `None` for a version that was fitted to nothing."""
    figures: dict[str, Any] = version.spec.get("photo") or {}
    if not figures:
        return None
    overall = figures["overall"]
    return {
        "figures": figures,
        "overall": overall,
        "is_worth_something": overall["roc_auc_interval"][0] > 0.5,
        "images": _images(figures),
        "tiers": list(_tiers(figures)),
        "members": list(_members(figures)),
        "chart": _curve(figures),
        "more": MORE,
        "gain": _gain(figures),
        "promise": _promise(version, figures),
        "has_one_source": len(figures["sources"]) == 1,
    }


@dataclass(frozen=True, slots=True)
class Fits:
    """Two fits beside each other: a sentence, and rows of a name and the figures of both."""

    sentence: str
    rows: tuple[tuple[str, ...], ...]


def fits_compared(first: ModelVersion, second: ModelVersion) -> Fits | None:
    """Set two fits side by side; `None` where one of the two was fitted to nothing."""
    pair = [version.spec.get("photo") or {} for version in (first, second)]
    if not all(pair) or first == second:
        return None
    rows: list[tuple[str, ...]] = [
        ("Real pictures", *(f"{one['real']:,}" for one in pair)),
        ("AI-generated pictures", *(f"{one['fake']:,}" for one in pair)),
        ("ROC AUC", *(_with_interval(one, "roc_auc") for one in pair)),
        ("AI-generated found", *(_with_interval(one, "recall") for one in pair)),
        ("Real ones called AI-generated", *(percent(one["false_alarms"]) for one in pair)),
        ("Calibration error", *(percent(one["overall"]["ece"]) for one in pair)),
        ("Sources", *(", ".join(_sources(one)) for one in pair)),
    ]
    return Fits(_difference(*(one["overall"] for one in pair)), tuple(rows))


def _with_interval(figures: dict[str, Any], name: str) -> str:
    overall = figures["overall"]
    return f"{percent(overall[name])} ({percents(overall[f'{name}_interval'])})"


def _sources(figures: dict[str, Any]) -> list[str]:
    return [one["name"] or "not said" for one in figures["sources"]]


def _difference(first: dict[str, Any], second: dict[str, Any]) -> str:
    """Say which is better, where the intervals leave no doubt."""
    (low, high), (other_low, other_high) = first["roc_auc_interval"], second["roc_auc_interval"]
    before, after = percent(first["roc_auc"]), percent(second["roc_auc"])
    if other_low > high or low > other_high:
        word = "better" if other_low > high else "worse"
        return f"The second is {word}: ROC AUC {after} after {before}, and their intervals part."
    return f"Not surely different: ROC AUC {before} and {after}, and their intervals overlap."


def _images(figures: dict[str, Any]) -> int:
    return int(figures["real"]) + int(figures["fake"])


def _tiers(figures: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the degradations as people call them, first what they are to be compared with."""
    tiers = figures["tiers"]
    order = [*(name for name in TIERS if name in tiers), *(tiers.keys() - TIERS.keys())]
    for name in order:
        yield TIERS.get(name, name), tiers[name] | {"images": _images(tiers[name])}


def _members(figures: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for name, roc_auc in sorted(figures["members"].items(), key=lambda one: -one[1]):
        yield MEMBERS.get(name, name), roc_auc


def _curve(figures: dict[str, Any]) -> Chart | None:
    """Draw what fewer pictures would have reached, and what 50 more should."""
    points = [(float(one["images"]), one) for one in figures["curve"]]
    if len(points) < 2:
        return None
    last, newest = points[-1]
    lines = [
        Line("Reached", "first", [(count, one["roc_auc"]) for count, one in points]),
        Line("At least", "bound", [(count, one["roc_auc_interval"][0]) for count, one in points]),
        Line("At most", "bound", [(count, one["roc_auc_interval"][1]) for count, one in points]),
    ]
    expected = figures["expected_roc_auc"]
    if expected is not None:
        ahead = [(last, newest["roc_auc"]), (last + MORE, expected)]
        lines.append(Line(f"With {MORE} more", "second", ahead))
    width = int(last) + (0 if expected is None else MORE)
    return chart("ROC AUC", lines, epochs=width, is_share=True, by="pictures learnt from")


def _gain(figures: dict[str, Any]) -> float | None:
    """Return what 50 more pictures should bring, as far as the curve can tell."""
    expected = figures["expected_roc_auc"]
    if expected is None or not figures["curve"]:
        return None
    return float(expected - figures["curve"][-1]["roc_auc"])


def _promise(version: ModelVersion, figures: dict[str, Any]) -> Promise | None:
    """Hold what the fit before promised against what this one reached."""
    earlier = version.model.versions.filter(number__lt=version.number).order_by("-number")
    before = next((one for one in earlier if one.spec.get("photo")), None)
    if before is None or before.spec["photo"]["expected_roc_auc"] is None:
        return None
    images = _images(before.spec["photo"])
    new = _images(figures) - images
    expected, reached = before.spec["photo"]["expected_roc_auc"], figures["overall"]["roc_auc"]
    high = figures["overall"]["roc_auc_interval"][1]
    if new < LEAST_NEW:
        verdict = "too_few"
    elif reached >= expected:
        verdict = "kept"
    else:
        # What the pictures cannot tell from the promise does not break it.
        verdict = "within" if expected <= high else "broken"
    return Promise(before, images, new, expected, reached, verdict)
