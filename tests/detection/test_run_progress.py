"""What a run's page draws: a bar that never runs back, and the epoch whose weights are kept."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from detection.admin.registry import comparing
from detection.admin.training import watching
from detection.curves import Line, chart
from detection.epochs import kept_epoch, validated
from detection.models import ModelVersion, Stage, TrainingRun, Work
from portal.models import User
from tests import runs, sealed


@pytest.fixture(autouse=True)
def small_is_enough(settings: Settings) -> None:
    settings.TRAINING_MIN_IMAGES = 10


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


# -- the epoch whose weights are kept --------------------------------------------------------------

# The loss in training lies within what validation found: both drawings have one scale.
HISTORY = [
    report(1, train_loss=0.3, validation_loss=0.30, averaged_loss=0.90),
    report(2, train_loss=0.2, validation_loss=0.80, averaged_loss=0.10, averaged_accuracy=0.95),
    report(3, train_loss=0.2, validation_loss=0.20, averaged_loss=0.25, validation_accuracy=0.90),
]


@pytest.mark.parametrize(("keep", "epoch"), [("best", 2), ("last", 3)])
def test_run_and_comparison_draw_one_curve_and_name_the_kept_epoch(
    keep: str, epoch: int, admin: User, model: ModelVersion, tmp_path: Path
) -> None:
    """Of each epoch the weights with the lower loss, raw or averaged, in both places."""
    run = runs.requested(admin)
    run.config["keep"], run.history, run.epochs = keep, HISTORY, 3
    training = {"epochs": HISTORY, "kept_epoch": epoch}
    model.spec = {**model.spec, "training": training}
    loss, accuracy = (one for one in watching.charts(run) if one)
    told = [line for line in loss.lines if line.name == "Validation"]
    other = sealed.version(tmp_path / "other", strength=2.0)
    compared, compared_accuracy = comparing.charts_of(model, other)
    assert told[0].points == compared.lines[0].points
    assert told[0].kept == compared.lines[0].kept
    assert told[0].kept is not None
    assert (told[0].kept.epoch, told[0].kept.value) == (epoch, {2: "0.1", 3: "0.2"}[epoch])
    assert compared_accuracy.lines[0].last == accuracy.lines[-1].last == "90.0 %"


def test_before_an_epoch_is_done_none_is_kept() -> None:
    assert kept_epoch([], "best") is None
    assert [validated(one) for one in HISTORY] == [(0.3, 0.8), (0.1, 0.95), (0.2, 0.9)]


def test_the_log_and_the_page_say_which_epoch_is_kept(admin: User, as_admin: Client) -> None:
    run = runs.carried_out(runs.requested(admin))
    assert run.version is not None
    kept = run.version.spec["training"]["kept_epoch"]
    assert run.events.filter(sentence__startswith=f"The weights of epoch {kept} are kept").exists()
    page = as_admin.get(reverse("admin:detection_trainingrun_change", args=[run.pk])).text
    assert f"kept: epoch {kept} with" in page


# -- axes ------------------------------------------------------------------------------------------


def test_an_axis_of_losses_begins_at_nothing() -> None:
    drawn = chart("Loss", [Line("A", "a", [(1, 81.0), (2, 0.2)])], epochs=2)
    assert drawn is not None
    assert min(float(mark.text) for mark in drawn.up) == 0


def test_an_axis_of_shares_ends_at_all() -> None:
    drawn = chart("Accuracy", [Line("A", "a", [(1, 0.01), (2, 1.0)])], epochs=2, is_share=True)
    assert drawn is not None
    assert [drawn.up[0].text, drawn.up[-1].text] == ["0 %", "100 %"]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_one_share_at_the_edge_has_an_axis(value: float) -> None:
    drawn = chart("Accuracy", [Line("A", "a", [(1, value)])], epochs=1, is_share=True)
    assert drawn is not None
    assert len({mark.place for mark in drawn.up}) == 6
