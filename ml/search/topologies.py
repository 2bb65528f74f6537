"""Train the 12 convolutional parts, then the 24 heads on the best of them, and keep the winner."""

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock

from ml.contract import EpochReport, StepReport, TrainingConfig
from ml.datasets import LabelledImages
from ml.errors import TrainingError
from ml.publishing import export
from ml.recipes import PLAIN
from ml.search import plan as plans
from ml.search.attempts import attempt
from ml.search.grid import CONVOLUTIONAL, Topology, heads
from ml.search.ledger import Ledger
from ml.search.plan import Budget, Plan
from ml.search.ranking import Row, base, rank
from ml.training import TrainingData

__all__ = ["BUDGETS", "configuration", "search"]

BUDGETS = {
    "tiny": Budget(images=8_000, validation_images=2_000, epochs=3),
    "small": Budget(images=24_000, validation_images=4_000, epochs=5),
    "full": Budget(images=None, validation_images=6_000, epochs=20),
}

WINNER = "winner"
DOMAIN = "Images of the kind and size that the topology search was run on."

Progress = Callable[[str, EpochReport | StepReport], None]
ShouldStop = Callable[[], bool]
Heads = Callable[[Topology], Sequence[Topology]]


def configuration(budget: Budget, seed: int) -> TrainingConfig:
    """Return the training that all topologies share.

    Adam and binary cross-entropy are the study's. Not told there and chosen here: Keras' default
    learning rate held constant, batches of 128, the epoch of the lowest validation loss kept; no
    augmentation, no averaging of weights.
    """
    return dataclasses.replace(
        PLAIN,
        architecture="topology",
        epochs=budget.epochs,
        batch_size=128,
        validation_images=budget.validation_images,
        keep="best",
        seed=seed,
        precision="float32",
    )


def search(
    images: LabelledImages,
    config: TrainingConfig,
    out_dir: Path,
    *,
    first: Sequence[Topology] = CONVOLUTIONAL,
    second: Heads = heads,
    progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
) -> tuple[Row, ...] | None:
    """Train every topology once, together with whoever else works on the same folder.

    Args:
        images: All images; they are divided by `config`, the same way for every topology.
        config: From `configuration`; its architecture's options are those of each topology.
        out_dir: Holds plan, trials, and the checkpoints of unfinished trials and of the best.
        first: The convolutional parts.
        second: Gives the heads to try on one of them, which `ranking.base` chooses.
        progress: Told of epochs and steps with the topology's name.
        should_stop: Asked before each step; everything that was finished stays.

    Returns:
        All rows, the best first, or `None` after a stop: call it again to go on. The best one's
        calibrated model lies in `out_dir/winner` then.

    Raises:
        TrainingError: `search_changed`, or `no_finished_trial` when no convolutional part came
            to its end.
    """
    data = TrainingData.divide(images, config)
    plans.agree(out_dir, Plan(data.record, config))
    stage = _Search(data, config, out_dir, progress or _silent, should_stop or _never)
    rows = stage.run(first)
    if rows is None:
        return None
    chosen = base(rows, len(data.validation))
    if chosen is None:
        raise TrainingError(
            "no_finished_trial",
            f"No convolutional part came to its end; the first: {rows[0].outcome.reason}",
        )
    more = stage.run(second(chosen.topology))
    if more is None:
        return None
    ranked = rank((*rows, *more))
    stage.crown(ranked[0].topology)
    return ranked


class _Search:
    """The trials of one search, and the runs behind them."""

    def __init__(
        self,
        data: TrainingData,
        config: TrainingConfig,
        out_dir: Path,
        progress: Progress,
        should_stop: ShouldStop,
    ) -> None:
        self.data, self.config, self.out_dir = data, config, out_dir
        self.progress, self.should_stop = progress, should_stop
        self.ledger = Ledger(out_dir / "trials", Row)

    def run(self, topologies: Sequence[Topology]) -> tuple[Row, ...] | None:
        """Return the topologies' rows, ranked; `None` after a stop."""
        by_name = {topology.name: topology for topology in topologies}
        # The largest first: what is left at the end is small, and shared evenly.
        order = sorted(by_name, key=lambda name: (-by_name[name].parameters(), name))
        if not self.ledger.share(order, lambda name: self._trial(by_name[name]), self.should_stop):
            return None
        rows = [row for name in order if (row := self.ledger.read(name))]
        return rank(rows)

    def _trial(self, topology: Topology) -> Row | None:
        self.tidy()
        outcome = attempt(
            dataclasses.replace(self.config, architecture_options=topology.options()),
            self.data,
            run_dir(self.out_dir, topology),
            progress=lambda report: self.progress(topology.name, report),
            should_stop=self.should_stop,
        )
        if outcome is None:
            return None
        side = self.data.train.pixels.shape[1]
        return Row(topology, topology.parameters(side), outcome)

    def crown(self, topology: Topology) -> None:
        """Make the winner's checkpoint a calibrated model, if nobody has done so yet."""
        winner = self.out_dir / WINNER
        with FileLock(self.out_dir / "winner.lock"):
            if winner.exists():
                return
            run = run_dir(self.out_dir, topology)
            # The study judges each image as it is, without its mirror image.
            export(run, self.data, winner, name=topology.name, domain=DOMAIN, flip_averaging=False)
            shutil.rmtree(self.out_dir / "runs")

    def tidy(self) -> None:
        """Let go of the checkpoints of all that ended, but the best: a large one takes 600 MB."""
        with FileLock(self.out_dir / "tidy.lock"):
            for row in rank(row for _, row in self.ledger.items())[1:]:
                shutil.rmtree(run_dir(self.out_dir, row.topology), ignore_errors=True)


def run_dir(out_dir: Path, topology: Topology) -> Path:
    """Return the folder of a topology's checkpoint."""
    return out_dir / "runs" / topology.name


def _silent(name: str, report: EpochReport | StepReport) -> None:
    """Tell nobody."""


def _never() -> bool:
    return False
