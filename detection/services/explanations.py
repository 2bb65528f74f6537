"""Draws another heatmap of a finished analysis, once, when somebody asks for it."""

import logging

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from detection import ml_gateway
from detection.ml_gateway import GatewayError
from detection.models import Analysis, Explanation, Method, State
from detection.models.judged import heatmap_name
from detection.services.files import FORGOTTEN, heatmap_store, original_read
from detection.services.pending import noted
from detection.services.queueing import BROKER_ERRORS
from detection.services.signatures import version_verify
from detection.services.storage import StorageUnavailable

log = logging.getLogger(__name__)

EXPLAIN_ANALYSIS = "detection.tasks.explain_analysis"


class ExplanationRefused(Exception):
    """There is no heatmap to which another one could be added."""

    code = "not_explainable"
    sentence = (
        "Only a finished analysis with a heatmap can be explained by another method, and that of a "
        "photograph has a map of its own."
    )


class ImageForgotten(ExplanationRefused):
    """The image of which another heatmap would be drawn is gone, as its time had run out."""

    code = FORGOTTEN

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def explanation_request(*, analysis: Analysis, method: Method) -> None:
    """Have a heatmap drawn by this method, unless it is there or under way.

    One that failed, or that nobody takes up, is asked for again. Grad-CAM comes with every verdict.

    Raises:
        ExplanationRefused: When the analysis has no heatmap, or the score map of a photograph, or
            is gone.
        ImageForgotten: When the image is, as its time had run out.
    """
    with transaction.atomic():
        # Locked as a deletion locks it: no explanation is added to what is being deleted.
        locked = Analysis.objects.select_for_update().filter(pk=analysis.pk).first()
        if locked is not None and locked.image.is_forgotten:
            raise ImageForgotten(locked.image.forgotten_sentence)
        if locked is None or not locked.heatmap or locked.is_photo:
            raise ExplanationRefused
        if method == Method.GRAD_CAM:
            return
        explanation, is_new = Explanation.objects.get_or_create(analysis=locked, method=method)
        if not is_new and not explanation.can_ask_again:
            return
        Explanation.objects.filter(pk=explanation.pk).update(
            state=State.QUEUED, asked_at=timezone.now(), error_code="", error_sentence=""
        )
        # Robust: what is stored stays answered; a broker that is away is told on the page.
        transaction.on_commit(lambda: _enqueue(explanation.pk), robust=True)


def explanation_run(*, explanation_id: int) -> bool:
    """Draw a heatmap that waits, and store it.

    Returns:
        Whether this call stored an end. `False` when it does not wait any more: delivered twice,
        deleted or ended.
    """
    waiting = Explanation.objects.waiting().filter(pk=explanation_id)
    explanation = waiting.select_related(
        "analysis__image", "analysis__model_version__model"
    ).first()
    if explanation is None:
        return False
    try:
        with noted([heatmap_name(explanation, "")]) as note:
            (name,) = note.names
            _draw(explanation, name)
            with transaction.atomic():
                ended = {"state": State.FINISHED, "finished_at": timezone.now()}
                is_stored = bool(waiting.update(heatmap=name, **ended))
                note.settle(with_rows=is_stored)
    except (GatewayError, StorageUnavailable) as error:
        return explanation_fail(
            explanation_id=explanation_id, code=error.code, sentence=error.sentence
        )
    return is_stored


def explanation_fail(*, explanation_id: int, code: str, sentence: str) -> bool:
    """End a waiting explanation with a reason."""
    log.warning("explanation %s failed: %s: %s", explanation_id, code, sentence)
    waiting = Explanation.objects.waiting().filter(pk=explanation_id)
    ended = {"error_code": code, "error_sentence": sentence[:500], "finished_at": timezone.now()}
    return bool(waiting.update(state=State.FAILED, **ended))


def _enqueue(explanation_id: int) -> None:
    try:
        current_app.send_task(EXPLAIN_ANALYSIS, args=[explanation_id])
    except BROKER_ERRORS as error:
        log.warning("the broker is away: %s", error)
        explanation_fail(
            explanation_id=explanation_id,
            code="queue_away",
            sentence="The queue cannot be reached; ask once more in a moment.",
        )


def _draw(explanation: Explanation, name: str) -> None:
    """Store the heatmap under this name, by the version that gave the verdict."""
    analysis = explanation.analysis
    image, version = analysis.image, analysis.model_version
    if version is None:
        raise GatewayError("not_explainable", ExplanationRefused.sentence)
    version_verify(version=version)
    answer = ml_gateway.answer(
        version.directory,
        version.spec,
        original_read(image),
        size=(image.width, image.height),
        max_pixels=settings.MAX_PIXELS,
        threads=settings.INFERENCE_THREADS,
        method=explanation.method,
    )
    if answer.heatmap is None or answer.heatmap.getextrema() == (0, 0):
        raise GatewayError(
            "no_evidence", "By this method no place speaks for the verdict; try another one."
        )
    heatmap_store(name, answer.heatmap)
