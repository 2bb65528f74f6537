"""Measured figures of a model as natural frequencies: "about 17 of 1,000", not "0.0166"."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# False alarms and misses, as verdicts or as if each image had to get one: figures of the two kinds
# lie far apart, so report, shared page and the page on models say which in the same words.
CALLED_AI, CALLED_REAL = "were called likely AI-generated", "were called likely real"
FORCED_AI = "would be called AI-generated if it had to decide on every image"
FORCED_REAL = "would be called real if it had to decide on every image"
# Of fewer images a percentage would promise what nobody counted.
FEW = 20
# With fewer images than this, a figure of 1,000 would promise more than was measured.
ENOUGH_FOR_THOUSAND = 1000
TIERS = {
    "jpeg_q40": "Strongly compressed (JPEG quality 40)",
    "noise_0.10": "With grain (noise of a tenth of the range)",
    "blur_0.6": "Slightly blurred",
    "as_they_are": "The same pictures as they are",
    "jpeg_q60": "Saved again as JPEG of quality 60",
    "half_size": "At half the size",
    "screenshot": "As a screenshot",
}
# Bars of one table end at the first of these that holds all of them.
ENDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Share:
    """A share in [0, 1] of so many images."""

    value: float
    images: int

    @property
    def of(self) -> int:
        """The round number that it is told of."""
        return 1000 if self.images >= ENOUGH_FOR_THOUSAND else 100

    def __str__(self) -> str:
        """Say it as people count: "about 17 of 1,000"; of very few as they were counted."""
        count = round(self.value * self.of)
        if self.value in (0, 1):
            return f"all {self.images:,}" if self.value else f"none of {self.images:,}"
        if self.images < FEW:
            return f"{round(self.value * self.images)} of {self.images}"
        if count == 0:
            return f"fewer than 1 of {self.of:,}"
        if count == self.of:
            return f"more than {self.of - 1:,} of {self.of:,}"
        return f"about {count:,} of {self.of:,}"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one set of images showed.

    Attributes:
        name: What was done to the images; empty for images as they are.
        real, fake: How many of each class.
        false_alarms: Real ones that were called AI-generated.
        misses: AI-generated ones that were called real.
        decided: Images that got a verdict, and not "inconclusive"; `right` the share of these.
        by_verdict: Whether false alarms and misses are verdicts as people get them; else they are
            counted as if the model had to decide on every image.
        chance: Between which counts false alarms could lie by chance, where few pictures were
            counted: "2 to 8 of 100"; else empty.
    """

    name: str
    real: int
    fake: int
    false_alarms: Share
    misses: Share
    decided: Share | None
    right: Share | None
    by_verdict: bool
    chance: str = ""

    @property
    def called_ai(self) -> str:
        """What happened to the real images that are false alarms."""
        return CALLED_AI if self.by_verdict else FORCED_AI

    @property
    def called_real(self) -> str:
        """What happened to the AI-generated images that are misses."""
        return CALLED_REAL if self.by_verdict else FORCED_REAL


@dataclass(frozen=True, slots=True)
class Found:
    """How many AI-generated pictures a fit finds where so many real ones are wrongly accused."""

    name: str
    pictures: int
    found: Share
    false_alarms: Share


def measured(spec: dict[str, Any]) -> list[Measured]:
    """Return what the evaluation of a spec found: images as they are first, then degraded ones.

    Of a version that was fitted to photographs, what its held-out pictures showed.
    """
    if photo := spec.get("photo"):
        return [_of_fit(photo)]
    evaluation = spec.get("evaluation")
    if not evaluation:
        return []
    tiers = (evaluation.get("tiers") or {}).items()
    return [
        _of_test("", evaluation),
        *(_of_test(TIERS.get(name, name), one) for name, one in tiers),
    ]


def found_by_fit(spec: dict[str, Any]) -> list[Found]:
    """Return what a fit to photographs still finds in degraded pictures; `as_they_are` first."""
    tiers = (spec.get("photo") or {}).get("tiers") or {}
    order = [*(name for name in TIERS if name in tiers), *sorted(tiers.keys() - TIERS.keys())]
    return [_found(TIERS.get(name, name), tiers[name]) for name in order]


def calibration_error(spec: dict[str, Any]) -> float | None:
    """Return how many points percentages were off on average; `None` where nobody measured it."""
    photo = spec.get("photo")
    figures = photo["overall"] if photo else spec.get("evaluation") or {}
    error = figures.get("ece")
    return None if error is None else 100 * float(error)


def trained_on(spec: dict[str, Any]) -> str:
    """Say from how many images, and which, a version learnt; empty where its spec does not tell."""
    if photo := spec.get("photo"):
        sources = [one["name"] or "a source without a name" for one in photo["sources"]]
        several = (
            f"{', '.join(sources[:-1])} and {sources[-1]}" if sources[1:] else "".join(sources)
        )
        return (
            f"{photo['real']:,} real and {photo['fake']:,} AI-generated pictures from {several}, "
            "fitted on this site."
        )
    data = (spec.get("training") or {}).get("data")
    if not data:
        return ""
    return (
        f"{data['train_images']:,} labelled images; {data['validation_images']:,} others set its "
        "percentages and its uncertain band."
    )


def bar_end(shares: Iterator[Share]) -> float:
    """Return the share at which the bars of a table end."""
    most = max((share.value for share in shares), default=0.0)
    return next(end for end in ENDS if most <= end)


def _of_test(name: str, figures: dict[str, Any]) -> Measured:
    counts = figures["confusion"]
    real = counts["real_as_real"] + counts["real_as_fake"]
    fake = counts["fake_as_real"] + counts["fake_as_fake"]
    by_verdict = figures.get("false_alarms") is not None and figures.get("misses") is not None
    if by_verdict:
        alarms, misses = figures["false_alarms"], figures["misses"]
    else:
        alarms = counts["real_as_fake"] / real if real else 0.0
        misses = counts["fake_as_real"] / fake if fake else 0.0
    decided, right = figures["coverage"], figures["selective_accuracy"]
    return Measured(
        name=name,
        real=real,
        fake=fake,
        false_alarms=Share(alarms, real),
        misses=Share(misses, fake),
        decided=Share(decided, real + fake),
        right=None if right is None else Share(right, round(decided * (real + fake))),
        by_verdict=by_verdict,
    )


def _of_fit(photo: dict[str, Any]) -> Measured:
    real, fake = photo["real"], photo["fake"]
    decided, right = photo.get("coverage"), photo.get("selective_accuracy")
    return Measured(
        name="",
        real=real,
        fake=fake,
        false_alarms=Share(photo["false_alarms"], real),
        misses=Share(photo["misses"], fake),
        decided=None if decided is None else Share(decided, real + fake),
        right=None if right is None else Share(right, round((decided or 0) * (real + fake))),
        by_verdict=True,
        chance="{:.0f} to {:.0f} of 100".format(
            *(100 * end for end in photo["false_alarms_interval"])
        ),
    )


def _found(name: str, tier: dict[str, Any]) -> Found:
    return Found(
        name=name,
        pictures=tier["real"] + tier["fake"],
        found=Share(tier["recall"], tier["fake"]),
        false_alarms=Share(tier["false_alarm_rate"], tier["real"]),
    )
