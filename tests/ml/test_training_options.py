"""Every way to train that can be chosen: it learns, repeats itself and survives an interruption."""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml import architectures, artifacts, checkpoints
from ml.contract import EpochReport, TrainingConfig
from ml.datasets import LabelledImages
from ml.errors import ArtifactError, TrainingError
from ml.publishing import export
from ml.training import FitResult, TrainingData, fit
from tests.ml.conftest import CONFIG
from tests.ml.test_training import after, stored

# Everything that holds a state or draws at random, at once.
ALL = dataclasses.replace(
    CONFIG,
    architecture="dropout",
    epochs=2,
    warmup_epochs=0.5,
    finetune_epochs=1,
    optimiser="muon",
    peak_learning_rate=0.01,
    weight_decay=0.01,
    erase_size=2,
    cutmix=0.5,
    finetune_cutmix=0.5,
    degradation=0.5,
    rotation=10.0,
    zoom=0.1,
    subject_weight=0.5,
    keep="best",
)


@pytest.fixture(scope="module", autouse=True)
def dropout() -> Iterator[None]:
    """An architecture of the tests' own in the registry."""
    entry = dataclasses.replace(
        architectures.find("tiny"), name="dropout", module="tests.ml.dropout_network"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(architectures._REGISTRY, "dropout", entry)
        yield


@pytest.fixture(scope="module")
def data(images: LabelledImages) -> TrainingData:
    """The blobs under names such as CIFAKE's."""
    names = tuple(
        f"{index:04} ({index % 10 + 1}).jpg" if index % 10 else f"{index:04}.jpg"
        for index in range(len(images))
    )
    return TrainingData.divide(dataclasses.replace(images, names=names), CONFIG)


@pytest.fixture(scope="module")
def whole(data: TrainingData, tmp_path_factory: pytest.TempPathFactory, dropout: None) -> Path:
    """A run with every option that nothing interrupted."""
    path = tmp_path_factory.mktemp("whole")
    assert fit(ALL, data, out_dir=path).status == "finished"
    return path


def trained(data: TrainingData, out_dir: Path, **changes: Any) -> FitResult:
    return fit(dataclasses.replace(CONFIG, **changes), data, out_dir=out_dir)


def report(epoch: int, raw: float, averaged: float) -> EpochReport:
    return EpochReport(epoch, 9, 0.5, raw, 0.5, averaged, 0.5, 1.0)


@pytest.mark.parametrize(
    ("optimiser", "rate"),
    [("adamw", 0.05), ("adam", 0.05), ("sgd", 0.5), ("rmsprop", 0.05), ("muon", 0.05)],
)
def test_each_optimiser_learns(
    data: TrainingData, tmp_path: Path, optimiser: str, rate: float
) -> None:
    result = trained(data, tmp_path, optimiser=optimiser, peak_learning_rate=rate)
    assert result.epochs[-1].validation_accuracy > 0.85


def test_the_accuracy_in_training_is_told(data: TrainingData, tmp_path: Path) -> None:
    accuracies = [one.train_accuracy for one in trained(data, tmp_path).epochs]
    assert all(accuracy is not None and 0.3 < accuracy <= 1.0 for accuracy in accuracies)
    assert accuracies[-1] is not None
    assert accuracies[-1] > 0.85


def test_a_constant_schedule_keeps_its_rate_and_the_cosine_ends_at_a_thousandth() -> None:
    from ml.training.optimisers import optimiser

    def rates(schedule: str) -> list[float]:
        config = TrainingConfig.from_json(f'{{"schedule": "{schedule}"}}')
        rate = optimiser(config, 0.1, 100, 10)._learning_rate
        return [float(rate(step)) for step in (0, 5, 10, 100)]

    np.testing.assert_allclose(rates("constant"), [0.0, 0.05, 0.1, 0.1], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(rates("cosine"), [0.0, 0.05, 0.1, 1e-4], rtol=1e-4, atol=1e-7)


class TestResuming:
    """With every option at once, whatever the moment, an interruption leaves no trace."""

    @pytest.mark.parametrize("steps", [13, 27])  # in the second epoch, in the fine-tuning
    def test_a_resumed_run_equals_one_that_was_not_stopped(
        self, whole: Path, data: TrainingData, tmp_path: Path, steps: int
    ) -> None:
        assert fit(ALL, data, out_dir=tmp_path, should_stop=after(steps)).status == "stopped"
        assert fit(ALL, data, out_dir=tmp_path, resume=True).status == "finished"
        expected, found = stored(whole)[1], stored(tmp_path)[1]
        assert found.keys() == {"model", "averaged", "optimiser", "subject", "best"}
        for group, arrays in expected.items():
            for before, now in zip(arrays, found[group], strict=True):
                np.testing.assert_allclose(now, before, rtol=1e-4, atol=1e-6)

    def test_the_subjects_leave_no_trace_in_the_network(self, whole: Path) -> None:
        network = architectures.build("dropout", {}, input_size=(8, 8))
        assert [weight.shape for weight in network.weights] == [
            array.shape for array in stored(whole)[1]["model"]
        ]


class TestTheBestEpoch:
    """`keep` decides what is handed on, `patience` when there is no use in going on."""

    def test_it_is_the_first_with_the_lowest_loss_of_either_kind(self) -> None:
        epochs = [report(1, 0.5, 0.4), report(2, 0.3, 0.6), report(3, 0.7, 0.3)]
        best = checkpoints.best(epochs)
        assert (best.epoch, best.better) == (2, "raw")

    def test_its_weights_are_exported_although_worse_ones_followed(
        self, data: TrainingData, tmp_path: Path
    ) -> None:
        run, model = tmp_path / "run", tmp_path / "model"
        # So fast at the end that what was learned is lost again.
        trained(
            data, run, keep="best", epochs=2, warmup_epochs=0.0, finetune_epochs=1,
            finetune_learning_rate=50.0, ema_momentum=0.0,
        )  # fmt: skip
        state, arrays = stored(run)
        best = checkpoints.best(state.epochs)
        assert best.epoch <= 2
        spec = export(run, data, model, name="best", domain="Blobs.")
        assert spec.training is not None
        assert spec.training.kept_epoch == best.epoch
        assert spec.training.kept == best
        _, network = artifacts.load_network(model)
        for stored_weight, array in zip(network.get_weights(), arrays["best"], strict=True):
            np.testing.assert_array_equal(stored_weight, array)
        assert not np.array_equal(arrays["best"][0], arrays["model"][0])

    def test_patience_ends_a_run_that_no_longer_gains(
        self, data: TrainingData, tmp_path: Path
    ) -> None:
        # What is right in training is wrong here, so each epoch is worse than the one before.
        wrong = dataclasses.replace(data.validation, labels=1 - data.validation.labels)
        data = dataclasses.replace(data, validation=wrong)
        result = trained(data, tmp_path, epochs=9, patience=2)
        assert result.status == "finished"
        assert [one.epoch for one in result.epochs] == [1, 2, 3]
        again = fit(stored(tmp_path)[0].config, data, out_dir=tmp_path, resume=True)
        assert again == result


class TestInitialWeights:
    """A run may begin with the weights of a stored model of the same shape."""

    def test_they_are_where_the_run_begins(
        self, model_dir: Path, data: TrainingData, tmp_path: Path
    ) -> None:
        result = trained(
            data, tmp_path, initial_weights=str(model_dir), peak_learning_rate=1e-12, epochs=1,
            warmup_epochs=0.0,
        )  # fmt: skip
        assert result.epochs[0].averaged_accuracy > 0.9
        _, network = artifacts.load_network(model_dir)
        kernel = stored(tmp_path)[1]["averaged"][0]
        np.testing.assert_allclose(kernel, network.get_weights()[0], atol=1e-6)

    def test_a_resumed_run_does_without_them(
        self, model_dir: Path, data: TrainingData, tmp_path: Path
    ) -> None:
        initial = Path(shutil.copytree(model_dir, tmp_path / "initial"))
        config = dataclasses.replace(CONFIG, epochs=2, initial_weights=str(initial))
        assert fit(config, data, out_dir=tmp_path / "run", should_stop=after(12)).epochs
        shutil.rmtree(initial)
        assert fit(config, data, out_dir=tmp_path / "run", resume=True).status == "finished"

    @pytest.mark.parametrize("options", [{"width": 8}, {"width": 2}])
    def test_those_of_another_shape_are_refused(
        self, model_dir: Path, data: TrainingData, tmp_path: Path, options: dict[str, int]
    ) -> None:
        with pytest.raises(TrainingError, match="Received: 'tiny'") as caught:
            trained(data, tmp_path, initial_weights=str(model_dir), architecture_options=options)
        assert caught.value.code == "initial_weights_mismatch"

    def test_those_of_another_architecture_are_refused(
        self, model_dir: Path, data: TrainingData, tmp_path: Path
    ) -> None:
        with pytest.raises(TrainingError) as caught:
            trained(data, tmp_path, initial_weights=str(model_dir), architecture="dropout")
        assert caught.value.code == "initial_weights_mismatch"

    def test_those_that_are_not_there_are_refused(self, data: TrainingData, tmp_path: Path) -> None:
        with pytest.raises(ArtifactError) as caught:
            trained(data, tmp_path / "run", initial_weights=str(tmp_path / "none"))
        assert caught.value.code == "missing_spec"


class TestMuon:
    """Kernels are moved by orthogonal matrices, everything else as by AdamW."""

    def moved(self, shape: tuple[int, ...], gradient: np.ndarray) -> np.ndarray:
        """Return by how much one step moves a variable of zeros."""
        import keras

        from ml.training.optimisers import optimiser

        config = TrainingConfig(optimiser="muon", schedule="constant", weight_decay=0.0)
        variable = keras.Variable(np.zeros(shape, np.float32))
        made = optimiser(config, 0.002, 10, 0)
        made.build([variable])
        made.apply_gradients([(gradient.astype(np.float32), variable)])
        return np.asarray(variable)

    def gradient(self, *shape: int) -> np.ndarray:
        return np.random.default_rng(3).normal(size=shape)

    def test_a_kernel_moves_by_an_orthogonal_matrix_over_window_and_input(self) -> None:
        moved = self.moved((3, 3, 16, 32), self.gradient(3, 3, 16, 32)).reshape(144, 32)
        singular = np.linalg.svd(moved, compute_uv=False)
        scale = 0.02 * 0.2 * np.sqrt(144)
        assert (singular > 0.6 * scale).all()
        assert (singular < 1.3 * scale).all()

    def test_a_step_has_the_size_of_ten_of_adamw(self) -> None:
        moved = self.moved((3, 3, 64, 64), self.gradient(3, 3, 64, 64))
        assert 0.1 * 0.02 < np.sqrt(np.mean(moved**2)) < 0.3 * 0.02

    def test_it_does_not_matter_how_large_gradients_are(self) -> None:
        gradient = self.gradient(3, 3, 16, 16)
        small, large = (self.moved((3, 3, 16, 16), factor * gradient) for factor in (1e-3, 1e3))
        np.testing.assert_allclose(small, large, rtol=1e-3, atol=1e-7)

    @pytest.mark.parametrize("shape", [(3, 3, 3, 32), (64, 1), (32,), (3, 3, 64, 1)])
    def test_stems_heads_biases_and_depthwise_kernels_move_as_by_adamw(
        self, shape: tuple[int, ...]
    ) -> None:
        gradient = self.gradient(*shape)
        np.testing.assert_allclose(
            self.moved(shape, gradient), -0.002 * np.sign(gradient), rtol=1e-3
        )

    def test_keras_own_would_have_left_kernels_to_adamw(self) -> None:
        import keras

        from ml.training.optimisers import KernelMuon

        kernel = keras.Variable(np.zeros((3, 3, 16, 32), np.float32))
        assert keras.optimizers.Muon()._should_use_adamw(kernel)
        assert not KernelMuon()._should_use_adamw(kernel)
