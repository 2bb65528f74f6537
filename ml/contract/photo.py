"""What fitting a model of the photo track found: its worth, where that ends, what to do next."""

from dataclasses import dataclass

from ml.contract.checks import require
from ml.jsonform import JsonForm

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class SplitFigures:
    """Figures over pictures that were judged by heads which had not learnt them.

    Attributes:
        real, fake: How many pictures of each class.
        roc_auc: In [0, 1]; with its 95 % interval over pictures drawn again.
        recall: Share of the FAKE pictures found at `false_alarm_rate`; with its 95 % interval.
        false_alarm_rate: The share of REAL pictures called FAKE that `recall` was read off at.
        accuracy: At P(FAKE) = 0.5, both classes weighing alike.
        ece: Expected calibration error of P(FAKE) over ten bins of equally many pictures.
    """

    real: int
    fake: int
    roc_auc: float
    roc_auc_interval: Interval
    recall: float
    recall_interval: Interval
    false_alarm_rate: float
    accuracy: float
    ece: float | None = None

    @property
    def is_worth_something(self) -> bool:
        """Tell whether the interval of the area under the curve stays above chance."""
        return self.roc_auc_interval[0] > 0.5


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """One source of pictures: judged within all, and left out of the fit as a whole.

    `left_out` is `None` where it is the only source, or where either side then lacks a class;
    `within` where the source has pictures of one class alone.
    """

    name: str
    real: int
    fake: int
    within: SplitFigures | None
    left_out: SplitFigures | None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Mean area under the curve and recall of heads that learnt from so many pictures."""

    images: int
    roc_auc: float
    roc_auc_interval: Interval
    recall: float


@dataclass(frozen=True, slots=True)
class FitWarning:
    """Something that makes the figures worth less than they look; a code and a sentence."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class PhotoFigures(JsonForm):
    """What a fit on labelled pictures found; every figure is of pictures that were held out.

    Attributes:
        real, fake: Pictures that were learnt from, each counted once.
        groups: Sets of near-copies among them; near-copies are always held out together.
        unreadable: Pictures that were left out as they cannot be read or are too small.
        shortest, longest: Smallest and largest shorter side in pixels.
        overall: By nested cross-validation, all sources together.
        members: The area under the curve of each member alone, in the same folds.
        sources: One entry a source, the largest first.
        tiers: Degradation (`jpeg_q60`, `half_size`, `screenshot`) -> some pictures degraded,
            judged by heads that learnt others, as they are; `as_they_are` is the same pictures
            without, to compare with.
        curve: What fewer pictures would have reached, the fewest first; the last is all of them.
        expected_roc_auc: What the curve promises for 50 more; `None` where it cannot tell.
        false_alarms: Share of the held-out REAL pictures at or above the upper end of the band;
            `false_alarms_interval` is its 95 % interval (Wilson), `false_alarms_allowed` the bound
            that the band was set for.
        misses: The same share of the FAKE pictures at or below the lower end.
        kept_as_known: Share of held-out pictures that the novelty score takes for known.
        coverage: Share of held-out pictures outside of the band: those that get a verdict, as far
            as the novelty score knows them.
        selective_accuracy: Share of these that are right, both classes weighing as they come;
            `None` where there are none. Both are `None` in the figures of earlier versions.
        warnings: What makes these figures doubtful, the gravest first.
        seconds: How long the fit took.
        seed: Of the folds and of the intervals.
    """

    real: int
    fake: int
    groups: int
    unreadable: int
    shortest: int
    longest: int
    overall: SplitFigures
    members: dict[str, float]
    sources: tuple[SourceFigures, ...]
    tiers: dict[str, SplitFigures]
    curve: tuple[CurvePoint, ...]
    expected_roc_auc: float | None
    false_alarms: float
    false_alarms_interval: Interval
    false_alarms_allowed: float
    misses: float
    kept_as_known: float
    warnings: tuple[FitWarning, ...] = ()
    seconds: float = 0.0
    seed: int = 0
    coverage: float | None = None
    selective_accuracy: float | None = None

    def __post_init__(self) -> None:
        allowed = self.false_alarms_allowed
        require(0 < allowed < 1, "false_alarms_allowed", "in (0, 1)", allowed)

    @property
    def is_worth_something(self) -> bool:
        """Tell whether the model tells more than chance, as far as its pictures can show."""
        return self.overall.is_worth_something
