"""Forgets images whose time has run out: `RETENTION_DAYS` after they came, step by step."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from detection.findings import Finding
from detection.models import (
    Analysis,
    Explanation,
    Face,
    ForensicViews,
    Submission,
    SubmittedImage,
    ViewKind,
)
from detection.models.submissions import SubmissionQuerySet, SubmittedImageQuerySet
from detection.services.intake import images_delete, submissions_delete
from detection.services.intake.locks import submissions_locked
from detection.services.intake.removal import names_of_files
from detection.services.storage import files_forget
from detection.services.traces import traces_clear_on_commit

log = logging.getLogger(__name__)

# So many go in one transaction: SQLite lets nobody else write meanwhile.
AT_ONCE = 50
# So many at most in one run: the next one comes in ten minutes, and the worker has other work.
STEPS = 60


def retention_sweep(*, now: datetime | None = None, steps: int = STEPS) -> int:
    """Forget images that came more than `RETENTION_DAYS` ago, the oldest first.

    With `RETENTION_KEEPS_VERDICTS` their files and private findings go, and what was found out
    stays; without it, they go as if their owners had deleted them. An image that still waits for
    an answer waits for its end too.

    Returns:
        How many images were forgotten.
    """
    if settings.RETENTION_DAYS is None:
        return 0
    now = now or timezone.now()
    before = now - timedelta(days=settings.RETENTION_DAYS)
    count = 0
    for _ in range(steps):
        gone = (
            images_forget(before=before, now=now)
            if settings.RETENTION_KEEPS_VERDICTS
            else _images_delete(before)
        )
        count += gone
        if not gone:
            break
    if count:
        log.info("%s images forgotten, %s days after they came", count, settings.RETENTION_DAYS)
    return count


def images_forget(*, before: datetime, now: datetime, at_once: int = AT_ONCE) -> int:
    """Delete the files of the oldest images that came before then; verdicts stay.

    Copies in datasets stay too, as long as the person agrees to them.

    Returns:
        How many images these were.
    """
    chosen = _ended(SubmittedImage.objects.kept(), before)[:at_once]
    submissions = {submission for _, submission in chosen.values_list("pk", "submission")}
    keys = [pk for pk, _ in chosen.values_list("pk", "submission")]
    if not keys:
        return 0
    with transaction.atomic():
        # As whoever deletes or repeats does, so that nothing begins on them meanwhile.
        submissions_locked(list(submissions))
        still = _ended(SubmittedImage.objects.kept().filter(pk__in=keys), before)
        images = list(still)
        names = names_of_files(images)
        _rows_forget(images, now)
        files_forget(names)
        traces_clear_on_commit()
    return len(images)


def _ended(images: SubmittedImageQuerySet, before: datetime) -> SubmittedImageQuerySet:
    """Return those that came before then and of which no analysis is to come, oldest first."""
    unfinished = Analysis.objects.unfinished().filter(image=OuterRef("pk"))
    old = images.filter(created_at__lt=before).exclude(Exists(unfinished))
    return old.order_by("created_at")


def _rows_forget(images: list[SubmittedImage], now: datetime) -> None:
    """Empty what named the files, and take away what only their owner was ever shown."""
    keys = [image.pk for image in images]
    analyses = Analysis.objects.filter(image__in=keys)
    Explanation.objects.filter(analysis__image__in=keys).delete()
    Face.objects.filter(analysis__image__in=keys).update(heatmap="")
    for analysis in analyses.only("pk", "findings"):
        public = _public(analysis.findings)
        if public != analysis.findings:
            Analysis.objects.filter(pk=analysis.pk).update(findings=public)
    analyses.update(heatmap="", signed_thumbnail="")
    # Their row stays for what drawing them has told, which reports tell too.
    views = ForensicViews.objects.filter(image__in=keys)
    views.update(**dict.fromkeys((*ViewKind.values, "full"), ""))
    forgotten = {"forgotten_at": now, "original": "", "preview": "", "thumbnail": ""}
    SubmittedImage.objects.filter(pk__in=keys).update(**forgotten)


def _public(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [Finding.from_json(stored).without_private().as_json() for stored in findings]


def _images_delete(before: datetime) -> int:
    """Delete some of the oldest images, or submissions of which nothing but refusals is left."""
    for images in _deletable(before):
        if chosen := list(images[:AT_ONCE]):
            return images_delete(images=chosen)
    empty = _without_images(before).order_by("created_at").values_list("pk", flat=True)[:AT_ONCE]
    keys = list(empty)
    if keys:
        submissions_delete(submissions=_without_images(before).filter(pk__in=keys))
    return len(keys)


def _deletable(before: datetime) -> Iterator[SubmittedImageQuerySet]:
    """Yield what is to go: first what is whole, then what was forgotten under another setting."""
    yield _ended(SubmittedImage.objects.kept(), before)
    yield _ended(SubmittedImage.objects.exclude(forgotten_at=None), before)


def _without_images(before: datetime) -> SubmissionQuerySet:
    return Submission.objects.filter(created_at__lt=before, images=None, batch=None)
