"""Gives images up again: rows, files, and copies in datasets."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from detection.models import (
    Analysis,
    BatchPiece,
    Explanation,
    Face,
    ForensicViews,
    Submission,
    SubmittedImage,
)
from detection.models.submissions import SubmissionQuerySet
from detection.services.consent import images_withdraw
from detection.services.intake.locks import submissions_locked
from detection.services.notes import tags_prune
from detection.services.storage import files_forget
from detection.services.traces import traces_clear_on_commit

# A submission that stayed empty for longer was there while no sweeper ran.
EMPTY_FOR = timedelta(days=7)


def images_delete(*, images: Iterable[SubmittedImage]) -> int:
    """Delete images with their analyses, files and copies in datasets, and submissions left empty.

    Returns:
        How many images were deleted.
    """
    images = list(images)
    submissions = [image.submission_id for image in images]
    with transaction.atomic():
        submissions_locked(submissions)
        owners = set(Submission.objects.filter(pk__in=submissions).values_list("owner", flat=True))
        names = names_of_files(images) + images_withdraw(images=images)
        SubmittedImage.objects.filter(pk__in=[image.pk for image in images]).delete()
        Submission.objects.filter(pk__in=submissions, images=None).delete()
        # Files go only once the rows are gone for good.
        files_forget(names)
        # Locks people, whom others lock before submissions; so it waits until these are free.
        transaction.on_commit(lambda: tags_prune(owners=owners), robust=True)
        traces_clear_on_commit()
    return len(images)


def submissions_delete(*, submissions: SubmissionQuerySet) -> None:
    """Delete whole submissions with images, analyses, refusals and files."""
    with transaction.atomic():
        chosen = submissions_locked(list(submissions.values_list("pk", flat=True)))
        pieces = BatchPiece.objects.filter(batch__submission__in=chosen)
        names = list(pieces.values_list("file", flat=True))
        files_forget(names)
        images_delete(images=SubmittedImage.objects.filter(submission__in=chosen))
        Submission.objects.filter(pk__in=chosen).delete()
        traces_clear_on_commit()


def submissions_delete_empty(*, before: datetime) -> int:
    """Delete submissions that were opened before then and to which nothing was ever sent."""
    with transaction.atomic():
        # A batch that is still coming in is not empty.
        none_came = Submission.objects.filter(images=None, refusals=None, batch=None)
        # Not all that was ever handed in is looked through for them, each time.
        opened = none_came.filter(created_at__lt=before, created_at__gte=before - EMPTY_FOR)
        locked = submissions_locked(list(opened.values_list("pk", flat=True)))
        # Looked at once more under the lock: an image may have come in meanwhile.
        still_empty = Submission.objects.filter(pk__in=locked, images=None, refusals=None)
        count, _ = still_empty.delete()
    return count


def owner_purge(*, owner: Any) -> None:
    """Delete everything that a user ever handed in."""
    submissions_delete(submissions=Submission.objects.visible_to(owner))


def names_of_files(images: list[SubmittedImage]) -> list[str]:
    """Return the files of images and analyses, whose rows stay locked: no heatmap is added now."""
    analyses = Analysis.objects.select_for_update().filter(image__in=images)
    heatmaps = [
        name for names in analyses.values_list("heatmap", "signed_thumbnail") for name in names
    ]
    for made_of in (Face, Explanation):
        rows = made_of.objects.select_for_update().filter(analysis__image__in=images)
        heatmaps += rows.values_list("heatmap", flat=True)
    stored = [name for image in images for name in image.stored_names]
    for drawn in ForensicViews.objects.select_for_update().filter(image__in=images):
        stored += drawn.stored_names
    return stored + [name for name in heatmaps if name]
