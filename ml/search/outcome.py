"""How a trial ended: its epochs, and the reason where it did not come to its end."""

from dataclasses import dataclass
from typing import Literal

from ml import checkpoints
from ml.contract import EpochReport
from ml.jsonform import JsonForm


@dataclass(frozen=True, slots=True)
class Outcome(JsonForm):
    """What one training run came to.

    Attributes:
        status: `diverged` when the loss was no longer finite, `failed` when it raised.
        reason: One sentence; empty when it finished.
        epochs: Those that came to their end.
    """

    status: Literal["finished", "diverged", "failed"]
    reason: str
    epochs: tuple[EpochReport, ...]

    @property
    def seconds(self) -> float:
        """Return the time spent on the epochs that came to their end."""
        return sum(epoch.seconds for epoch in self.epochs)

    @property
    def best(self) -> EpochReport | None:
        """Return the epoch of the lowest validation loss, where the trial may be ranked."""
        ranked = self.status == "finished" and self.epochs
        return checkpoints.best(self.epochs) if ranked else None


def loss_of(epoch: EpochReport) -> float:
    """Return the validation loss of the better of the epoch's two sets of weights."""
    return min(epoch.validation_loss, epoch.averaged_loss)


def accuracy_of(epoch: EpochReport) -> float:
    """Return the validation accuracy of the better of the epoch's two sets of weights."""
    return epoch.averaged_accuracy if epoch.better == "averaged" else epoch.validation_accuracy
