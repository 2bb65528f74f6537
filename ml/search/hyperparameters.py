"""Try hyperparameters under one study, end early what does not pay, and check the best again."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from ml.contract import EpochReport, StepReport, TrainingConfig
from ml.datasets import LabelledImages
from ml.search import plan as plans
from ml.search.attempts import attempt, stored_epochs
from ml.search.ledger import Ledger
from ml.search.outcome import Outcome, accuracy_of
from ml.search.plan import Budget, Plan
from ml.search.space import NAMES
from ml.search.study import (
    CONFIRMATIONS,
    DEFAULT,
    SEED,
    Claimed,
    SharedStudy,
    best_trial,
    is_default,
    trial_name,
)
from ml.training import TrainingData

__all__ = ["BUDGETS", "configuration", "search"]

BUDGETS = {
    "tiny": Budget(images=6_000, validation_images=2_000, epochs=3),
    "small": Budget(images=24_000, validation_images=4_000, epochs=6),
    "full": Budget(images=None, validation_images=6_000, epochs=14),
}

Progress = Callable[[str, EpochReport | StepReport], None]
ShouldStop = Callable[[], bool]


def configuration(
    architecture: str, options: dict[str, Any], budget: Budget, seed: int
) -> TrainingConfig:
    """Return the default configuration of training at this budget: what the study is to beat."""
    return TrainingConfig(
        architecture=architecture,
        architecture_options=options,
        epochs=budget.epochs,
        validation_images=budget.validation_images,
        seed=seed,
    )


def search(
    images: LabelledImages,
    base: TrainingConfig,
    out_dir: Path,
    *,
    trials: int,
    confirmations: int = 0,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> optuna.Study | None:
    """Do trials together with whoever else works on the same folder.

    Args:
        images: All images; they are divided by `base`, the same way for every trial.
        base: The default configuration, which is trial 0 and never ended early.
        out_dir: Holds plan, study, and the checkpoints of unfinished trials.
        trials: How many in all, over all processes and calls.
        confirmations: How often the default and the best are trained again at the end, each time
            with another seed and split: the best of many trials was lucky too.
        progress: Told of epochs and steps with the trial's name.
        should_stop: Asked before each step.

    Returns:
        The study, or `None` after a stop: call it again to go on.

    Raises:
        TrainingError: `search_changed`, or `no_finished_trial`.
    """
    data = TrainingData.divide(images, base)
    plans.agree(out_dir, Plan(data.record, base))
    search = _Search(data, SharedStudy(out_dir, base, trials), out_dir, progress, should_stop)
    if not search.run():
        return None
    best = best_trial(search.shared.study)
    repeat = confirmations and not is_default(best)
    if repeat and not search.confirm(images, best, confirmations):
        return None
    return search.shared.study


class _Search:
    """The trials of one study, as this process does them."""

    def __init__(
        self,
        data: TrainingData,
        shared: SharedStudy,
        out_dir: Path,
        progress: Progress | None,
        should_stop: ShouldStop | None,
    ) -> None:
        self.data, self.shared, self.out_dir = data, shared, out_dir
        self.progress = progress or (lambda name, report: None)
        self.should_stop = should_stop or (lambda: False)

    def run(self) -> bool:
        """Do trials until all have ended (True) or a stop."""
        while not self.should_stop():
            claimed = self.shared.claim()
            if claimed:
                try:
                    self._trial(claimed)
                finally:
                    claimed.lock.release()
            elif not self.shared.wait(self.should_stop):
                return True
        return False

    def confirm(self, images: LabelledImages, best: FrozenTrial, count: int) -> bool:
        """Train the default and the best again, each with other seeds; False after a stop."""
        base = self.shared.base
        values = {name: best.params[name] for name in NAMES}
        configs = {DEFAULT: base, trial_name(best.number): dataclasses.replace(base, **values)}
        seeded = {
            f"{name}{SEED}{seed}": dataclasses.replace(config, seed=seed)
            for seed in range(base.seed + 1, base.seed + 1 + count)
            for name, config in configs.items()
        }

        def run(name: str) -> Outcome | None:
            data = TrainingData.divide(images, seeded[name])
            outcome = self._attempt(name, seeded[name], data, self.should_stop)
            if outcome:
                self._let_go(name)
            return outcome

        ledger = Ledger(self.out_dir / CONFIRMATIONS, Outcome)
        return ledger.share(seeded, run, self.should_stop)

    def _trial(self, claimed: Claimed) -> None:
        trial, name = claimed.trial, trial_name(claimed.run)
        watch = _Watch(trial)
        for epoch in stored_epochs(self.out_dir / "runs" / name):
            watch.note(epoch)
        outcome = self._attempt(
            name,
            claimed.config,
            self.data,
            lambda: watch.hopeless or self.should_stop(),
            watch.note,
        )
        study = self.shared.study
        if outcome is None and not watch.hopeless:
            return  # stopped: whoever goes on finds the trial without an owner
        if outcome is None:
            study.tell(trial, state=TrialState.PRUNED)
        elif outcome.best is None:
            trial.set_user_attr("reason", f"{outcome.status}: {outcome.reason}")
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, accuracy_of(outcome.epochs[-1]))
        self._let_go(name)

    def _let_go(self, name: str) -> None:
        """Delete the checkpoint of what has ended."""
        shutil.rmtree(self.out_dir / "runs" / name, ignore_errors=True)

    def _attempt(
        self,
        name: str,
        config: TrainingConfig,
        data: TrainingData,
        should_stop: ShouldStop,
        note: Callable[[EpochReport], None] | None = None,
    ) -> Outcome | None:
        def told(report: EpochReport | StepReport) -> None:
            self.progress(name, report)
            if note and isinstance(report, EpochReport):
                note(report)

        run_dir = self.out_dir / "runs" / name
        return attempt(config, data, run_dir, progress=told, should_stop=should_stop)


class _Watch:
    """Tells the study of each epoch, and keeps its advice; the default is always finished."""

    def __init__(self, trial: optuna.Trial) -> None:
        self.trial, self.hopeless = trial, False

    def note(self, epoch: EpochReport) -> None:
        """Report the epoch's validation accuracy."""
        self.trial.report(accuracy_of(epoch), epoch.epoch)
        self.hopeless = not is_default(self.trial) and self.trial.should_prune()
