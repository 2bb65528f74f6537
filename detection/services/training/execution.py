"""Carries a run out in the training worker: reads, trains, stores, judges, and tells how it goes.

Each stage can be done again: a run that lost its worker comes here once more, finds its last
checkpoint or its stored version, and goes on from there.
"""

import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from detection import ml_gateway
from detection.ml_gateway import EpochDone, GatewayError, StepDone
from detection.models import ModelVersion, Split, Stage, TrainingRun, Work
from detection.services import notices
from detection.services.evaluations import evaluations_make
from detection.services.gates import gates_check
from detection.services.registry import version_register
from detection.services.training.lines import (
    base_of,
    new_hashes,
    training_items,
    withdrawn_count,
)
from detection.services.training.reporter import (
    SHUTDOWN,
    Reporter,
    events_create,
    held,
    persist,
)

if TYPE_CHECKING:
    from ml.training import TrainingData

log = logging.getLogger(__name__)

MODEL_FOLDER = "model"


class _Stopped(Exception):
    """Somebody asked the run to stop, the worker is to end, or the run is another worker's now."""


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended: its state, and where it failed, why."""

    state: Work
    code: str = ""
    sentence: str = ""


def run_execute(*, run_id: int, worker: str, is_threaded: bool = True) -> bool:
    """Claim a run and carry it out to its end.

    Args:
        run_id: The run.
        worker: Name of the worker, by which it finds what it held when it starts again.
        is_threaded: Whether a thread of its own keeps the row up to date.

    Returns:
        Whether this call stored an end. `False` when the run does not wait (delivered twice,
        stopped, ended), when it was put back because the worker ends, or was taken over.
    """
    claim = _claim(run_id, worker)
    if claim is None:
        return False
    with Reporter(claim, is_threaded=is_threaded) as reporter:
        end = _end_of(claim, reporter)
    if end is None:
        return False
    is_stored = persist(lambda: _end_store(claim, end, *reporter.taken()))
    if is_stored and end.state != Work.QUEUED:
        shutil.rmtree(claim.directory, ignore_errors=True)
        notices.run_ended(run_id=run_id)
    return is_stored and end.state != Work.QUEUED


def run_fail(*, run_id: int, code: str, sentence: str) -> bool:
    """End an active run with a reason, whoever holds it; whether it was active."""
    run = TrainingRun.objects.active().filter(pk=run_id).first()
    if run is None:
        return False
    log.warning("%s failed: %s: %s", run, code, sentence)
    with transaction.atomic():
        ended = _ended(Work.FAILED, code, sentence)
        is_mine = TrainingRun.objects.active().filter(pk=run_id).update(**ended)
        events_create(run, [sentence] if is_mine else [])
    if is_mine:
        shutil.rmtree(run.directory, ignore_errors=True)
        notices.run_ended(run_id=run_id)
    return bool(is_mine)


def _claim(run_id: int, worker: str) -> TrainingRun | None:
    """Take the run if it waits; of several workers exactly one succeeds."""
    now = timezone.now()
    waiting = TrainingRun.objects.filter(pk=run_id, state=Work.QUEUED)
    is_mine = waiting.update(
        state=Work.RUNNING,
        stage=Stage.PREPARING,
        worker=worker,
        attempts=F("attempts") + 1,
        started_at=Coalesce("started_at", now),
        heartbeat_at=now,
        step=0,
        steps=0,
    )
    if not is_mine:
        return None
    related = ("snapshot", "base_version__model", "version__model", "requested_by")
    return TrainingRun.objects.select_related(*related).get(pk=run_id)


def _end_of(claim: TrainingRun, reporter: Reporter) -> End | None:
    """Do the work; `None` where the run is another worker's by now."""
    try:
        _work(claim, reporter)
    except _Stopped:
        if reporter.is_lost.is_set():
            return None
        # Asked to stop is for good; a worker that ends leaves the run to the next one.
        return End(Work.CANCELLED if reporter.is_cancelled.is_set() else Work.QUEUED)
    except GatewayError as error:
        return End(Work.FAILED, error.code, error.sentence)
    except MemoryError:
        return End(Work.FAILED, "out_of_memory", ml_gateway.OUT_OF_MEMORY)
    return End(Work.FINISHED)


def _end_store(claim: TrainingRun, end: End, fields: dict[str, Any], sentences: list[str]) -> bool:
    """Store the end with what was last told, if this very claim still holds the run."""
    columns = _ended(end.state, end.code, end.sentence)
    if end.state == Work.QUEUED:
        columns = {
            "state": Work.QUEUED,
            "attempts": claim.attempts - 1,  # it is not the run's fault
            "enqueued_at": None,
            "worker": "",
        }
    with transaction.atomic():
        is_stored = held(claim).update(**{**fields, **columns})
        if is_stored:
            events_create(claim, [*sentences, *_last_words(claim, end)])
    return bool(is_stored)


def _ended(state: Work, code: str = "", sentence: str = "") -> dict[str, Any]:
    """Return the columns of a run that has ended."""
    return {
        "state": state,
        "error_code": code,
        "error_sentence": sentence[:500],
        "finished_at": timezone.now(),
        "slot": None,
    }


def _last_words(claim: TrainingRun, end: End) -> list[str]:
    match end.state:
        case Work.FINISHED:
            return ["The run is finished."]
        case Work.CANCELLED:
            return ["The run was stopped; its files are deleted."]
        case Work.QUEUED:
            return ["The worker is ending; the run goes on when it is started again."]
        case _:
            return [end.sentence]


def _work(claim: TrainingRun, reporter: Reporter) -> None:
    """Bring the run from where it is to a judged version."""
    if claim.attempts > 1:
        reporter.log(f"Taken up again by {claim.worker}, attempt {claim.attempts}.")
    version = claim.version or _version_make(claim, reporter)
    _judge(claim, version, reporter)


def _version_make(claim: TrainingRun, reporter: Reporter) -> ModelVersion:
    data = _data_read(claim, reporter)
    reporter.tell(device=ml_gateway.training_device()[:200])
    _train(claim, data, reporter)
    _check(reporter)
    reporter.tell(stage=Stage.EXPORTING, step=0, steps=0)
    reporter.log("Calibrating on the validation images and storing the model.")
    folder = claim.directory / MODEL_FOLDER
    base = base_of(claim.base_version)
    ml_gateway.export_run(data, claim.directory, folder, name=claim.model_name, base=base)
    version = persist(lambda: _version_store(claim))
    reporter.log(f"Registered as {version.label}.")
    return version


def _data_read(claim: TrainingRun, reporter: Reporter) -> "TrainingData":
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
        _check(reporter)
        reporter.tell(stage=Stage.PREPARING, step=done, steps=of)

    data = ml_gateway.training_data(
        train,
        validation,
        claim.config,
        base_of(claim.base_version),
        source=str(claim.snapshot),
        new=new,
        threads=settings.TRAINING_THREADS,
        progress=tell,
    )
    if unreadable := data.record.unreadable_images:
        reporter.log(f"Cannot be read and left out: {unreadable:,} images.")
    return data


def _train(claim: TrainingRun, data: "TrainingData", reporter: Reporter) -> None:
    """Train to the end of the last epoch.

    Raises:
        GatewayError: `diverged`, or as `ml_gateway.train_run`.
    """
    history = ml_gateway.epochs_done(claim.directory)
    if history:
        reporter.log(f"Going on after the checkpoint of epoch {len(history)}.")
    reporter.tell(stage=Stage.TRAINING, history=history, epoch=len(history) + 1, step=0, steps=0)

    def tell(report: StepDone | EpochDone) -> None:
        _tell(reporter, history, report)

    ending = ml_gateway.train_run(
        data, claim.config, claim.directory, progress=tell, should_stop=reporter.should_stop
    )
    if ending == "diverged":
        raise GatewayError(
            "diverged",
            "The loss is no number any more: try a lower learning rate or a larger batch.",
        )
    if ending == "stopped":
        raise _Stopped


def _tell(reporter: Reporter, history: list[dict[str, Any]], report: StepDone | EpochDone) -> None:
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
    best = max(figures["validation_accuracy"], figures["averaged_accuracy"])
    reporter.tell(history=list(history), loss=figures["train_loss"])
    reporter.log(
        f"Epoch {report.epoch}: loss {figures['train_loss']:.4f}, "
        f"{100 * best:.2f} % of the validation images right, {figures['seconds']:.0f} s."
    )


def _version_store(claim: TrainingRun) -> ModelVersion:
    """Register the stored model as a version of the run.

    Raises:
        GatewayError: When its files cannot be copied, or the weights are another run's.
    """
    try:
        with transaction.atomic():
            version, is_new = version_register(directory=claim.directory / MODEL_FOLDER)
            if not is_new and TrainingRun.objects.filter(version=version).exists():
                raise GatewayError(
                    "known_weights", f"The run came to the very weights of {version.label}."
                )
            TrainingRun.objects.filter(pk=claim.pk).update(version=version)
    except OSError as error:
        raise GatewayError(
            "files_not_written",
            "The version could not be written to disk, and nothing of it was kept: "
            f"{error.strerror or error}.",
        ) from error
    return version


def _judge(claim: TrainingRun, version: ModelVersion, reporter: Reporter) -> None:
    """Measure the version on all that it never learnt from."""
    _check(reporter)
    reporter.tell(stage=Stage.JUDGING, step=0, steps=0)
    reporter.log("Measuring the version on every sealed set.")

    def tell(done: int, of: int) -> None:
        reporter.tell(step=done, steps=of)

    evaluations = persist(
        lambda: evaluations_make(
            version=version,
            snapshot=claim.snapshot,
            progress=tell,
            should_stop=reporter.should_stop,
        )
    )
    _check(reporter)
    for evaluation in evaluations:
        accuracy = evaluation.record.get("accuracy")
        if accuracy is not None:
            reporter.log(f"{evaluation.dataset or 'Held-out test'}: {100 * accuracy:.2f} % right.")
    failed = [gate for gate in persist(lambda: gates_check(version=version)) if not gate.passed]
    for gate in failed:
        reporter.log(f"Gate not passed: {gate.sentence}")
    if not failed:
        reporter.log("Every gate is passed.")


def _check(reporter: Reporter) -> None:
    if reporter.should_stop():
        raise _Stopped


def worker_ends() -> None:
    """Have the run that this worker carries out stop after its step and be put back."""
    SHUTDOWN.set()
