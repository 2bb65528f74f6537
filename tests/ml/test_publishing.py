"""A run becomes a calibrated model, and a model gets its figures and its card."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from ml import artifacts, checkpoints, modelcard
from ml.calibration import TARGET_ERROR, false_alarms
from ml.contract import ModelSpec
from ml.datasets import LabelledImages
from ml.errors import TrainingError
from ml.inference import Detector
from ml.publishing import export, keep_false_alarms, publish
from ml.training import TrainingData
from tests.ml.conftest import CONFIG


def test_the_spec_tells_how_the_weights_came_to_be(spec: ModelSpec, images: LabelledImages) -> None:
    assert spec.training is not None
    assert spec.training.config == CONFIG
    assert spec.training.data == TrainingData.divide(images, CONFIG).record
    assert len(spec.training.epochs) == CONFIG.epochs
    assert {"python", "tensorflow", "keras"} <= spec.training.versions.keys()


def test_the_weights_with_the_lower_validation_loss_are_taken(
    model_dir: Path, run_dir: Path
) -> None:
    spec, network = artifacts.load_network(model_dir)
    state, arrays = checkpoints.read_required(run_dir)
    last = state.epochs[-1]
    better = "averaged" if last.averaged_loss <= last.validation_loss else "raw"
    assert spec.training is not None
    assert spec.training.weights == better
    expected = arrays["averaged" if better == "averaged" else "model"]
    for stored, array in zip(network.get_weights(), expected, strict=True):
        assert (stored == array).all()


def test_the_band_holds_on_validation(model_dir: Path, images: LabelledImages) -> None:
    detector = Detector.load(model_dir)
    validation = TrainingData.divide(images, CONFIG).validation
    p_fake, _ = detector.predict_arrays(validation.pixels)
    decided = ~detector.spec.calibration.is_inconclusive(p_fake)
    wrong = (p_fake >= 0.5) != (validation.labels == 1)
    assert decided.any()
    assert wrong[decided].mean() <= TARGET_ERROR


def test_a_run_without_a_checkpoint_is_told(images: LabelledImages, tmp_path: Path) -> None:
    data = TrainingData.divide(images, CONFIG)
    with pytest.raises(TrainingError) as caught:
        export(tmp_path, data, tmp_path / "model", name="x", domain="x")
    assert caught.value.code == "no_checkpoint"


def test_false_alarms_are_measured_when_a_model_is_made(
    model_dir: Path, images: LabelledImages
) -> None:
    detector = Detector.load(model_dir)
    validation = TrainingData.divide(images, CONFIG).validation
    p_fake, _ = detector.predict_arrays(validation.pixels[validation.labels == 0])
    table = detector.spec.calibration.false_alarms
    assert table is not None
    assert table.real == 20
    for point in table.points:
        # The table is the network's; its compiled graph is a few digits beside it.
        assert (p_fake >= point.threshold + 1e-4).mean() <= point.share


def test_an_older_model_is_measured_as_it_serves(
    model_dir: Path, images: LabelledImages, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(model_dir, tmp_path / "copy"))
    made = artifacts.read_spec(copy)
    bare = dataclasses.replace(made.calibration, false_alarms=None)
    old = dataclasses.replace(made, calibration=bare)
    artifacts.write_text(copy / "spec.json", old.to_json())
    validation = TrainingData.divide(images, CONFIG).validation
    measured = keep_false_alarms(copy, validation)
    assert artifacts.verify(copy) == measured
    assert dataclasses.replace(measured, calibration=bare) == old
    p_fake, _ = Detector.load(copy).predict_arrays(validation.pixels[validation.labels == 0])
    assert measured.calibration.false_alarms == false_alarms(p_fake)
    assert "| 5.00% | 1 |" in (copy / modelcard.FILE_NAME).read_text()


def test_other_images_than_those_it_was_calibrated_on_are_refused(
    model_dir: Path, images: LabelledImages, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(model_dir, tmp_path / "copy"))
    with pytest.raises(TrainingError) as caught:
        keep_false_alarms(copy, TrainingData.divide(images, CONFIG).train)
    assert caught.value.code == "data_changed"
    assert artifacts.read_spec(copy) == artifacts.read_spec(model_dir)


def test_publishing_writes_figures_and_card(model_dir: Path, archive: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(model_dir, tmp_path / "copy"))
    spec = publish(copy, archive, archive_without_copies(tmp_path))
    artifacts.verify(copy)
    assert artifacts.read_spec(copy) == spec
    assert spec.evaluation is not None
    card = (copy / modelcard.FILE_NAME).read_text()
    for fact in (
        "# blobs",
        spec.weights_sha256,
        f"| accuracy | {spec.evaluation.accuracy:.4f} |",
        "| images | 200 | 200 |",
        "MIT licence",
        "2303.14126",
        "Tiny Images",
        "at chance",
        "--architecture tiny",
        "--validation-images 40",
    ):
        assert fact in card


def archive_without_copies(root: Path) -> Path:
    """Training images of which none is in the test."""
    from tests.ml.conftest import blob

    for label, name in enumerate(("REAL", "FAKE")):
        (root / "other" / name).mkdir(parents=True)
        (root / "other" / name / "1.jpg").write_bytes(blob(label, 9000))
    return root / "other"
