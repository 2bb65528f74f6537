"""An Optuna study in one SQLite file that several processes work on and that outlives them all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from ml.contract import TrainingConfig
from ml.errors import TrainingError
from ml.search.ledger import POLL_SECONDS
from ml.search.space import defaults, suggested

__all__ = ["Claimed", "SharedStudy", "best_trial", "ended", "is_default", "stored", "trial_name"]

DATABASE = "study.sqlite3"
NAME = "hyperparameters"
# Where and under which names the default and the best are trained again.
CONFIRMATIONS = "confirmations"
DEFAULT = "default"
SEED = "-seed-"
BUSY_SECONDS = 60.0
ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A trial that is this process's to do while it holds the lock."""

    trial: optuna.Trial
    config: TrainingConfig
    lock: FileLock

    @property
    def run(self) -> int:
        """The trial that first trained this: its checkpoint is gone on from."""
        return int(self.trial.user_attrs.get("run", self.trial.number))


class SharedStudy:
    """The study of one folder; each running trial is guarded by a lock that dies with its process.

    Optuna's own heartbeat would find a dead process after minutes; the kernel frees its lock at
    once. Such a trial is set aside and asked for again, with the same values.

    Args:
        directory: Of the study.
        base: The configuration whose fields are varied; as it is, it is trial 0.
        trials: How many are wanted in all.
    """

    def __init__(self, directory: Path, base: TrainingConfig, trials: int) -> None:
        (directory / "trials").mkdir(parents=True, exist_ok=True)
        self.directory, self.base, self.trials = directory, base, trials
        with self._alone():
            self.study = _opened(directory, base.seed)
            if not self.study.trials:
                self.study.enqueue_trial(defaults(base), user_attrs={"default": True})

    def claim(self) -> Claimed | None:
        """Return the next trial, or `None` when as many as wanted have begun."""
        with self._alone():
            self._set_dead_ones_aside()
            if len(ended(self.study)) + len(self._running()) >= self.trials:
                return None
            trial = self.study.ask()
            lock = self._lock(trial.number)
            lock.acquire(blocking=False)
            return Claimed(trial, suggested(trial, self.base), lock)

    def wait(self, should_stop: Callable[[], bool]) -> bool:
        """Wait for one of the trials that others are doing; False when there is none."""
        running = self._running()
        if running:
            try:
                with self._lock(running[0].number).acquire(cancel_check=should_stop):
                    pass
            except Timeout:
                pass  # should_stop said so
        return bool(running)

    def _running(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    def _set_dead_ones_aside(self) -> None:
        for trial in self._running():
            try:
                with self._lock(trial.number).acquire(blocking=False):
                    self._again(trial)
            except Timeout:
                continue

    def _again(self, trial: FrozenTrial) -> None:
        if "reason" not in trial.user_attrs:  # or it had failed, and could not say so any more
            values = defaults(self.base) if is_default(trial) else trial.params
            attributes: dict[str, Any] = {"run": trial.number, **trial.user_attrs}
            self.study.enqueue_trial(values, user_attrs=attributes)
        self.study.tell(trial.number, state=TrialState.FAIL)

    def _alone(self) -> FileLock:
        return FileLock(self.directory / "study.lock")

    def _lock(self, number: int) -> FileLock:
        path = self.directory / "trials" / f"{number:04d}.lock"
        return FileLock(path, poll_interval=POLL_SECONDS)


def ended(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that came to an end of their own; those of dead processes have none."""
    trials = study.get_trials(deepcopy=False, states=ENDED)
    return [t for t in trials if t.state != TrialState.FAIL or "reason" in t.user_attrs]


def is_default(trial: FrozenTrial | optuna.Trial) -> bool:
    """Tell whether the trial is the configuration that the others are to beat."""
    return bool(trial.user_attrs.get("default"))


def best_trial(study: optuna.Study) -> FrozenTrial:
    """Return the trial of the highest validation accuracy; `no_finished_trial` without one."""
    finished = [trial for trial in ended(study) if trial.state == TrialState.COMPLETE]
    if not finished:
        raise TrainingError("no_finished_trial", "No trial of the study came to its end.")
    return max(finished, key=lambda trial: trial.value or 0.0)


def trial_name(number: int) -> str:
    """Return the name under which a trial is told, and its run stored."""
    return f"trial-{number:04d}"


def stored(directory: Path) -> optuna.Study:
    """Return the study that was begun in a folder."""
    return optuna.load_study(study_name=NAME, storage=_storage(directory))


def _storage(directory: Path) -> RDBStorage:
    busy = {"connect_args": {"timeout": BUSY_SECONDS}}
    return RDBStorage(f"sqlite:///{directory / DATABASE}", engine_kwargs=busy)


def _opened(directory: Path, seed: int) -> optuna.Study:
    """Open or make the study; the median of the others' epochs decides what is not worth ending."""
    study = optuna.create_study(
        storage=_storage(directory),
        study_name=NAME,
        direction="maximize",
        # Epochs count from 1, and the first one says little.
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2),
        load_if_exists=True,
    )
    # A process that joins or goes on must not repeat what the others drew.
    drawn = len(study.get_trials(deepcopy=False))
    study.sampler = optuna.samplers.TPESampler(seed=seed + drawn, n_startup_trials=8)
    return study
