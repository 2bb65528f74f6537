"""How many REAL images a model calls FAKE at which threshold, as measured on validation."""

from dataclasses import dataclass

from ml.contract.checks import require

# At most this share of REAL images may be called FAKE where nobody asks for another one.
MAX_FALSE_ALARMS = 0.01
# The threshold where a REAL image got 1: no image reaches it.
BEYOND = 1.000001


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The least P(FAKE), of six places, that at most this share of the REAL images reaches."""

    share: float
    threshold: float


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """What REAL images got that the model had not learnt.

    Attributes:
        real: How many they were.
        points: The strictest first; at the first one the share is 0.
    """

    real: int
    points: tuple[OperatingPoint, ...]

    def __post_init__(self) -> None:
        require(self.real > 0, "false_alarms.real", "positive", self.real)
        shares = [point.share for point in self.points]
        thresholds = [point.threshold for point in self.points]
        is_table = shares[:1] == [0.0] and shares == sorted(set(shares)) and shares[-1] < 1
        require(is_table, "false_alarms.points", "of growing shares from 0 to below 1", shares)
        falls = thresholds == sorted(thresholds, reverse=True)
        falls = falls and 0 <= thresholds[-1] <= thresholds[0] <= BEYOND
        require(falls, "false_alarms.points", f"of thresholds falling from {BEYOND}", thresholds)

    def threshold(self, share: float) -> float:
        """Return P(FAKE) from which on at most `share`, in [0, 1], of the REAL images lie.

        Between two points it is the stricter one.
        """
        return [point.threshold for point in self.points if point.share <= share][-1]
