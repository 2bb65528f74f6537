"""What makes the figures of a fit worth less than they look, each in one sentence."""

from collections import Counter
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ml.contract import FitWarning
from ml.photo.intake import Intake
from ml.photo.learning import learn
from ml.photo.shortcuts import separations, warning
from ml.photo.validation import Sample, Validation

__all__ = ["alike", "told"]

LEAST_APART = 0.6  # area under the curve, below which two sources are taken for one
COMPARED = 5  # sources, the largest
LEAST_COMPARED = 20  # pictures of a source, near-copies counted once
MOST_COMPARED = 100
MOST_RATIO = 4

Places = npt.NDArray[np.intp]


def told(intake: Intake, worth: Validation, seed: int) -> tuple[FitWarning, ...]:
    """Return the warnings that a fit earned, the gravest first."""
    sample = intake.sample
    traits = [look.traits for look in intake.looks]
    files = separations(traits, sample.labels, sample.groups, sample.sources, seed=seed)
    found = [
        _worth_nothing(worth),
        warning(files),
        _doubtful(intake),
        _alike(sample, seed),
        _unbalanced(worth),
        _one_source(sample),
        _one_size(intake),
    ]
    return tuple(each for each in found if each)


def alike(sample: Sample, seed: int) -> list[tuple[str, str]]:
    """Return pairs of sources whose pictures cannot be told apart by their traces."""
    names = np.array(sample.sources)
    large = [
        name
        for name, _ in Counter(sample.sources).most_common(COMPARED)
        if len(np.unique(sample.groups[names == name])) >= LEAST_COMPARED
    ]
    rng = np.random.default_rng(seed)
    found = []
    for one, other in combinations(large, 2):
        either = [_some_of(sample, names == name, rng) for name in (one, other)]
        places = np.concatenate(either)
        if _auc(sample.take(places), one, seed) < LEAST_APART:
            found.append((one, other))
    return found


def _some_of(sample: Sample, inside: npt.NDArray[np.bool_], rng: np.random.Generator) -> Places:
    """Return pictures of a source, one of each group, at most as many as are compared."""
    members = rng.permutation(np.flatnonzero(inside))
    first = np.unique(sample.groups[members], return_index=True)[1]
    return members[np.sort(first)[:MOST_COMPARED]]


def _auc(sample: Sample, name: str, seed: int) -> float:
    """Return how well held-out pictures of two sources are told to be of one of them."""
    from sklearn.metrics import roc_auc_score

    labels = np.array([source == name for source in sample.sources], np.uint8)
    learnt = learn(sample.features, labels, sample.groups, seed)
    return float(roc_auc_score(labels, learnt.held_out))


def _alike(sample: Sample, seed: int) -> FitWarning | None:
    pairs = alike(sample, seed)
    if not pairs:
        return None
    one, other = pairs[0]
    more = f" (and {len(pairs) - 1} more pairs)" if len(pairs) > 1 else ""
    return FitWarning(
        "sources_alike",
        f"The sources {one} and {other}{more} cannot be told apart, as if they were one: leaving "
        "one of them out says nothing about sources that are new.",
    )


def _worth_nothing(worth: Validation) -> FitWarning | None:
    found = worth.overall
    if found.is_worth_something:
        return None
    low, high = found.roc_auc_interval
    return FitWarning(
        "worth_nothing",
        "On pictures that it had not learnt the model may tell no more than chance (area under the "
        f"curve {found.roc_auc:.2f}, {low:.2f} to {high:.2f}; 0.5 is chance): label more pictures.",
    )


def _doubtful(intake: Intake) -> FitWarning | None:
    if not intake.doubtful:
        return None
    one, other = intake.doubtful[0]
    return FitWarning(
        "contradictory_labels",
        f"Near-copies with different labels: {len(intake.doubtful)}, such as {one} and {other}; "
        "look at them again.",
    )


def _unbalanced(worth: Validation) -> FitWarning | None:
    few, many = sorted((worth.overall.real, worth.overall.fake))
    if many <= MOST_RATIO * few:
        return None
    rare = "REAL" if worth.overall.real == few else "FAKE"
    return FitWarning(
        "unbalanced",
        f"There are {few} {rare} pictures and {many} of the other class: more {rare} ones would "
        "make model and figures surer.",
    )


def _one_source(sample: Sample) -> FitWarning | None:
    if len(set(sample.sources)) > 1:
        return None
    return FitWarning(
        "one_source",
        f"All pictures come from one source, {sample.sources[0]}, so nothing is known about "
        "others: add some of another to learn how far the model reaches.",
    )


def _one_size(intake: Intake) -> FitWarning | None:
    sides = {min(look.size) for look in intake.looks}
    if len(sides) > 1:
        return None
    return FitWarning(
        "one_size",
        f"All pictures have a shorter side of {sides.pop()} pixels, so those of any other size get "
        "no verdict: add some of the sizes that are to be judged.",
    )
