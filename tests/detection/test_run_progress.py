"""What a run's page draws: a bar that never runs back, and the epoch whose weights are kept."""

from typing import Any

import pytest

from detection.models import Stage, TrainingRun, Work


def report(epoch: int, **figures: float) -> dict[str, Any]:
    """An epoch as a run's history holds it."""
    told = {"epoch": epoch, "epochs": 4, "seconds": 2.0, "train_loss": 0.5, "train_accuracy": 0.8}
    raw = {"validation_loss": 0.4, "validation_accuracy": 0.8}
    averaged = {"averaged_loss": 0.5, "averaged_accuracy": 0.7}
    return told | raw | averaged | figures


def run_at(
    stage: str, *, done: int, epoch: int, step: int, state: str = Work.RUNNING
) -> TrainingRun:
    history = [report(number + 1) for number in range(done)]
    return TrainingRun(
        state=state, stage=stage, history=history, epochs=4, epoch=epoch, step=step, steps=10
    )


def test_the_bar_of_all_epochs_never_falls() -> None:
    shares = [
        run_at(Stage.PREPARING, done=0, epoch=0, step=9).share_done,
        run_at(Stage.TRAINING, done=0, epoch=1, step=3).share_done,
        run_at(Stage.TRAINING, done=0, epoch=1, step=9).share_done,
        # The epoch is done, and its last step is still what stands there.
        run_at(Stage.TRAINING, done=1, epoch=1, step=9).share_done,
        run_at(Stage.TRAINING, done=1, epoch=2, step=1).share_done,
        run_at(Stage.TRAINING, done=4, epoch=4, step=10).share_done,
        run_at(Stage.EXPORTING, done=4, epoch=4, step=0).share_done,
        run_at(Stage.JUDGING, done=4, epoch=4, step=3).share_done,
    ]
    assert shares == pytest.approx([0, 0.075, 0.225, 0.25, 0.275, 1, 1, 1])


@pytest.mark.parametrize("state", [Work.QUEUED, Work.RUNNING])
def test_a_run_that_goes_on_counts_the_epochs_that_are_done(state: str) -> None:
    assert run_at(Stage.PREPARING, done=1, epoch=1, step=7, state=state).share_done == 0.25
    assert run_at(Stage.TRAINING, done=1, epoch=1, step=7, state=state).share_done == 0.25


def test_the_time_left_goes_with_the_bar() -> None:
    """Epochs took 2 s: three are left, whatever the steps of the first one say."""
    assert run_at(Stage.TRAINING, done=1, epoch=1, step=9).seconds_left == pytest.approx(6)
