"""What a verdict is: its kind, how far it can be relied on, its reasons, what would change it."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["likely_ai", "likely_real", "inconclusive"]
# Empty for what is inconclusive: there is nothing to rely on.
Certainty = Literal["settled", "high", "moderate", "low", ""]


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that weighed; `code` is for programs, `sentence` for people."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What people read.

    Attributes:
        kind, certainty: See there.
        reasons: In order of weight; the first one sums the verdict up.
        would_change: Sentences, what would lead to another verdict.
    """

    kind: Kind
    reasons: tuple[Reason, ...]
    certainty: Certainty = ""
    would_change: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What the band of a photo model is for, and what it did on pictures held out of the fit.

    Attributes:
        real, fake: How many pictures of each class.
        allowed: The share of real pictures that may be called AI-generated, as the band was set.
        false_alarms: The share that was; `interval` is its 95 % interval.
        misses: The share of AI-generated pictures that was called real.
    """

    real: int
    fake: int
    allowed: float
    false_alarms: float
    interval: tuple[float, float]
    misses: float


@dataclass(frozen=True, slots=True)
class AlarmBound:
    """What keeps false alarms few: the upper end of the band was set, or lifted, for it.

    Attributes:
        share: At most so many of the real images may be called AI-generated, in [0, 1].
        real: How many real validation images it was measured on.
        is_supported: Whether so many can tell such a share; if not, none of them is let pass.
    """

    share: float
    real: int
    is_supported: bool
