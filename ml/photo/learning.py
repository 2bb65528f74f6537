"""Heads learnt from features: how strongly each is held back, and what their logits mean.

Some hundred pictures have thousands of features. Standardised features are turned onto the few
directions that the pictures span, where a ridge of any strength costs next to nothing and gives the
same head as in the full space.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ml.photo.folds import folds
from ml.photo.heads import Features, LinearHead, mean_logits
from ml.photo.matching import matched_pairs
from ml.photo.standard import directions, standardised

__all__ = ["Learnt", "learn", "taken"]

# Weight of the pictures against the ridge, for each member: the value that served best over the
# sites at hand, and how far a fit may go from it. It goes only where its own pictures say so
# clearly, as the best of several by a hair is mostly luck.
USUAL: Mapping[str, float] = {"forensics": 0.1, "network": 0.05}
USUAL_ELSE = 0.05
FACTORS = (1.0, 1 / 25, 1 / 5, 5.0)
CLEARLY = 2.0  # standard errors
MANY = 1000  # pictures, from which the usual value is taken unasked: little depends on it there
MOST_DIRECTIONS = 512  # the longest; what lies across them the ridge would hold back anyway
LEAST_GAIN = 0.01

Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """Heads, and what is known of them without asking pictures that others shall judge them by.

    Attributes:
        members: One head each.
        gain, offset: From the mean of the members' logits to a calibrated one.
        held_out: (n,), calibrated logits of the pictures, each by heads that had not learnt it.
    """

    members: dict[str, LinearHead]
    gain: float
    offset: float
    held_out: Doubles

    def logits(self, features: Features) -> Doubles:
        """Return calibrated logits (n,)."""
        return self.gain * mean_logits(self.members, features) + self.offset


def learn(features: Features, labels: Labels, groups: Places, seed: int) -> Learnt:
    """Learn a head for each member, and their calibration, from nothing but these pictures.

    Args:
        features: Each member's, (n, d).
        labels: (n,), 1 for FAKE; both classes, each in two groups at least.
        groups: (n,); what shares a number is held out together.
        seed: Of the folds by which strength and calibration are chosen.
    """
    pairs = matched_pairs(features, labels)
    if not len(pairs):
        return _learnt(features, labels, groups, seed)
    kept = np.sort(pairs.ravel())
    together = groups.copy()
    together[pairs[:, 1]] = together[pairs[:, 0]]  # a lone partner would teach the wrong label
    learnt = _learnt(taken(features, kept), labels[kept], together[kept], seed)
    held_out = learnt.logits(features)  # of those that were not learnt from
    held_out[kept] = learnt.held_out
    return replace(learnt, held_out=held_out)


def _learnt(features: Features, labels: Labels, groups: Places, seed: int) -> Learnt:
    tried = {name: _tried(values, labels, groups, seed, name) for name, values in features.items()}
    chosen = {name: _choice(logits, labels) for name, logits in tried.items()}
    held_out = np.mean([tried[name][chosen[name]] for name in features], axis=0)
    gain, offset = platt(held_out, labels)
    members = {
        name: _Turned(values, labels).head(_strengths(name, len(labels))[chosen[name]])
        for name, values in features.items()
    }
    return Learnt(members, gain, offset, gain * held_out + offset)


def taken(features: Features, places: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Features:
    """Return the features of some of the pictures."""
    return {name: values[places] for name, values in features.items()}


def platt(logits: Doubles, labels: Labels) -> tuple[float, float]:
    """Return gain, at least 0.01, and offset that make log odds of logits (Platt 1999).

    Both classes weigh alike, whatever their numbers: a probability presumes that half of the
    pictures are FAKE, as in the other tracks.
    """
    from sklearn.linear_model import LogisticRegression

    spread = float(logits.std()) or 1.0
    model = LogisticRegression(C=len(labels) / 2, class_weight="balanced")
    model.fit(logits[:, None] / spread, labels)
    gain = max(float(model.coef_[0, 0]) / spread, LEAST_GAIN)
    return gain, float(model.intercept_[0])


def _strengths(name: str, count: int) -> list[float]:
    """Return what is tried for a member and so many pictures, the usual value first."""
    factors = FACTORS if count < MANY else FACTORS[:1]
    return [USUAL.get(name, USUAL_ELSE) * factor for factor in factors]


def _tried(
    features: npt.NDArray[np.float32], labels: Labels, groups: Places, seed: int, name: str
) -> Doubles:
    """Return the held-out logits (strengths, n) that each strength leads to."""
    strengths = _strengths(name, len(labels))
    logits = np.zeros((len(strengths), len(labels)))
    for learnt, held_out in folds(labels, groups, seed):
        turned = _Turned(features[learnt], labels[learnt])
        for place, strength in enumerate(strengths):
            logits[place, held_out] = turned.head(strength).logits(features[held_out])
    return logits


def _choice(tried: Doubles, labels: Labels) -> int:
    """Return which strength to take: the usual one, unless another is better beyond luck."""
    losses = np.array([_losses(logits, labels) for logits in tried])
    better = losses[0] - losses
    noise = better.std(axis=1) / np.sqrt(len(labels))
    gains = better.mean(axis=1) - CLEARLY * noise
    gains[0] = 0.0
    return int(np.argmax(gains))


def _losses(logits: Doubles, labels: Labels) -> Doubles:
    """Return each picture's negative log likelihood under the logits' own best calibration."""
    gain, offset = platt(logits, labels)
    signed = np.where(labels == 1, 1.0, -1.0) * (gain * logits + offset)
    return np.asarray(np.logaddexp(0.0, -signed))


class _Turned:
    """Standardised features, turned onto the directions that the pictures span."""

    def __init__(self, features: npt.NDArray[np.float32], labels: Labels) -> None:
        self._labels = labels
        self._mean, self._scale, standard = standardised(features)
        self._axes = directions(standard)[1][-MOST_DIRECTIONS:]
        self._turned = standard @ self._axes.T

    def head(self, strength: float) -> LinearHead:
        """Return the head for one weight of the pictures against the ridge."""
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=strength, solver="newton-cholesky", max_iter=100)
        model.fit(self._turned, self._labels)
        return LinearHead(
            self._mean.astype(np.float32),
            self._scale.astype(np.float32),
            (model.coef_[0] @ self._axes).astype(np.float32),
            float(model.intercept_[0]),
        )
