"""The state of an unfinished training run in one file that is either whole or absent."""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from ml import jsonform
from ml.contract import DataRecord, EpochReport, TrainingConfig
from ml.errors import TrainingError

Arrays = dict[str, list[npt.NDArray[Any]]]
FILE_NAME = "checkpoint.npz"
# What may still be decided while the first cycle runs.
FINETUNING = ("finetune_epochs", "finetune_learning_rate", "finetune_cutmix")


@dataclass(frozen=True, slots=True)
class RunState:
    """What a run is and how far it has come; the random state follows from seed and epoch."""

    config: TrainingConfig
    data: DataRecord
    epochs: tuple[EpochReport, ...] = ()


def write(directory: Path, state: RunState, arrays: Arrays) -> None:
    """Store groups of arrays (`model`, `averaged`, `optimiser`) with the state, atomically."""
    directory.mkdir(parents=True, exist_ok=True)
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
    finally:
        temporary.unlink(missing_ok=True)


def read(directory: Path) -> tuple[RunState, Arrays] | None:
    """Return the stored state and arrays, or `None` where no epoch has been stored yet.

    Raises:
        TrainingError: `damaged_checkpoint`.
    """
    path = directory / FILE_NAME
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            state = jsonform.parse(RunState, stored["state"].tobytes())
            return state, _grouped(stored)
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise TrainingError(
            "damaged_checkpoint", f"The checkpoint {path} cannot be read: {error}."
        ) from error


def read_required(directory: Path) -> tuple[RunState, Arrays]:
    """Return what `read` does; `TrainingError` with `no_checkpoint` where there is nothing."""
    stored = read(directory)
    if stored is None:
        raise TrainingError("no_checkpoint", f"{directory} holds no checkpoint yet.")
    return stored


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
            "data_changed", "The run cannot be resumed: it began with other training data."
        )
    before, now = dataclasses.asdict(stored.config), dataclasses.asdict(wanted.config)
    if len(stored.epochs) <= stored.config.epochs:
        before |= {name: now[name] for name in FINETUNING}
    if before != now:
        changed = ", ".join(
            f"{k}={now[k]!r} (was {before[k]!r})" for k in now if now[k] != before[k]
        )
        raise TrainingError(
            "config_changed", f"The run cannot be resumed with another configuration: {changed}."
        )
