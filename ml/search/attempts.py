"""Train one configuration of a search; what goes wrong is its outcome, not the end."""

import logging
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from ml import checkpoints
from ml.contract import EpochReport, StepReport, TrainingConfig
from ml.errors import MlError
from ml.search.outcome import Outcome
from ml.training import TrainingData, fit

__all__ = ["attempt", "stored_epochs"]

# It warns of functions that are traced again and again: here every network is a new one.
logging.getLogger("tensorflow").setLevel(logging.ERROR)

Progress = Callable[[EpochReport | StepReport], None]

# What befalls every trial alike: the search ends, and can go on when there is room again.
NOBODYS_FAULT = frozenset(["checkpoint_not_written"])
DIVERGED = "The loss was no longer a finite number."


def attempt(
    config: TrainingConfig,
    data: TrainingData,
    run_dir: Path,
    *,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Outcome | None:
    """Train, going on after the last stored epoch of `run_dir`; return `None` after a stop.

    A network that does not fit into memory, a batch that does not fill and whatever else the
    training refuses are outcomes with status `failed`.

    Raises:
        TrainingError: `checkpoint_not_written`.
    """
    try:
        result = fit(
            config, data, out_dir=run_dir, resume=True, progress=progress, should_stop=should_stop
        )
    except (MlError, MemoryError, tf.errors.OpError) as error:
        if isinstance(error, MlError) and error.code in NOBODYS_FAULT:
            raise
        return Outcome("failed", _sentence(error), stored_epochs(run_dir))
    finally:
        tf.keras.backend.clear_session()  # or the graphs of all trials stay in memory
    if result.status == "stopped":
        return None
    if result.status == "diverged":
        return Outcome("diverged", DIVERGED, result.epochs)
    return Outcome("finished", "", result.epochs)


def _sentence(error: Exception) -> str:
    """Return what a person can act on: TensorFlow adds pages of graph to its first line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def stored_epochs(run_dir: Path) -> tuple[EpochReport, ...]:
    """Return the epochs of an unfinished run; none where there is no checkpoint to go on from."""
    try:
        stored = checkpoints.read(run_dir)
    except MlError:
        return ()
    return stored[0].epochs if stored else ()
