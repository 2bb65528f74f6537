"""A run learns, can be stopped and resumed as if nothing had been, and keeps no divergence."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ml import checkpoints
from ml.contract import EpochReport, StepReport
from ml.datasets import LabelledImages
from ml.training import FitResult, TrainingData, TrainingError, fit
from tests.ml.conftest import CONFIG


@pytest.fixture(scope="module")
def data(images: LabelledImages) -> TrainingData:
    return TrainingData.divide(images, CONFIG)


def after(calls: int) -> Callable[[], bool]:
    """A `should_stop` that says yes from the given call on."""
    left = iter(range(calls))
    return lambda: next(left, None) is None


def stored(directory: Path) -> tuple[checkpoints.RunState, checkpoints.Arrays]:
    found = checkpoints.read(directory)
    assert found is not None
    return found


def test_it_learns_what_there_is_to_learn(run_dir: Path) -> None:
    epochs = stored(run_dir)[0].epochs
    assert [report.epoch for report in epochs] == [1, 2, 3]
    assert epochs[-1].validation_accuracy > 0.9
    assert epochs[-1].train_loss < epochs[0].train_loss


def test_the_record_tells_both_sides_of_the_split(data: TrainingData) -> None:
    record = data.record
    assert (record.source, record.train_images, record.validation_images) == ("blobs.zip", 160, 40)
    assert record.train_sha256 != record.validation_sha256
    assert set(data.train.hashes).isdisjoint(data.validation.hashes)


def test_a_run_resumed_after_a_stop_equals_one_that_was_not_stopped(
    run_dir: Path, data: TrainingData, tmp_path: Path
) -> None:
    stopped = fit(CONFIG, data, out_dir=tmp_path, should_stop=after(14))  # in the second epoch
    assert (stopped.status, len(stopped.epochs)) == ("stopped", 1)
    resumed = fit(CONFIG, data, out_dir=tmp_path, resume=True)
    assert (resumed.status, len(resumed.epochs)) == ("finished", 3)
    expected, found = stored(run_dir)[1], stored(tmp_path)[1]
    assert found.keys() == {"model", "averaged", "optimiser"}
    for group, arrays in expected.items():
        for before, now in zip(arrays, found[group], strict=True):
            np.testing.assert_allclose(now, before, rtol=1e-4, atol=1e-6)


class TestFineTuning:
    """A second cycle from the averaged weights, which may also be added to a finished run."""

    config = dataclasses.replace(CONFIG, finetune_epochs=2)

    def test_added_later_it_gives_what_it_gives_at_once(
        self, run_dir: Path, data: TrainingData, tmp_path: Path
    ) -> None:
        at_once, later = tmp_path / "at_once", tmp_path / "later"
        assert len(fit(self.config, data, out_dir=at_once).epochs) == 5
        shutil.copytree(run_dir, later)
        fit(self.config, data, out_dir=later, resume=True, should_stop=after(15))
        assert fit(self.config, data, out_dir=later, resume=True).status == "finished"
        for one, other in zip(stored(at_once)[1]["model"], stored(later)[1]["model"], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)

    def test_it_begins_at_the_averaged_weights(
        self, run_dir: Path, data: TrainingData, tmp_path: Path
    ) -> None:
        shutil.copytree(run_dir, tmp_path / "run")
        barely = dataclasses.replace(self.config, finetune_learning_rate=1e-12)
        fit(barely, data, out_dir=tmp_path / "run", resume=True)
        before, now = stored(run_dir)[1], stored(tmp_path / "run")[1]
        np.testing.assert_allclose(now["model"][0], before["averaged"][0], atol=1e-6)
        assert not np.allclose(before["model"][0], before["averaged"][0], atol=1e-4)

    def test_once_begun_it_cannot_be_changed(self, data: TrainingData, tmp_path: Path) -> None:
        fit(self.config, data, out_dir=tmp_path)
        longer = dataclasses.replace(self.config, finetune_epochs=3)
        with pytest.raises(TrainingError, match=r"finetune_epochs=3 \(was 2\)"):
            fit(longer, data, out_dir=tmp_path, resume=True)


def test_a_stop_before_the_first_epoch_ends_stores_nothing(
    data: TrainingData, tmp_path: Path
) -> None:
    assert fit(CONFIG, data, out_dir=tmp_path, should_stop=after(3)) == FitResult("stopped", ())
    assert checkpoints.read(tmp_path) is None


def test_resuming_a_finished_run_does_nothing(run_dir: Path, data: TrainingData) -> None:
    before = (run_dir / checkpoints.FILE_NAME).stat().st_mtime_ns
    assert fit(CONFIG, data, out_dir=run_dir, resume=True).status == "finished"
    assert (run_dir / checkpoints.FILE_NAME).stat().st_mtime_ns == before


def test_a_finished_run_is_not_overwritten_by_mistake(run_dir: Path, data: TrainingData) -> None:
    with pytest.raises(TrainingError) as caught:
        fit(CONFIG, data, out_dir=run_dir)
    assert caught.value.code == "checkpoint_exists"


def test_a_run_is_not_resumed_with_another_configuration(run_dir: Path, data: TrainingData) -> None:
    other = dataclasses.replace(CONFIG, seed=8)
    with pytest.raises(TrainingError, match=r"seed=8 \(was 7\)") as caught:
        fit(other, data, out_dir=run_dir, resume=True)
    assert caught.value.code == "config_changed"


def test_a_run_is_not_resumed_with_other_data(run_dir: Path, images: LabelledImages) -> None:
    fewer = TrainingData.divide(images.take(np.arange(10, 200)), CONFIG)
    with pytest.raises(TrainingError) as caught:
        fit(CONFIG, fewer, out_dir=run_dir, resume=True)
    assert caught.value.code == "data_changed"


def test_a_damaged_checkpoint_is_told(data: TrainingData, tmp_path: Path) -> None:
    (tmp_path / checkpoints.FILE_NAME).write_bytes(b"PK but not really")
    with pytest.raises(TrainingError) as caught:
        fit(CONFIG, data, out_dir=tmp_path, resume=True)
    assert caught.value.code == "damaged_checkpoint"


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_good_epoch(
    run_dir: Path, data: TrainingData, tmp_path: Path
) -> None:
    state, arrays = stored(run_dir)
    first = dataclasses.replace(state, epochs=state.epochs[:1])
    arrays["model"] = [np.full_like(array, np.nan) for array in arrays["model"]]
    checkpoints.write(tmp_path, first, arrays)
    before = (tmp_path / checkpoints.FILE_NAME).read_bytes()
    result = fit(CONFIG, data, out_dir=tmp_path, resume=True)
    assert (result.status, len(result.epochs)) == ("diverged", 1)
    assert (tmp_path / checkpoints.FILE_NAME).read_bytes() == before


def test_each_epoch_is_told(data: TrainingData, tmp_path: Path) -> None:
    told: list[EpochReport | StepReport] = []
    config = dataclasses.replace(CONFIG, epochs=2, warmup_epochs=0.5)
    result = fit(config, data, out_dir=tmp_path, progress=told.append)
    epochs = [report for report in told if isinstance(report, EpochReport)]
    assert tuple(epochs) == result.epochs
    assert [(report.epoch, report.epochs) for report in epochs] == [(1, 2), (2, 2)]


def test_steps_are_told_in_between(data: TrainingData, tmp_path: Path) -> None:
    told: list[EpochReport | StepReport] = []
    config = dataclasses.replace(CONFIG, epochs=1, warmup_epochs=0.0)
    fit(config, data, out_dir=tmp_path, progress=told.append, report_every=0.0)
    steps = [report for report in told if isinstance(report, StepReport)]
    assert [(report.step, report.steps) for report in steps] == [(i, 10) for i in range(1, 11)]
    assert all(report.images_per_second > 0 for report in steps)


def test_fewer_images_than_a_batch_are_refused(data: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="do not fill a batch of 161") as caught:
        fit(dataclasses.replace(CONFIG, batch_size=161), data, out_dir=tmp_path)
    assert caught.value.code == "too_few_images"
