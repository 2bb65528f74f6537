"""Claims a run in the training worker, has its stages done, and stores how it ended."""

import logging
import shutil
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from detection.ml_gateway import GatewayError
from detection.models import Stage, TrainingRun, Work
from detection.services import notices
from detection.services.training.reporter import (
    SHUTDOWN,
    Reporter,
    Stopped,
    events_create,
    held,
    persist,
)
from detection.services.training.stages import work

log = logging.getLogger(__name__)

OUT_OF_MEMORY = (
    "The training worker ran out of memory: choose a smaller batch or a smaller snapshot, or give "
    "it more memory."
)


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
        persist(lambda: notices.run_ended(run_id=run_id))
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
        work(claim, reporter)
    except Stopped:
        if reporter.is_lost.is_set():
            return None
        # Asked to stop is for good; a worker that ends leaves the run to the next one.
        return End(Work.CANCELLED if reporter.is_cancelled.is_set() else Work.QUEUED)
    except GatewayError as error:
        return End(Work.FAILED, error.code, error.sentence)
    except MemoryError:
        return End(Work.FAILED, "out_of_memory", OUT_OF_MEMORY)
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


def worker_ends() -> None:
    """Have the run that this worker carries out stop after its step and be put back."""
    SHUTDOWN.set()
