"""A run goes on from a stored model and keeps what it is, or starts fresh under a recipe."""

import dataclasses
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ml import artifacts, retraining
from ml.contract import ContractError, ModelSpec, TrainingConfig
from ml.datasets import LabelledItem
from ml.errors import MlError
from ml.inference import Detector
from ml.memory import memory_told
from ml.retraining import Origin
from ml.training import TrainingData, fit
from ml.training.speed import images_per_second
from tests.ml.conftest import blob

QUICK = {"epochs": 1, "batch_size": 16, "peak_learning_rate": 1e-3, "precision": "float32"}


def items(first: int, count: int) -> list[LabelledItem]:
    return [
        LabelledItem(f"{seed}.jpg", ("real", "fake")[seed % 2], partial(blob, seed % 2, seed))
        for seed in range(first, first + count)
    ]


def tuned(spec: ModelSpec, model_dir: Path) -> tuple[TrainingConfig, TrainingData]:
    config = retraining.config_of("tiny", spec, QUICK, str(model_dir))
    form = retraining.form_of(config, spec)
    return config, retraining.prepare(items(500, 64), items(600, 20), form, source="Snapshot 1")


def test_a_tuned_model_stays_what_it_was(spec: ModelSpec, model_dir: Path, tmp_path: Path) -> None:
    config, data = tuned(spec, model_dir)
    assert config.initial_weights == str(model_dir)
    assert (config.optimiser, config.keep, config.subject_weight) == ("adamw", "best", 0.0)
    assert config.warmup_epochs < config.epochs
    assert fit(config, data, out_dir=tmp_path / "run").status == "finished"
    origin = Origin(model_dir, spec, "blobs 1")
    made = retraining.export(
        tmp_path / "run", data, tmp_path / "model", name="blobs", origin=origin
    )
    for field in ("name", "architecture", "architecture_options", "preprocessing", "domain"):
        assert getattr(made, field) == getattr(spec, field), field
    assert (made.track, made.flip_averaging) == (spec.track, spec.flip_averaging)
    assert made.weights_sha256 != spec.weights_sha256
    assert made.training is not None
    assert made.training.config.initial_weights == "blobs 1"
    assert made.training.data.source == "Snapshot 1"
    stored = artifacts.verify(tmp_path / "model")
    assert stored.graph_sha256
    before, after = (
        Detector.load(folder).predict_arrays(data.validation.pixels)[1]
        for folder in (model_dir, tmp_path / "model")
    )
    # Moved a little, from where it was: not begun anew.
    assert np.corrcoef(before, after)[0, 1] > 0.99
    assert not np.array_equal(before, after)


def test_a_graph_of_eight_bits_stays_one(spec: ModelSpec, model_dir: Path, tmp_path: Path) -> None:
    config, data = tuned(spec, model_dir)
    fit(config, data, out_dir=tmp_path / "run")
    rounded = dataclasses.replace(spec, graph_precision="int8")
    origin = Origin(model_dir, rounded, "blobs 1")
    made = retraining.export(
        tmp_path / "run", data, tmp_path / "model", name="blobs", origin=origin
    )
    assert made.graph_precision == "int8"


def test_a_fresh_model_takes_thumbnails_as_they_are(tmp_path: Path) -> None:
    config = retraining.config_of("tiny", None, QUICK)
    form = retraining.form_of(config, None)
    assert (form.width, form.height) == (32, 32)
    data = retraining.prepare(items(0, 32), items(100, 10), form, source="Snapshot 1")
    fit(config, data, out_dir=tmp_path / "run")
    made = retraining.export(tmp_path / "run", data, tmp_path / "model", name="own", origin=None)
    assert made.in_domain(32, 32)
    assert made.track == "thumbnail"


def test_the_recipe_gives_what_nobody_chose() -> None:
    config = retraining.config_of("residual", None, {"epochs": 5})
    assert (config.epochs, config.optimiser, config.batch_size) == (5, "muon", 128)
    assert config.architecture_options["widths"] == (96, 192)
    assert config.subject_weight == 0.0


@pytest.mark.parametrize(
    ("architecture", "chosen"),
    [("nothing", {}), ("tiny", {"epochs": 0}), ("tiny", {"epochs": "x"})],
)
def test_what_is_not_allowed_is_told(architecture: str, chosen: dict[str, object]) -> None:
    with pytest.raises(ContractError):
        retraining.config_of(architecture, None, chosen)


def test_both_sides_need_both_classes() -> None:
    form = retraining.form_of(retraining.config_of("tiny", None, {}), None)
    with pytest.raises(MlError) as caught:
        retraining.prepare(items(0, 32), items(100, 10)[::2], form, source="Snapshot 1")
    assert caught.value.code == "one_class_only"
    assert "validation" in caught.value.sentence


def test_the_speed_is_measured() -> None:
    config = retraining.config_of("tiny", None, {"batch_size": 8})
    assert images_per_second(config, (8, 8), steps=3) > 0


@pytest.mark.parametrize("kind", ["python", "tensorflow"])
def test_a_lack_of_memory_is_told(kind: str) -> None:
    import tensorflow as tf

    lack = MemoryError() if kind == "python" else tf.errors.ResourceExhaustedError(None, None, "")
    with pytest.raises(MlError) as caught, memory_told():
        raise lack
    assert caught.value.code == "out_of_memory"
