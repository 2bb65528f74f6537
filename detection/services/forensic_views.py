"""Draws the views of an image, all at once, when somebody opens its page."""

import logging
from time import perf_counter

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from detection import ml_gateway
from detection.ml_gateway import DrawnViews, GatewayError
from detection.models import ForensicViews, State, Submission, SubmittedImage
from detection.models.forensic_views import view_name
from detection.services.files import FORGOTTEN, original_read
from detection.services.pending import noted
from detection.services.queueing import task_send
from detection.services.storage import StorageUnavailable, storage_errors

log = logging.getLogger(__name__)

DRAW_VIEWS = "detection.tasks.draw_views"


class ViewsRefused(Exception):
    """There is no image any more of which views could be drawn."""

    code = "image_gone"
    sentence = "The image was deleted meanwhile."


class ImageForgotten(ViewsRefused):
    """The image of which views would be drawn is gone, as its time had run out."""

    code = FORGOTTEN

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def views_request(*, image: SubmittedImage) -> None:
    """Have the views of an image drawn, unless they are there or under way.

    Those that failed, or that nobody takes up, are asked for again.

    Raises:
        ViewsRefused: When the image is gone.
        ImageForgotten: When it is gone as its time had run out.
    """
    with transaction.atomic():
        # Locked as a deletion locks it: no views are added to what is being deleted.
        Submission.objects.select_for_update().filter(pk=image.submission_id).first()
        locked = SubmittedImage.objects.filter(pk=image.pk).first()
        if locked is None:
            raise ViewsRefused
        if locked.is_forgotten:
            raise ImageForgotten(locked.forgotten_sentence)
        views, is_new = ForensicViews.objects.get_or_create(image=image)
        if not is_new and not views.can_ask_again:
            return
        ForensicViews.objects.filter(pk=views.pk).update(
            state=State.QUEUED, asked_at=timezone.now(), error_code="", error_sentence=""
        )
        # Robust: what is stored stays answered; a broker that is away is told on the page.
        transaction.on_commit(lambda: _enqueue(views.pk), robust=True)


def views_run(*, views_id: int) -> bool:
    """Draw views that wait, and store them.

    Returns:
        Whether this call stored an end. `False` when they do not wait any more: delivered twice,
        deleted or ended.
    """
    waiting = ForensicViews.objects.waiting().filter(pk=views_id)
    views = waiting.select_related("image").first()
    if views is None:
        return False
    began = perf_counter()
    try:
        content = original_read(views.image)
        drawn = ml_gateway.draw_views(content, max_pixels=settings.MAX_PIXELS)
    except (GatewayError, StorageUnavailable) as error:
        return views_fail(views_id=views_id, code=error.code, sentence=error.sentence)
    names = {kind: view_name(views, "") for kind in drawn.pictures}
    try:
        with noted(names.values()) as note:
            _write(drawn, names)
            with transaction.atomic():
                is_stored = bool(
                    waiting.update(
                        state=State.FINISHED,
                        findings=[finding.as_json() for finding in drawn.findings],
                        finished_at=timezone.now(),
                        milliseconds=round(1000 * (perf_counter() - began)),
                        **names,
                    )
                )
                note.settle(with_rows=is_stored)
    except StorageUnavailable as error:
        views_fail(views_id=views_id, code=error.code, sentence=error.sentence)
        return False
    return is_stored


def views_fail(*, views_id: int, code: str, sentence: str) -> bool:
    """End waiting views with a reason."""
    log.warning("views %s failed: %s: %s", views_id, code, sentence)
    waiting = ForensicViews.objects.waiting().filter(pk=views_id)
    ended = {"error_code": code, "error_sentence": sentence[:500], "finished_at": timezone.now()}
    return bool(waiting.update(state=State.FAILED, **ended))


def _enqueue(views_id: int) -> None:
    if not task_send(DRAW_VIEWS, views_id):
        views_fail(
            views_id=views_id,
            code="queue_away",
            sentence="The queue cannot be reached; ask once more in a moment.",
        )


def _write(drawn: DrawnViews, names: dict[str, str]) -> None:
    for kind, name in names.items():
        with storage_errors():
            default_storage.save(name, ContentFile(drawn.pictures[kind]))
