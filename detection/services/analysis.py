"""Runs analyses from claim to stored verdict, each once, whatever the queue delivers."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import F

from detection import telemetry
from detection.ml_gateway import GatewayError
from detection.models import Analysis, Face, State
from detection.models.analyses import AnalysisQuerySet
from detection.services import clock
from detection.services.claimed import files_of
from detection.services.files import FORGOTTEN
from detection.services.outcomes import Ended, Outcome, outcomes_of
from detection.services.queueing import BROKER_ERRORS as BROKER_ERRORS
from detection.services.shadow import shadows_ask
from detection.services.standing import repeats_stand
from detection.services.storage import (
    StorageUnavailable,
    files_delete,
    files_note,
    noted_delete,
)
from detection.services.told_ends import ends_measure
from detection.services.turns import analyses_claim
from detection.services.waking import ANALYSE_IMAGES as ANALYSE_IMAGES
from detection.services.waking import analysis_enqueue, message_send, rows_enqueue
from detection.services.webhooks import analyses_ended
from detection.telemetry import stage

log = logging.getLogger(__name__)

FRESH: dict[str, Any] = {
    "state": State.QUEUED,
    "enqueued_at": None,
    "started_at": None,
    "finished_at": None,
    "error_code": "",
    "error_sentence": "",
}
# What the end of an analysis writes; the rest of its row stays as it was.
END_COLUMNS = (
    *("state", "finished_at", "milliseconds", "track", "model_version", "answered_from"),
    *("p_fake", "novelty", "band_low", "band_high", "in_domain", "verdict", "certainty"),
    *("reasons", "would_change", "findings", "heatmap", "heatmap_method", "signed_thumbnail"),
    *("error_code", "error_sentence"),
)


# MySQL's deadlock and lock wait: nothing was stored, and the same statements may be sent again.
LOCKED_OUT = ((1213,), (1205,))
STORE_TRIES = 3


class RetryRefused(Exception):
    """An analysis that is waiting, running or finished is not started a second time."""

    code = "not_retryable"
    sentence = "Only an analysis that failed can be run again."


class ImageForgotten(RetryRefused):
    """The image of a failed analysis is gone, as its time had run out."""

    code = FORGOTTEN

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def analysis_retry(*, analysis: Analysis) -> None:
    """Run a failed analysis again, from the start.

    Raises:
        RetryRefused: When it is not one that can be.
        ImageForgotten: When its image is gone, as its time had run out.
    """
    if analysis.image.is_forgotten:
        raise ImageForgotten(analysis.image.forgotten_sentence)
    retryable = Analysis.objects.filter(pk=analysis.pk, state=analysis.state)
    if not analysis.can_retry or not retryable.update(**FRESH, attempts=0):
        raise RetryRefused
    # Robust: what is stored stays answered, and the sweeper enqueues what this could not.
    transaction.on_commit(lambda: analysis_enqueue(analysis_id=analysis.pk), robust=True)


def analyses_retry(*, analyses: AnalysisQuerySet) -> int:
    """Run those that failed or were cancelled again, and return how many these are."""
    with transaction.atomic():
        failed = analyses.filter(state__in=[State.FAILED, State.CANCELLED])
        failed = failed.filter(image__forgotten_at=None)
        # By key, as the rows cease to be among them with the first update.
        rows = list(failed.order_by("pk").values_list("pk", "queue", "track"))
        Analysis.objects.filter(pk__in=[pk for pk, _, _ in rows]).update(**FRESH, attempts=0)
        transaction.on_commit(lambda: rows_enqueue(rows), robust=True)
    return len(rows)


def analyses_cancel(*, analyses: AnalysisQuerySet) -> int:
    """End those that still wait, and return how many these were; what runs is finished."""
    waiting = analyses.filter(state=State.QUEUED)
    keys = list(waiting.values_list("pk", flat=True))
    return Analysis.objects.filter(pk__in=keys, state=State.QUEUED).update(
        state=State.CANCELLED,
        finished_at=clock.now(),
        error_code="cancelled",
        error_sentence="It was cancelled before its turn came.",
    )


def analyses_run(*, waiting: Sequence[int], queue: str, worker: str = "") -> int:
    """Answer a message: take whoever is next in the queue.

    Args:
        waiting: The analyses that the message was sent for. Where some still wait after the claim,
            it is sent on for these, so that each that waits is named by a message.
        queue: One of `Queue`.
        worker: The name of who runs them.

    Returns:
        How many analyses were ended here; none where somebody else has taken all.
    """
    with stage("claim"):
        claims = analyses_claim(queue=queue, worker=worker)
    taken = {claim.pk for claim in claims}
    if claims and (left := [pk for pk in waiting if pk not in taken]):
        # Before the work: another worker may take them meanwhile. Where nothing was claimed they
        # are taken, or held just now by somebody who takes them.
        rows = Analysis.objects.filter(pk__in=left, state=State.QUEUED).order_by("pk")
        if left := list(rows.values_list("pk", flat=True)):
            message_send(queue=queue, waiting=left)
    return claims_run(claims=claims)


def analysis_run(*, analysis_id: int, worker: str = "") -> bool:
    """Claim one analysis, whoever would be next, and run it.

    Returns:
        Whether this call stored an end. `False` when the analysis is not waiting (delivered
        twice, deleted, ended) or when another claim has overtaken this one.
    """
    claim = analysis_claim(analysis_id=analysis_id, worker=worker)
    return claim is not None and claims_run(claims=[claim]) == 1


def claims_run(*, claims: Sequence[Analysis]) -> int:
    """Let the champions look at claimed images, store the verdicts, and return how many were."""
    if not claims:
        return 0
    started = time.perf_counter()
    outcomes = outcomes_of(claims)
    spent = round(1000 * (time.perf_counter() - started) / len(claims))
    # Where this raises the files stay: a database that went away may have stored the rows. Whoever
    # ends these claims then deletes what they left.
    with stage("store", images=len(claims)):
        stored = _stored(claims, outcomes, milliseconds=spent)
    kept = {claim.pk for claim in stored}
    _files_delete(ended for pk, ended in outcomes.items() if pk not in kept)
    if later := [claim for claim in claims if isinstance(outcomes[claim.pk], StorageUnavailable)]:
        _wait_for_storage(later)
    _tell(stored)
    return len(stored)


def _tell(stored: Sequence[Analysis]) -> None:
    """Let those know who wait for ends: metrics, webhooks, and challengers in the shadow."""
    ends_measure(analyses=stored)
    shadows_ask(analyses=[claim for claim in stored if claim.state == State.FINISHED])


def _files_delete(unstored: Iterable[Ended]) -> None:
    for ended in unstored:
        if isinstance(ended, Outcome):
            files_delete(ended.stored_names)


def _wait_for_storage(claims: Sequence[Analysis]) -> None:
    """Put back what could not be read or written; no attempt is counted; the sweeper asks again."""
    log.warning("the storage is away: %s analyses wait for it", len(claims))
    for claim in claims:
        # With what was half written when the disk was full.
        _given_up(claim, **{**FRESH, "attempts": claim.attempts - 1})


def analysis_claim(*, analysis_id: int, worker: str) -> Analysis | None:
    """Take the analysis if it is waiting; of several workers exactly one succeeds."""
    now = clock.now()
    waiting = Analysis.objects.filter(pk=analysis_id, state=State.QUEUED)
    is_mine = waiting.update(
        state=State.RUNNING, started_at=now, worker=worker, attempts=F("attempts") + 1
    )
    if not is_mine:
        return None
    mine = Analysis.objects.select_related("image").filter(pk=analysis_id, started_at=now)
    return mine.first()


def analysis_fail(*, claim: Analysis, code: str, sentence: str) -> bool:
    """End a claimed analysis with a reason, unless another claim has overtaken this one."""
    log.warning("analysis %s failed: %s: %s", claim.pk, code, sentence)
    telemetry.error_met("analysis", code)
    return _given_up(
        claim,
        state=State.FAILED,
        finished_at=clock.now(),
        error_code=code,
        error_sentence=sentence[:500],
    )


def claims_of(*, worker: str) -> list[Analysis]:
    """Return what a worker holds, for the task that has to end it."""
    return list(Analysis.objects.held_by(worker))


def analyses_requeue(*, analyses: AnalysisQuerySet) -> list[int]:
    """Put claimed analyses back into the queue and return the ids of those that moved."""
    return [claim.pk for claim in analyses if _given_up(claim, **FRESH)]


def _given_up(claim: Analysis, **columns: Any) -> bool:
    """End a claim without an outcome, and delete the files that its holder may have written."""
    with transaction.atomic():
        is_mine = bool(_held(claim).update(**columns))
        left = files_note(files_of(claim)) if is_mine else []
    noted_delete(left)
    return is_mine


def _held(claim: Analysis) -> AnalysisQuerySet:
    """Return the row as long as this very claim holds it; a retry counts attempts anew."""
    return Analysis.objects.filter(
        pk=claim.pk, state=State.RUNNING, attempts=claim.attempts, started_at=claim.started_at
    )


def _stored(
    claims: Sequence[Analysis], outcomes: Mapping[int, Ended], *, milliseconds: int
) -> list[Analysis]:
    """Store the ends of all that are still held by these very claims, in one transaction.

    Returns:
        Those whose end was stored, as they are now.
    """
    for _ in range(STORE_TRIES - 1):
        try:
            return _stored_once(claims, outcomes, milliseconds)
        except OperationalError as error:
            if error.args[:1] not in LOCKED_OUT:
                raise
    return _stored_once(claims, outcomes, milliseconds)


def _stored_once(
    claims: Sequence[Analysis], outcomes: Mapping[int, Ended], milliseconds: int
) -> list[Analysis]:
    now = clock.now()
    ended = [claim for claim in claims if not isinstance(outcomes[claim.pk], StorageUnavailable)]
    with transaction.atomic():
        held = _still_held(ended)
        stored = [claim for claim in ended if claim.pk in held]
        for claim in stored:
            _end(claim, outcomes[claim.pk], now, milliseconds)
        # One statement for all of them: as the rows are locked, each is there and is updated.
        Analysis.objects.bulk_create(
            stored, update_conflicts=True, update_fields=END_COLUMNS, unique_fields=_unique()
        )
        repeats_stand(analyses=stored)
        analyses_ended(analyses=stored)
        Face.objects.bulk_create(face for claim in stored for face in _faces(outcomes[claim.pk]))
        repeats_stand(analyses=stored)
    return stored


def _still_held(claims: Sequence[Analysis]) -> set[int]:
    """Lock those rows that these very claims still hold, and return their keys."""
    rows = Analysis.objects.filter(pk__in=[claim.pk for claim in claims], state=State.RUNNING)
    held = {
        pk: (attempts, started_at)
        for pk, attempts, started_at in rows.select_for_update().values_list(
            "pk", "attempts", "started_at"
        )
    }
    return {
        claim.pk for claim in claims if held.get(claim.pk) == (claim.attempts, claim.started_at)
    }


def _end(claim: Analysis, outcome: Ended, now: datetime, spent: int) -> None:
    """Give the claim the columns of its end."""
    claim.finished_at = now
    if isinstance(outcome, GatewayError):
        log.warning("analysis %s failed: %s: %s", claim.pk, outcome.code, outcome.sentence)
        claim.state = State.FAILED
        claim.error_code, claim.error_sentence = outcome.code, outcome.sentence[:500]
        return
    claim.state, claim.milliseconds = State.FINISHED, spent
    columns = outcome.columns if isinstance(outcome, Outcome) else {}
    for name, value in columns.items():
        setattr(claim, name, value)


def _faces(outcome: Ended) -> Sequence[Face]:
    return outcome.faces if isinstance(outcome, Outcome) else ()


def _unique() -> list[str] | None:
    """Return what tells that a row is there; MySQL looks at every unique column by itself."""
    return ["pk"] if connection.features.supports_update_conflicts_with_target else None
