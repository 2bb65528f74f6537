"""Trains: from the items of a snapshot to a stored, calibrated model, as a run of the portal."""

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from detection.ml_gateway.common import GatewayError, settle_threads, translated

if TYPE_CHECKING:
    from ml.training import TrainingData

REPORT_EVERY_SECONDS = 1.0
Ending = Literal["finished", "stopped", "diverged"]


@dataclass(frozen=True, slots=True)
class TrainingItem:
    """One line of a snapshot: `label` is "real" or "fake"; `read` returns the file's bytes."""

    name: str
    label: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Base:
    """The stored version that a run goes on from, and what people call it."""

    directory: Path
    spec: dict[str, Any]
    label: str


@dataclass(frozen=True, slots=True)
class RunData:
    """Both sides of a snapshot in memory, as the science holds them."""

    held: "TrainingData"

    @property
    def train_images(self) -> int:
        """How many images an epoch goes through."""
        return len(self.held.train)

    @property
    def unreadable_images(self) -> int:
        """How many images were left out, as they cannot be read."""
        return self.held.record.unreadable_images


@dataclass(frozen=True, slots=True)
class StepDone:
    """Where a running epoch stands."""

    epoch: int
    step: int
    steps: int
    loss: float
    images_per_second: float


@dataclass(frozen=True, slots=True)
class EpochDone:
    """An epoch that has ended; `report` is an `ml.contract.EpochReport` as JSON values."""

    epoch: int
    report: dict[str, Any]


def architectures_offered() -> tuple[str, ...]:
    """Return the architectures that a run may start from scratch."""
    from ml import architectures

    return tuple(name for name in architectures.names() if name != "inception_resnet_v1")


def run_config(
    architecture: str, base: Base | None, chosen: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the whole configuration of a run as JSON values; without TensorFlow.

    Args:
        architecture: Its name.
        base: The version to go on from, of the same architecture.
        chosen: What a person decided; the rest has its default.

    Raises:
        GatewayError: When the architecture is unknown or a value is not allowed.
    """
    from ml import retraining

    with translated():
        spec, folder = (_spec(base), str(base.directory)) if base else (None, "")
        config = retraining.config_of(architecture, spec, chosen or {}, folder)
    plain: dict[str, Any] = json.loads(config.to_json())
    return plain


def offered_fields() -> tuple[str, ...]:
    """Return the fields of a configuration that a person decides."""
    from ml import retraining

    return retraining.OFFERED


def training_data(
    train: Sequence[TrainingItem],
    validation: Sequence[TrainingItem],
    config: dict[str, Any],
    base: Base | None,
    *,
    source: str,
    new: AbstractSet[str] | None,
    threads: int,
    progress: Callable[[int, int], None],
) -> RunData:
    """Read the two sides of a snapshot into memory; the first thing a run does.

    Args:
        train: To learn from.
        validation: To choose and calibrate by.
        config: From `run_config`.
        base: As there.
        source: What the record calls the data.
        new: sha256 of the images that count as new, where the configuration has a share of them.
        threads: Cores that the network gets.
        progress: Called with images done and images in all.

    Raises:
        GatewayError: When images are too few, of one class, or cannot be read; `out_of_memory`.
    """
    from ml import retraining

    with _trouble():
        settle_threads(threads)
        form = retraining.form_of(_config(config), _spec(base) if base else None)
        held = retraining.prepare(
            _items(train), _items(validation), form, source=source, new=new, progress=progress
        )
    return RunData(held)


def train_run(
    data: RunData,
    config: dict[str, Any],
    folder: Path,
    *,
    progress: Callable[[StepDone | EpochDone], None],
    should_stop: Callable[[], bool],
) -> Ending:
    """Train, going on after the last checkpoint in `folder`, if there is one.

    Args:
        data: From `training_data`.
        config: From `run_config`.
        folder: Where the checkpoint lies.
        progress: Told of each epoch, and about every second of a step.
        should_stop: Asked before each step.

    Raises:
        GatewayError: With the code of `ml`, or `out_of_memory`.
    """
    from ml.contract import EpochReport, StepReport
    from ml.training import fit

    def tell(report: EpochReport | StepReport) -> None:
        if isinstance(report, EpochReport):
            progress(EpochDone(report.epoch, dataclasses.asdict(report)))
        else:
            told = report.epoch, report.step, report.steps, report.loss, report.images_per_second
            progress(StepDone(*told))

    with _trouble():
        result = fit(
            _config(config),
            data.held,
            out_dir=folder,
            resume=True,
            progress=tell,
            should_stop=should_stop,
            report_every=REPORT_EVERY_SECONDS,
        )
    return result.status


def epochs_done(folder: Path) -> list[dict[str, Any]]:
    """Return the reports of the epochs that the checkpoint in `folder` holds, oldest first.

    Raises:
        GatewayError: When the checkpoint is damaged or newer than this version.
    """
    from ml import checkpoints

    with translated():
        stored = checkpoints.read(folder)
    return [dataclasses.asdict(report) for report in stored[0].epochs] if stored else []


def export_run(data: RunData, folder: Path, out_dir: Path, *, name: str, base: Base | None) -> None:
    """Store the model of a trained run in `out_dir`: calibrated, compiled, with its spec.

    Raises:
        GatewayError: With the code of `ml`, `out_of_memory` or `files_not_written`.
    """
    from ml import retraining

    origin = retraining.Origin(base.directory, _spec(base), base.label) if base else None
    with _trouble():
        try:
            retraining.export(folder, data.held, out_dir, name=name, origin=origin)
        except OSError as error:
            raise GatewayError(
                "files_not_written",
                "The model could not be written to disk, and nothing of it was kept: "
                f"{error.strerror or error}.",
            ) from error


def steps_measured(
    architecture: str, base: Base | None, batch_size: int, *, steps: int, threads: int
) -> float:
    """Return how many images a second training goes through here, measured on a few steps.

    Raises:
        GatewayError: With the code of `ml`, or `out_of_memory`.
    """
    from ml import retraining

    with _trouble():
        from ml.training.speed import images_per_second

        settle_threads(threads)
        config = _config(run_config(architecture, base, {"batch_size": batch_size}))
        form = retraining.form_of(config, _spec(base) if base else None)
        return images_per_second(config, (form.width, form.height), steps=steps)


def training_device() -> str:
    """Name what training computes on; TensorFlow must be loaded."""
    from ml.training import device

    return device.name()


@contextmanager
def _trouble() -> Iterator[None]:
    """As `translated`, with TensorFlow loaded, and tell when memory did not suffice."""
    from ml.memory import memory_told
    from ml.quiet import import_tensorflow

    import_tensorflow()
    with translated(), memory_told():
        yield


def _items(items: Sequence[TrainingItem]) -> list[Any]:
    from ml.datasets import LabelledItem

    return [LabelledItem(item.name, item.label, item.read) for item in items]


def _config(config: dict[str, Any]) -> Any:
    from ml.contract import TrainingConfig

    return TrainingConfig.from_json(json.dumps(config))


def _spec(base: Base) -> Any:
    from ml.contract import ModelSpec

    return ModelSpec.from_json(json.dumps(base.spec))
