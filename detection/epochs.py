"""What the epochs of a run are told by: the better of raw and averaged weights, and which is kept.

An epoch is an `ml.contract.EpochReport` as JSON values, wherever it is stored.
"""

from collections.abc import Sequence
from typing import Any

Report = dict[str, Any]


def validated(report: Report) -> tuple[float, float]:
    """Return an epoch's loss and accuracy on validation, by the weights with the lower loss."""
    raw = float(report["validation_loss"]), float(report["validation_accuracy"])
    averaged = float(report["averaged_loss"]), float(report["averaged_accuracy"])
    return averaged if averaged[0] <= raw[0] else raw


def kept_epoch(reports: Sequence[Report], keep: str) -> int | None:
    """Return the epoch whose weights a run hands on, as far as it has come.

    Args:
        reports: Of its epochs, oldest first.
        keep: As `ml.contract.TrainingConfig` has it: "best" by the loss on validation, or "last".
    """
    if not reports:
        return None
    kept = min(reports, key=lambda one: validated(one)[0]) if keep == "best" else reports[-1]
    return int(kept["epoch"])
