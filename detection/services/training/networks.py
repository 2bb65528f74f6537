"""The stages of a run that trains a network: images are read, it is trained, and stored.

Each can be done again: a run that lost its worker comes here once more, finds its last checkpoint
and goes on from there.
"""

from pathlib import Path
from typing import Any

from django.conf import settings

from detection import ml_gateway
from detection.epochs import kept_epoch, validated
from detection.ml_gateway import EpochDone, GatewayError, RunData, StepDone
from detection.models import Split, Stage, TrainingRun
from detection.services.training.lines import (
    base_at_hand,
    new_hashes,
    training_items,
    withdrawn_count,
)
from detection.services.training.reporter import Reporter, Stopped, persist


def network_make(claim: TrainingRun, out_dir: Path, reporter: Reporter) -> None:
    """Train a network on the run's snapshot and store it, calibrated.

    Raises:
        Stopped: When the run is to end.
        GatewayError: With the code of the science.
    """
    data = _data_read(claim, reporter)
    reporter.tell(device=ml_gateway.training_device()[:200])
    _train(claim, data, reporter)
    reporter.check()
    reporter.tell(stage=Stage.EXPORTING, step=0, steps=0)
    reporter.log("Calibrating on the validation images and storing the model.")
    base = base_at_hand(claim.base_version)
    ml_gateway.export_run(data, claim.directory, out_dir, name=claim.model_name, base=base)


def _data_read(claim: TrainingRun, reporter: Reporter) -> RunData:
    """Read the snapshot's images into memory."""
    train, validation, new, gone = persist(
        lambda: (
            training_items(claim.snapshot, Split.TRAIN),
            training_items(claim.snapshot, Split.VALIDATION),
            new_hashes(claim),
            withdrawn_count(claim.snapshot),
        )
    )
    reporter.log(
        f"Reading {len(train):,} images to learn from and {len(validation):,} to choose by."
    )
    if gone:
        reporter.log(f"Deleted since the snapshot and left out: {gone:,} images.")
    if new is not None:
        reporter.log(f"New to {claim.base_version} among those to learn from: {len(new):,}.")

    def tell(done: int, of: int) -> None:
        reporter.check()
        reporter.tell(stage=Stage.PREPARING, step=done, steps=of)

    data = ml_gateway.training_data(
        train,
        validation,
        claim.config,
        base_at_hand(claim.base_version),
        source=str(claim.snapshot),
        new=new,
        threads=settings.TRAINING_THREADS,
        progress=tell,
    )
    if unreadable := data.unreadable_images:
        reporter.log(f"Cannot be read and left out: {unreadable:,} images.")
    return data


def _train(claim: TrainingRun, data: RunData, reporter: Reporter) -> None:
    """Train to the end of the last epoch.

    Raises:
        GatewayError: `diverged`, or as `ml_gateway.train_run`.
    """
    history = ml_gateway.epochs_done(claim.directory)
    if history:
        reporter.log(f"Going on after the checkpoint of epoch {len(history)}.")
    reporter.tell(stage=Stage.TRAINING, history=history, epoch=len(history) + 1, step=0, steps=0)

    def tell(report: StepDone | EpochDone) -> None:
        _tell(reporter, history, report, data.train_images)

    ending = ml_gateway.train_run(
        data, claim.config, claim.directory, progress=tell, should_stop=reporter.should_stop
    )
    if ending == "diverged":
        raise GatewayError(
            "diverged",
            "The loss is no number any more: try a lower learning rate or a larger batch.",
        )
    if ending == "stopped":
        raise Stopped
    _tell_kept(claim, history, reporter)


def _tell_kept(claim: TrainingRun, history: list[dict[str, Any]], reporter: Reporter) -> None:
    kept = kept_epoch(history, claim.config.get("keep", "last"))
    for report in history:
        if report["epoch"] == kept:
            loss, accuracy = validated(report)
            reporter.log(
                f"The weights of epoch {kept} are kept: validation loss {loss:.4f}, "
                f"{100 * accuracy:.2f} % right."
            )


def _tell(
    reporter: Reporter,
    history: list[dict[str, Any]],
    report: StepDone | EpochDone,
    train_images: int,
) -> None:
    """Tell the row where training stands."""
    if isinstance(report, StepDone):
        reporter.tell(
            epoch=report.epoch,
            step=report.step,
            steps=report.steps,
            loss=report.loss,
            images_per_second=report.images_per_second,
        )
        return
    history.append(report.report)
    figures = report.report
    _, accuracy = validated(figures)
    reporter.tell(history=list(history), loss=figures["train_loss"])
    if 0 < figures["seconds"] < ml_gateway.REPORT_EVERY_SECONDS:
        # Too short for a step to be told of: the epoch is all that tells the speed.
        reporter.tell(images_per_second=train_images / figures["seconds"])
    reporter.log(
        f"Epoch {report.epoch}: loss {figures['train_loss']:.4f}, "
        f"{100 * accuracy:.2f} % of the validation images right, {figures['seconds']:.0f} s."
    )
