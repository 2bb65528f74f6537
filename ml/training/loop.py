"""Epoch after epoch, each ending in a checkpoint: whatever happens, the last good one stays."""

import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ml import checkpoints
from ml.checkpoints import Arrays, RunState
from ml.contract import EpochReport, StepReport, TrainingConfig
from ml.errors import TrainingError
from ml.training.batches import Batches, ahead
from ml.training.data import TrainingData
from ml.training.learner import Learner

REPORT_EVERY_SECONDS = 10.0

Progress = Callable[[EpochReport | StepReport], None]


@dataclass(frozen=True, slots=True)
class FitResult:
    """How a run ended, and the epochs that its checkpoint holds."""

    status: Literal["finished", "stopped", "diverged"]
    epochs: tuple[EpochReport, ...]


def fit(
    config: TrainingConfig,
    data: TrainingData,
    *,
    out_dir: Path,
    resume: bool = False,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    report_every: float = REPORT_EVERY_SECONDS,
) -> FitResult:
    """Train, keeping a checkpoint after each epoch in `out_dir`.

    Args:
        config: All that decides the run besides the data; the same config, data and machine
            give the same run, also when it was interrupted in between.
        data: Pixels uint8 (n, height, width, 3) of the architecture's input size.
        out_dir: Where the checkpoint lives.
        resume: Go on after the last stored epoch, if there is one.
        progress: Told of each epoch, and of steps in between.
        should_stop: Asked before each step; the epoch that runs then is given up.
        report_every: Seconds between two steps that are told of.

    Returns:
        `finished`, also when patience ended it; `stopped` when `should_stop` said so; `diverged`
        when the loss was no longer finite, in which case the checkpoint keeps the last epoch
        that was.

    Raises:
        TrainingError: `checkpoint_exists` when there is one and `resume` is not set;
            `config_changed` or `data_changed` on resuming another run; `damaged_checkpoint`,
            `newer_checkpoint` or `checkpoint_mismatch`; `checkpoint_not_written`, in which case
            the one before is whole; `too_few_images`; `no_subjects`; and as `Learner`.
        ArtifactError, ContractError: As `Learner`.
    """
    state = RunState(config, data.record)
    stored = checkpoints.read(out_dir)
    if stored and not resume:
        raise TrainingError(
            "checkpoint_exists",
            f"{out_dir} holds a run already: resume it or choose another folder. "
            f"Received: a checkpoint after epoch {len(stored[0].epochs)}.",
        )
    if stored:
        checkpoints.check_same_run(stored[0], state)
        state = stored[0]
    checkpoints.make_folder(out_dir)
    run = _Run(
        config,
        data,
        progress or (lambda report: None),
        should_stop or (lambda: False),
        is_fresh=stored is None,
        report_every=report_every,
    )
    if stored:
        run.restore(len(state.epochs), stored[1])
    while not _is_complete(config, state.epochs):
        report = run.epoch(len(state.epochs) + 1)
        if not isinstance(report, EpochReport):
            return FitResult(report, state.epochs)
        state = RunState(config, data.record, (*state.epochs, report))
        checkpoints.write(out_dir, state, run.arrays(state))
        run.progress(report)
    return FitResult("finished", state.epochs)


def _is_complete(config: TrainingConfig, epochs: tuple[EpochReport, ...]) -> bool:
    """Tell whether all epochs are there, or as many without a gain as patience allows."""
    if len(epochs) == config.all_epochs:
        return True
    if not epochs or not config.patience:
        return False
    return len(epochs) - checkpoints.best(epochs).epoch >= config.patience


class _Run:
    """A learner and its images, with the loop over one epoch."""

    def __init__(
        self,
        config: TrainingConfig,
        data: TrainingData,
        progress: Progress,
        should_stop: Callable[[], bool],
        *,
        is_fresh: bool,
        report_every: float,
    ) -> None:
        self.config, self.data = config, data
        self.progress, self.should_stop = progress, should_stop
        self.report_every = report_every
        self.batches = Batches(config, data.train, data.is_new)
        size = data.train.pixels.shape[2], data.train.pixels.shape[1]
        self.learner = Learner(config, size, self.batches.steps, is_fresh=is_fresh)
        self.best: list[checkpoints.Array] = []

    def arrays(self, state: RunState) -> Arrays:
        """Return what a checkpoint after the state's last epoch holds."""
        arrays = self.learner.arrays()
        if self.config.keep == "best":
            last = state.epochs[-1]
            if checkpoints.best(state.epochs) is last:
                self.best = arrays[checkpoints.GROUPS[last.better]]
            arrays["best"] = self.best
        return arrays

    def restore(self, epochs: int, arrays: Arrays) -> None:
        """Set what `arrays` returned after so many epochs."""
        if epochs > self.config.epochs:
            self.learner.begin_finetuning()
        self.learner.restore(arrays)
        self.best = arrays.get("best", [])

    def epoch(self, epoch: int) -> EpochReport | Literal["stopped", "diverged"]:
        """Train and validate one epoch, or say why it did not come to its end."""
        if epoch == self.config.epochs + 1:
            self.learner.begin_finetuning()
        self.learner.begin_epoch(epoch)
        started = time.monotonic()
        with closing(ahead(self.batches.epoch(epoch))) as batches:
            reported = started
            for done, (pixels, targets) in enumerate(batches, start=1):
                if self.should_stop():
                    return "stopped"
                self.learner.step(pixels, targets)
                if time.monotonic() - reported >= self.report_every:
                    reported = time.monotonic()
                    if not self._tell_step(epoch, done, reported - started):
                        return "diverged"
        return self._report(epoch, started)

    def _tell_step(self, epoch: int, done: int, seconds: float) -> bool:
        """Tell where the epoch stands; return whether its loss is a number still."""
        loss, _ = self.learner.mean_totals(done)
        if not math.isfinite(loss):
            return False
        speed = done * self.config.batch_size / seconds
        steps = self.batches.steps
        self.progress(StepReport(epoch, self.config.all_epochs, done, steps, loss, speed))
        return True

    def _report(self, epoch: int, started: float) -> EpochReport | Literal["diverged"]:
        loss, accuracy = self.learner.mean_totals(self.batches.steps)
        if not math.isfinite(loss):
            return "diverged"
        figures = self.learner.validate(self.data.validation)
        if not all(map(math.isfinite, figures)):  # the last step of all went astray
            return "diverged"
        seconds = time.monotonic() - started
        return EpochReport(epoch, self.config.all_epochs, loss, *figures, seconds, accuracy)
