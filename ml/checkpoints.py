"""The state of an unfinished training run in one file that is either whole or absent."""

import dataclasses
import json
import os
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from ml import jsonform
from ml.contract import DataRecord, EpochReport, TrainingConfig
from ml.errors import ContractError, TrainingError

Array = npt.NDArray[Any]
Arrays = dict[str, list[Array]]
Weights = Literal["raw", "averaged"]
FILE_NAME = "checkpoint.npz"
FORMAT_VERSION = 1
GROUPS: dict[Weights, str] = {"raw": "model", "averaged": "averaged"}
# What may still be decided while the first cycle runs.
FINETUNING = ("finetune_epochs", "finetune_learning_rate", "finetune_cutmix")


@dataclass(frozen=True, slots=True)
class RunState:
    """What a run is and how far it has come; the random state follows from seed and epoch."""

    config: TrainingConfig
    data: DataRecord
    epochs: tuple[EpochReport, ...] = ()
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """The weights that a run hands on, and the epoch that they are of."""

    report: EpochReport
    weights: Weights
    arrays: list[Array]


def make_folder(directory: Path) -> None:
    """Make the run's folder before hours are spent on what could not be stored there.

    Raises:
        TrainingError: `checkpoint_not_written`.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return
    except OSError as error:
        raise _not_written(directory, error) from error


def write(directory: Path, state: RunState, arrays: Arrays) -> None:
    """Store groups of arrays (`model`, `averaged`, `optimiser`, ...) with the state, atomically.

    Raises:
        TrainingError: `checkpoint_not_written`; what was stored before is still there, whole.
    """
    flat = {
        f"{group}/{index:04d}": np.asarray(value)
        for group, values in arrays.items()
        for index, value in enumerate(values)
    }
    flat["state"] = np.frombuffer(jsonform.dump(state).encode(), np.uint8)
    temporary = directory / f".{FILE_NAME}.{os.getpid()}"
    try:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **flat)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(directory / FILE_NAME)
    except OSError as error:
        raise _not_written(directory, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def read(directory: Path) -> tuple[RunState, Arrays] | None:
    """Return the stored state and arrays, or `None` where no epoch has been stored yet.

    Raises:
        TrainingError: `damaged_checkpoint` or `newer_checkpoint`.
    """
    path = directory / FILE_NAME
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            text = stored["state"].tobytes()
            _check_format(path, text)
            return jsonform.parse(RunState, text), _grouped(stored)
    except (OSError, ValueError, KeyError, BadZipFile, zlib.error, ContractError) as error:
        raise TrainingError(
            "damaged_checkpoint", f"The checkpoint {path} cannot be read. Received: {error}."
        ) from error


def read_required(directory: Path) -> tuple[RunState, Arrays]:
    """Return what `read` does; `TrainingError` with `no_checkpoint` where there is nothing."""
    stored = read(directory)
    if stored is None:
        raise TrainingError(
            "no_checkpoint",
            f"There must be a checkpoint in the run's folder. Received: {directory}.",
        )
    return stored


def best(epochs: Sequence[EpochReport]) -> EpochReport:
    """Return the first epoch with the lowest validation loss, raw or averaged."""
    return min(epochs, key=lambda report: min(report.validation_loss, report.averaged_loss))


def kept(state: RunState, arrays: Arrays) -> Kept:
    """Return what a stored run hands on: of its last or of its best epoch, as its config says.

    Raw or averaged weights are chosen by the lower validation loss.
    """
    if state.config.keep == "best":
        report = best(state.epochs)
        return Kept(report, report.better, arrays["best"])
    report = state.epochs[-1]
    return Kept(report, report.better, arrays[GROUPS[report.better]])


def _check_format(path: Path, text: bytes) -> None:
    """Look at the version first: a newer format may well have fields unknown here."""
    version = json.loads(text).get("format_version", FORMAT_VERSION)
    if version > FORMAT_VERSION:
        raise TrainingError(
            "newer_checkpoint",
            f"The checkpoint {path} must be of format {FORMAT_VERSION} or lower. "
            f"Received: {version}.",
        )


def _not_written(directory: Path, error: OSError) -> TrainingError:
    return TrainingError(
        "checkpoint_not_written",
        f"No checkpoint can be written to {directory}, and what was stored there before is kept. "
        f"Received: {error.strerror or error}.",
    )


def _grouped(stored: Mapping[str, npt.NDArray[Any]]) -> Arrays:
    arrays: Arrays = {}
    for key in sorted(key for key in stored if "/" in key):
        arrays.setdefault(key.split("/")[0], []).append(stored[key])
    return arrays


def check_same_run(stored: RunState, wanted: RunState) -> None:
    """Refuse to go on with other data or another configuration than the run began with.

    Fine-tuning may be added or changed as long as it has not begun: no epoch depends on it yet.
    """
    if stored.data != wanted.data:
        raise TrainingError(
            "data_changed",
            "The run cannot be resumed with other training data than it began with. Received: "
            f"{wanted.data.train_images} images of {wanted.data.source} with sha256 "
            f"{wanted.data.train_sha256} (was {stored.data.train_sha256}).",
        )
    before, now = dataclasses.asdict(stored.config), dataclasses.asdict(wanted.config)
    if len(stored.epochs) <= stored.config.epochs:
        before |= {name: now[name] for name in FINETUNING}
    if before != now:
        changed = ", ".join(
            f"{k}={now[k]!r} (was {before[k]!r})" for k in now if now[k] != before[k]
        )
        raise TrainingError(
            "config_changed",
            f"The run cannot be resumed with another configuration. Received: {changed}.",
        )
