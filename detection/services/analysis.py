"""Runs an analysis from claim to stored verdict, once, whatever the queue delivers."""

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from detection.findings import Finding
from detection.ml_gateway import GatewayError
from detection.models import Analysis, Face, ModelVersion, State, Track
from detection.models.submissions import AnalysisQuerySet
from detection.services.evidence import file_examine, thumbnail_store
from detection.services.files import heatmap_store, original_read
from detection.services.judging import FaceJudgement, faces_judge, image_judge
from detection.services.queueing import BROKER_ERRORS as BROKER_ERRORS
from detection.services.queueing import task_send
from detection.services.shadow import shadow_ask
from detection.verdicts import Verdict, decide, opinion_without_model

log = logging.getLogger(__name__)

ANALYSE_IMAGE = "detection.tasks.analyse_image"
# A task of its own, as it waits in a queue of its own: finding faces takes another worker.
ANALYSE_FACES = "detection.tasks.analyse_faces"
# Where nobody waits: images that have their verdict and are looked at once more.
BACKGROUND = "background"
FRESH: dict[str, Any] = {
    "state": State.QUEUED,
    "enqueued_at": None,
    "started_at": None,
    "finished_at": None,
    "error_code": "",
    "error_sentence": "",
}


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a finished analysis stores: its columns, and the faces that it found."""

    columns: dict[str, Any]
    faces: tuple[Face, ...] = ()

    @property
    def stored_names(self) -> list[str]:
        """The names of the files that go with it."""
        names = [self.columns.get(column, "") for column in ("heatmap", "signed_thumbnail")]
        return [name for name in (*names, *(face.heatmap.name for face in self.faces)) if name]


class RetryRefused(Exception):
    """An analysis that is waiting, running or finished is not started a second time."""

    code = "not_retryable"
    sentence = "Only an analysis that failed can be run again."


def analysis_enqueue(*, analysis_id: int) -> bool:
    """Hand an analysis to the workers.

    Returns:
        Whether the broker took it. If it is away the analysis stays queued and the sweeper
        enqueues it later: an upload that was answered is never lost.
    """
    # Marked before it is sent: a worker may have finished before this line would run after it.
    now = timezone.now()
    waiting = Analysis.objects.filter(pk=analysis_id, state=State.QUEUED)
    row = waiting.values_list("track", "is_repeat").first()
    track, is_repeat = row or (Track.THUMBNAIL, False)
    waiting.update(enqueued_at=now)
    name = ANALYSE_FACES if track == Track.FACE else ANALYSE_IMAGE
    if not task_send(name, analysis_id, queue=BACKGROUND if is_repeat else None):
        waiting.filter(enqueued_at=now).update(enqueued_at=None)
        return False
    return True


def analysis_retry(*, analysis: Analysis) -> None:
    """Run a failed analysis again, from the start.

    Raises:
        RetryRefused: When it is not one that can be.
    """
    retryable = Analysis.objects.filter(pk=analysis.pk, state=analysis.state)
    if not analysis.can_retry or not retryable.update(**FRESH, attempts=0):
        raise RetryRefused
    # Robust: what is stored stays answered, and the sweeper enqueues what this could not.
    transaction.on_commit(lambda: analysis_enqueue(analysis_id=analysis.pk), robust=True)


def analysis_run(*, analysis_id: int, worker: str = "") -> bool:
    """Claim an analysis, let the champion look at the image, store the verdict.

    Returns:
        Whether this call stored an end. `False` when the analysis is not waiting (delivered
        twice, deleted, ended) or when another claim has overtaken this one.
    """
    claim = analysis_claim(analysis_id=analysis_id, worker=worker)
    if claim is None:
        return False
    started = time.perf_counter()
    try:
        outcome = _outcome(claim)
    except GatewayError as error:
        return analysis_fail(claim=claim, code=error.code, sentence=error.sentence)
    outcome.columns["milliseconds"] = round(1000 * (time.perf_counter() - started))
    is_stored = False
    try:
        is_stored = _store(claim, outcome)
    finally:
        if not is_stored:
            for name in outcome.stored_names:
                default_storage.delete(name)
    if is_stored:
        shadow_ask(analysis=claim)
    return is_stored


def analysis_claim(*, analysis_id: int, worker: str) -> Analysis | None:
    """Take the analysis if it is waiting; of several workers exactly one succeeds."""
    now = timezone.now()
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
    return _end(claim, state=State.FAILED, error_code=code, error_sentence=sentence[:500])


def claimed_by(*, analysis_id: int, worker: str) -> Analysis | None:
    """Return the analysis if this worker holds it, for the task that has to end it."""
    held = Analysis.objects.filter(pk=analysis_id, state=State.RUNNING, worker=worker)
    return held.first()


def analyses_requeue(*, analyses: AnalysisQuerySet) -> list[int]:
    """Put claimed analyses back into the queue and return the ids of those that moved."""
    return [claim.pk for claim in analyses if _held(claim).update(**FRESH)]


def _held(claim: Analysis) -> AnalysisQuerySet:
    """Return the row as long as this very claim holds it; a retry counts attempts anew."""
    return Analysis.objects.filter(
        pk=claim.pk, state=State.RUNNING, attempts=claim.attempts, started_at=claim.started_at
    )


def _end(claim: Analysis, **fields: Any) -> bool:
    """Store the end, if the row is still held by this very claim."""
    return bool(_held(claim).update(finished_at=timezone.now(), **fields))


def _store(claim: Analysis, outcome: _Outcome) -> bool:
    """Store end and faces together, if the row is still held by this very claim."""
    with transaction.atomic():
        is_stored = _end(claim, state=State.FINISHED, **outcome.columns)
        if is_stored:
            Face.objects.bulk_create(outcome.faces)
    return is_stored


def _outcome(claim: Analysis) -> _Outcome:
    """Let the champion of the analysis' track look at the image.

    A photograph at which no model can look has an end too: that nothing can be said about it.

    Raises:
        GatewayError: When there is no model, or it cannot answer.
    """
    if claim.track == Track.FACE:
        return _outcome_on_faces(claim)
    image = claim.image
    # By the image: what was handed in before there were photographs was queued as a thumbnail.
    claim.track = image.track
    content, size = original_read(image), (image.width, image.height)
    evidence = file_examine(
        content=content, format=image.format, size=size, shape=image.perceptual_hash
    )
    findings = evidence.findings
    if claim.track == Track.PHOTO and ModelVersion.objects.champion_of(claim.track) is None:
        verdict = decide(opinion_without_model(), findings, size=size)
        columns = _decided(claim, verdict, in_domain=False)
    else:
        columns = _judged(claim, content, findings)
    columns["findings"] = [finding.as_json() for finding in findings]
    columns["signed_thumbnail"] = thumbnail_store(image=image, thumbnail=evidence.thumbnail)
    return _Outcome(columns)


def _judged(claim: Analysis, content: bytes, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the columns of a verdict for which a network was asked."""
    version = _champion(claim.track)
    size = claim.image.width, claim.image.height
    judgement = image_judge(version=version, content=content, size=size, findings=findings)
    answer = judgement.answer
    columns = _decided(claim, judgement.verdict, in_domain=judgement.in_domain)
    columns |= {"model_version": version, "p_fake": answer.p_fake, "novelty": answer.novelty}
    columns["band_low"], columns["band_high"] = version.band
    if judgement.is_shown:
        columns["heatmap"] = heatmap_store(claim, answer.heatmap)
        columns["heatmap_method"] = answer.heatmap_method
    return columns


def _decided(claim: Analysis, verdict: Verdict, *, in_domain: bool) -> dict[str, Any]:
    """Return the columns of every verdict, with or without a model."""
    return {"track": claim.track, "in_domain": in_domain, **verdict_columns(verdict)}


def _outcome_on_faces(claim: Analysis) -> _Outcome:
    image, version = claim.image, _champion(Track.FACE)
    judged = faces_judge(
        version=version, content=original_read(image), size=(image.width, image.height)
    )
    faces = [_face(claim, number, one) for number, one in enumerate(judged, start=1)]
    return _Outcome({"model_version": version}, tuple(faces))


def _face(claim: Analysis, number: int, judgement: FaceJudgement) -> Face:
    """Return the row of one face; its heatmap is stored already."""
    answer, verdict = judgement.answer, judgement.verdict
    return Face(
        analysis=claim,
        number=number,
        left=answer.left,
        top=answer.top,
        width=answer.width,
        height=answer.height,
        confidence=answer.confidence,
        p_fake=answer.p_fake,
        in_domain=judgement.in_domain,
        **verdict_columns(verdict),
        heatmap=heatmap_store(claim, answer.heatmap),
        heatmap_method=answer.heatmap_method,
    )


def verdict_columns(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as `Judged` stores it."""
    return {
        "verdict": verdict.kind,
        "certainty": verdict.certainty,
        "reasons": [asdict(reason) for reason in verdict.reasons],
        "would_change": list(verdict.would_change),
    }


def _champion(track: str) -> ModelVersion:
    version = ModelVersion.objects.champion_of(track)
    if version is None:
        raise GatewayError(
            "no_champion", "No model answers here yet: an administrator has to register one."
        )
    return version
