"""From a training run's checkpoint to a calibrated model that can be shipped and vouched for."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ml import (
    architectures,
    artifacts,
    calibration,
    checkpoints,
    compiling,
    datasets,
    degradation,
    modelcard,
    splits,
)
from ml.checkpoints import Kept, RunState
from ml.compiling import Precision
from ml.contract import (
    Calibration,
    Domain,
    EvaluationRecord,
    ExplanationFigures,
    ModelSpec,
    Preprocessing,
    Track,
    TrainingRecord,
)
from ml.datasets import LabelledImages
from ml.errors import ArtifactError, TrainingError
from ml.evaluation import evaluate
from ml.inference import Detector
from ml.training import TrainingData
from ml.versions import versions

if TYPE_CHECKING:
    import keras

__all__ = ["export", "keep_explanation", "keep_false_alarms", "publish", "published_record"]

Progress = Callable[[int, int], None]


def export(
    run_dir: Path,
    data: TrainingData,
    out_dir: Path,
    *,
    name: str,
    domain: Domain | str,
    track: Track = "thumbnail",
    flip_averaging: bool | None = None,
    form: Preprocessing | None = None,
    origin: str = "",
    graph_precision: Precision = "float32",
) -> ModelSpec:
    """Store the model of a run's last or best epoch, calibrated on its validation images.

    The run's `keep` decides which epoch; raw or averaged weights, and averaging over the mirror
    image, are chosen by the lower validation loss. Only the checkpoint is read, so the run may be
    going on meanwhile.

    Args:
        run_dir: `out_dir` of `ml.training.fit`.
        data: The run's data, divided as it was for training.
        out_dir: The model's folder, replaced if it exists.
        name: The model's name.
        domain: The images that the model was validated for; a mere sentence is about images of
            the network's own size.
        track: Which kind of image the portal asks it about.
        flip_averaging: Set to decide it, rather than by the validation loss.
        form: How the data was prepared, where that is not the architecture's own way.
        origin: What the record calls the weights that the run began with, instead of their folder.
        graph_precision: Of the compiled graph, where there is one.

    Raises:
        TrainingError: `no_checkpoint`, `damaged_checkpoint` or `data_changed`.
        ArtifactError: As `ml.compiling.compile_network`.
    """
    state, arrays = checkpoints.read_required(run_dir)
    if state.data != data.record:
        raise TrainingError(
            "data_changed",
            "The data must be what the run was trained on, with the same --data, --validation and "
            "--limit. Received: "
            f"{data.record.train_images} images with sha256 {data.record.train_sha256} (was "
            f"{state.data.train_sha256}).",
        )
    kept = checkpoints.kept(state, arrays)
    height, width = data.validation.pixels.shape[1:3]
    entry = architectures.find(state.config.architecture)
    spec = ModelSpec(
        name=name,
        architecture=state.config.architecture,
        architecture_options=architectures.structure(
            state.config.architecture, state.config.architecture_options
        ),
        preprocessing=dataclasses.replace(form or entry.form, width=width, height=height),
        gradcam_layer=entry.gradcam_layer,
        domain=Domain(width, height, domain) if isinstance(domain, str) else domain,
        track=track,
        calibration=Calibration(),
        weights_sha256="",
        training=_training_record(state, kept, origin),
        graph_precision=graph_precision,
    )
    network = _network(spec, kept)
    views = (True, False) if flip_averaging is None else (flip_averaging,)
    fitted = calibrate(spec, network, data.validation, views)
    graph = compiling.compile_network(spec, network) if compiling.can_compile(spec) else None
    return artifacts.save(out_dir, fitted, network.save_weights, graph=graph)


def calibrate(
    spec: ModelSpec,
    network: "keras.Model",
    validation: LabelledImages,
    views: Sequence[bool] = (True, False),
) -> ModelSpec:
    """Return the spec with temperature and band fitted on validation images.

    Of the `views`, whether answers are averaged over the mirror image, the better one is taken.
    """
    candidates = []
    for flip_averaging in views:
        candidate = dataclasses.replace(spec, flip_averaging=flip_averaging)
        _, logits = Detector.of(candidate, network).predict_arrays(validation.pixels)
        fitted = calibration.fit(logits, validation.labels)
        loss = calibration.log_loss(logits / fitted.temperature, validation.labels)
        candidates.append((loss, dataclasses.replace(candidate, calibration=fitted)))
    return min(candidates, key=lambda pair: pair[0])[1]


def keep_false_alarms(model_dir: Path, validation: LabelledImages) -> ModelSpec:
    """Measure false alarms on validation images as the model serves, into its spec and card.

    For models from before these were measured, and where another graph was compiled since. The
    weights, and all that was calibrated, stay what they are.

    Args:
        model_dir: The stored model.
        validation: The images that it was calibrated on.

    Raises:
        TrainingError: `data_changed` when they are others, as far as the spec tells.
        ArtifactError: As `ml.inference.Detector.load`.
    """
    detector = Detector.load(model_dir)
    spec = detector.spec
    found = datasets.content_sha256(validation.hashes)
    if spec.training and found != spec.training.data.validation_sha256:
        raise TrainingError(
            "data_changed",
            "The images must be those that the model was calibrated on, with the same --data and "
            f"--validation. Received: {len(validation):,} with sha256 {found} (was "
            f"{spec.training.data.validation_sha256}).",
        )
    p_fake, _ = detector.predict_arrays(validation.pixels)
    table = calibration.false_alarms(p_fake[validation.labels == 0])
    fitted = dataclasses.replace(spec.calibration, false_alarms=table)
    measured = dataclasses.replace(spec, calibration=fitted)
    _write(model_dir, measured)
    return measured


def publish(
    model_dir: Path,
    test_path: Path,
    train_path: Path,
    *,
    tolerated_copies: float = 0.0,
    progress: Progress | None = None,
) -> ModelSpec:
    """Evaluate a stored model on the sealed test images and write figures and card.

    Args:
        model_dir: From `export`; its spec gets the evaluation, and MODEL_CARD.md is written.
        test_path: Folder or zip of test images.
        train_path: Folder or zip of the training images, to know copies of them in the test.
        tolerated_copies: Share of the test images that may be such; the figures without them are
            told as well.
        progress: Called with (done, all) now and then.

    Raises:
        ArtifactError: As `ml.artifacts.load_network` and `ml.compiling.compile_network`.
        DatasetError: As `ml.datasets.load`, and `test_overlaps_training`.
    """
    seen = frozenset(datasets.hashes(train_path))
    splits.check_apart(seen, tuple(datasets.hashes(test_path)), tolerated=tolerated_copies)
    spec = artifacts.verify(model_dir)
    if not spec.graph_sha256 and compiling.can_compile(spec):
        compiling.compile_stored(model_dir)
    detector = Detector.load(model_dir)
    record = evaluate(
        detector,
        test_path,
        tiers=degradation.TIERS,
        split="test",
        training_hashes=seen,
        progress=progress,
    )
    spec = dataclasses.replace(detector.spec, evaluation=_explained(record, detector.spec))
    _write(model_dir, spec)
    return spec


def published_record(spec: ModelSpec) -> EvaluationRecord:
    """Return the evaluation to which further figures of a model belong.

    Raises:
        ArtifactError: `not_published` when there is none yet.
    """
    if spec.evaluation is None:
        raise ArtifactError(
            "not_published",
            f"The figures belong to an evaluation: publish the model first. Received: {spec.name}, "
            "which has none.",
        )
    return spec.evaluation


def keep_explanation(model_dir: Path, figures: ExplanationFigures) -> ModelSpec:
    """Write what was found about a published model's heatmaps into its spec and card.

    Methods that were checked before, on the same images and by the same seed, stay.

    Raises:
        ArtifactError: `not_published` when it has no evaluation yet, or as `ml.artifacts.verify`.
    """
    spec = artifacts.verify(model_dir)
    published = published_record(spec)
    before = published.explanation
    if before and before.is_like(figures):
        figures = dataclasses.replace(figures, methods=before.methods | figures.methods)
    record = dataclasses.replace(published, explanation=figures)
    explained = dataclasses.replace(spec, evaluation=record)
    _write(model_dir, explained)
    return explained


def _write(model_dir: Path, spec: ModelSpec) -> None:
    artifacts.write_text(model_dir / artifacts.SPEC_FILE, spec.to_json())
    artifacts.write_text(
        model_dir / modelcard.FILE_NAME, modelcard.render(spec, modelcard.about(spec))
    )


def _explained(record: EvaluationRecord, spec: ModelSpec) -> EvaluationRecord:
    """Return the record with what was found about the heatmaps of the same weights before."""
    before = spec.evaluation
    if before is None or before.weights_sha256 != record.weights_sha256:
        return record
    return dataclasses.replace(record, explanation=before.explanation)


def _network(spec: ModelSpec, kept: Kept) -> "keras.Model":
    network = architectures.build(
        spec.architecture, spec.architecture_options, input_size=spec.input_size
    )
    network.set_weights(kept.arrays)
    return network


def _training_record(state: RunState, kept: Kept, origin: str) -> TrainingRecord:
    config, epoch = state.config, kept.report.epoch
    if origin:
        config = dataclasses.replace(config, initial_weights=origin)
    return TrainingRecord(
        config, state.data, versions(), state.epochs, kept.weights, kept_epoch=epoch
    )
