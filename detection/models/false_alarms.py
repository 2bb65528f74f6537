"""The bound on false alarms that lifts the upper end of a version's band."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FalseAlarmBound:
    """From which P(AI-generated) on few enough real validation images lie.

    Attributes:
        share: At most so many of the real images, in [0, 1]: the setting MAX_FALSE_ALARMS.
        threshold: No verdict "likely AI-generated" below it; above 1 where no image can reach it.
        real: How many real images it was measured on.
    """

    share: float
    threshold: float
    real: int

    @property
    def is_supported(self) -> bool:
        """Tell whether so many images can tell such a share; if not, none of them is let pass."""
        return self.share * self.real >= 1


def bound_of(calibration: dict[str, Any], share: float) -> FalseAlarmBound | None:
    """Return what a spec's calibration says of a share, the stricter of the points around it.

    The same as `ml.contract.FalseAlarms.threshold`, which the web process cannot load. `None` for
    specs of earlier versions, which do not tell it.
    """
    table = calibration.get("false_alarms")
    if not table:
        return None
    threshold = [one["threshold"] for one in table["points"] if one["share"] <= share][-1]
    return FalseAlarmBound(share, threshold, table["real"])
