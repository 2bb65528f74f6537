"""What a fit is worth: every figure is of pictures that were kept from it, and from its choices.

The outer parts are judged by heads whose strength, calibration and band were found within the rest
alone (nested validation), so no printed figure is one that was tuned.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ml.contract import CurvePoint, SourceFigures, SplitFigures
from ml.contract.photo import Interval
from ml.photo.curve import LEAST, expected, fewer, sizes_of
from ml.photo.degraded import AS_THEY_ARE
from ml.photo.figures import band, split_figures, wilson
from ml.photo.folds import FOLDS, folds
from ml.photo.heads import Features
from ml.photo.learning import Learnt, learn, taken
from ml.photo.novelty import fit_novelty

__all__ = ["Degraded", "Sample", "Stopped", "Validation", "validate"]

REPEATS = 3
MANY = 500  # pictures from which one division into parts is told enough by its intervals
MOST_SOURCES = 8  # that are left out one by one, the largest

Labels = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]
Doubles = npt.NDArray[np.float64]


class Stopped(Exception):
    """The one who asked for the fit does not want it any more."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Labelled pictures as numbers: features (n, d), labels (n,), near-copies share a group."""

    features: Features
    labels: Labels
    groups: Places
    sources: tuple[str, ...]

    def take(self, places: Places) -> "Sample":
        """Return some of the pictures."""
        return Sample(
            taken(self.features, places),
            self.labels[places],
            self.groups[places],
            tuple(self.sources[place] for place in places),
        )

    def learn(self, seed: int) -> Learnt:
        """Learn heads from all of the pictures."""
        return learn(self.features, self.labels, self.groups, seed)


@dataclass(frozen=True, slots=True, eq=False)
class Degraded:
    """Some of a sample's pictures after a degradation: where they stand in it, and features."""

    places: Places
    features: Features


@dataclass(frozen=True, slots=True)
class Validation:
    """The figures of `PhotoFigures` that have to do with judging; see there."""

    overall: SplitFigures
    members: dict[str, float]
    sources: tuple[SourceFigures, ...]
    tiers: dict[str, SplitFigures]
    curve: tuple[CurvePoint, ...]
    expected_roc_auc: float | None
    false_alarms: float
    false_alarms_interval: Interval
    misses: float
    kept_as_known: float
    coverage: float
    selective_accuracy: float | None


def validate(
    sample: Sample,
    degraded: Mapping[str, Degraded],
    *,
    rate: float,
    seed: int,
    step: Callable[[int, int], None] = lambda done, of: None,
) -> Validation:
    """Judge what a fit on these pictures is worth.

    Args:
        sample: Both classes, in ten groups each at least.
        degraded: Tier -> pictures of the sample after that degradation.
        rate: The share of false alarms that is allowed, and of misses.
        seed: Of all parts and intervals.
        step: Called with (done, all) after each of the many small fits; what it raises ends them.
    """
    repeats = REPEATS if len(sample.labels) < MANY else 1
    sizes = sizes_of(len(sample.labels))
    apart = _sources_apart(sample)
    steps = _Steps(step, FOLDS * (repeats * (1 + len(sizes)) + 1) + len(apart))
    crossed = _cross_validated(sample, degraded, rate, seed, repeats, steps)
    judged = _Judge(sample, rate, seed)
    overall = judged.figures(crossed.logits)
    curve = [_point(sample, size, judged, repeats, seed, steps) for size in sizes]
    curve.append(
        CurvePoint(len(sample.labels), overall.roc_auc, overall.roc_auc_interval, overall.recall)
    )
    reals = int((sample.labels == 0).sum())
    alarms = float(crossed.alarms[:, sample.labels == 0].mean())
    decided = crossed.alarms | crossed.misses
    right = np.where(sample.labels == 1, crossed.alarms, crossed.misses)[decided]
    return Validation(
        overall=overall,
        members={name: judged.figures(logits).roc_auc for name, logits in crossed.members.items()},
        sources=_source_figures(sample, crossed.logits, apart, judged, steps),
        tiers=_tier_figures(sample, degraded, crossed, judged),
        curve=tuple(curve),
        expected_roc_auc=expected(curve, overall),
        false_alarms=alarms,
        false_alarms_interval=wilson(alarms * reals, reals),
        misses=float(crossed.misses[:, sample.labels == 1].mean()),
        kept_as_known=_kept_as_known(sample, seed, steps),
        coverage=float(decided.mean()),
        selective_accuracy=float(right.mean()) if right.size else None,
    )


@dataclass(slots=True)
class _Steps:
    """Counts the small fits."""

    tell: Callable[[int, int], None]
    of: int
    done: int = 0

    def next(self) -> None:
        self.done += 1
        self.tell(self.done, self.of)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Makes figures of logits for a sample's pictures, or for some of them."""

    sample: Sample
    rate: float
    seed: int

    def figures(self, runs: Doubles, places: Places | None = None) -> SplitFigures:
        labels, groups = self.sample.labels, self.sample.groups
        if places is not None:
            runs, labels, groups = runs[:, places], labels[places], groups[places]
        return split_figures(runs, labels, groups, rate=self.rate, seed=self.seed)


@dataclass(slots=True, eq=False)
class _Crossed:
    """What heads said about the pictures that they had not learnt; (repeats, n) each.

    `alarms` and `misses` are those at or above the upper end of the band, and at or below the
    lower, of whichever class.
    """

    logits: Doubles
    alarms: npt.NDArray[np.bool_]
    misses: npt.NDArray[np.bool_]
    members: dict[str, Doubles]
    degraded: dict[str, Doubles] = field(default_factory=dict)


def _cross_validated(
    sample: Sample,
    degraded: Mapping[str, Degraded],
    rate: float,
    seed: int,
    repeats: int,
    steps: _Steps,
) -> _Crossed:
    shape = repeats, len(sample.labels)
    crossed = _Crossed(
        np.zeros(shape),
        np.zeros(shape, np.bool_),
        np.zeros(shape, np.bool_),
        {name: np.zeros(shape) for name in sample.features},
        {name: np.zeros((1, len(tier.places))) for name, tier in degraded.items()},
    )
    for repeat in range(repeats):
        for learnt_from, held_out in folds(sample.labels, sample.groups, seed + repeat):
            learnt = sample.take(learnt_from).learn(seed)
            features = taken(sample.features, held_out)
            logits = learnt.logits(features)
            low, high = band(learnt.held_out, sample.labels[learnt_from], rate)
            crossed.logits[repeat, held_out] = logits
            crossed.alarms[repeat, held_out] = logits >= high
            crossed.misses[repeat, held_out] = logits <= low
            for name, head in learnt.members.items():
                crossed.members[name][repeat, held_out] = head.logits(features[name])
            if repeat == 0:
                for name, tier in degraded.items():
                    there = np.isin(tier.places, held_out)
                    crossed.degraded[name][0, there] = learnt.logits(taken(tier.features, there))
            steps.next()
    return crossed


def _tier_figures(
    sample: Sample, degraded: Mapping[str, Degraded], crossed: _Crossed, judged: _Judge
) -> dict[str, SplitFigures]:
    """Return the figures of each tier that has pictures enough of both classes.

    First those of all these pictures as they are, by the same heads, to compare with.
    """
    tiers = {name: (tier.places, crossed.degraded[name]) for name, tier in degraded.items()}
    if tiers:
        places = np.unique(np.concatenate([places for places, _ in tiers.values()]))
        tiers = {AS_THEY_ARE: (places, crossed.logits[:1, places]), **tiers}
    return {
        name: split_figures(
            logits,
            sample.labels[places],
            sample.groups[places],
            rate=judged.rate,
            seed=judged.seed,
        )
        for name, (places, logits) in tiers.items()
        if _is_enough(sample.labels[places])
    }


def _point(
    sample: Sample, size: int, judged: _Judge, repeats: int, seed: int, steps: _Steps
) -> CurvePoint:
    """Return what a fit on so many pictures would have found: its heads learn from 4 in 5."""
    logits = np.zeros((repeats, len(sample.labels)))
    share = size / len(sample.labels)
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, repeat, size])
        for learnt_from, held_out in folds(sample.labels, sample.groups, seed + repeat):
            some = fewer(sample.labels, sample.groups, learnt_from, share, rng)
            learnt = sample.take(some).learn(seed)
            logits[repeat, held_out] = learnt.logits(taken(sample.features, held_out))
            steps.next()
    figures = judged.figures(logits)
    return CurvePoint(size, figures.roc_auc, figures.roc_auc_interval, figures.recall)


def _sources_apart(sample: Sample) -> dict[str, Places]:
    """Return the largest sources that can be left out, and where their pictures are."""
    names = np.array(sample.sources)
    found = {}
    for name in sorted(set(sample.sources), key=lambda each: (-(names == each).sum(), each)):
        inside = names == name
        # Near-copies on the other side would be known by heart.
        outside = ~inside & ~np.isin(sample.groups, sample.groups[inside])
        rest = np.unique(sample.groups[outside & (sample.labels == 0)])
        fakes = np.unique(sample.groups[outside & (sample.labels == 1)])
        enough = min(len(rest), len(fakes)) >= 2 * LEAST
        if enough and _is_enough(sample.labels[inside]):
            found[str(name)] = np.flatnonzero(outside)
    return dict(list(found.items())[:MOST_SOURCES])


def _source_figures(
    sample: Sample, logits: Doubles, apart: Mapping[str, Places], judged: _Judge, steps: _Steps
) -> tuple[SourceFigures, ...]:
    names = np.array(sample.sources)
    figures = []
    for name in dict.fromkeys(sample.sources):
        places = np.flatnonzero(names == name)
        labels = sample.labels[places]
        enough = _is_enough(labels)
        left_out = None
        if name in apart:
            learnt = sample.take(apart[name]).learn(judged.seed)
            others = np.zeros((1, len(names)))
            others[0, places] = learnt.logits(taken(sample.features, places))
            left_out = judged.figures(others, places)
            steps.next()
        figures.append(
            SourceFigures(
                name,
                int((labels == 0).sum()),
                int((labels == 1).sum()),
                judged.figures(logits, places) if enough else None,
                left_out,
            )
        )
    return tuple(sorted(figures, key=lambda each: -(each.real + each.fake)))


def _kept_as_known(sample: Sample, seed: int, steps: _Steps) -> float:
    known = np.zeros(len(sample.labels), np.bool_)
    for learnt_from, held_out in folds(sample.labels, sample.groups, seed):
        part = sample.take(learnt_from)
        novelty = fit_novelty(part.features, part.labels, part.groups, seed)
        known[held_out] = novelty.scores(taken(sample.features, held_out)) <= 1
        steps.next()
    return float(known.mean())


def _is_enough(labels: Labels) -> bool:
    return min(int((labels == 0).sum()), int((labels == 1).sum())) >= LEAST
