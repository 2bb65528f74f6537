"""Many images on their way into a dataset: how far they are, and what was refused."""

from datetime import datetime
from pathlib import PurePosixPath
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from detection.models.datasets import ACTIVE, Dataset, Label, Work, archive_name
from detection.models.judged import new_public_id


class DatasetImportQuerySet(models.QuerySet["DatasetImport"]):
    """Reads of imports."""

    def active(self) -> Self:
        """Waiting or running."""
        return self.filter(state__in=ACTIVE)

    def held_by(self, worker: str) -> Self:
        """Claimed by the worker of this name."""
        return self.filter(state=Work.RUNNING, worker=worker)

    def abandoned(self, before: datetime) -> Self:
        """Claimed by a worker that has given no sign of life since."""
        return self.filter(state=Work.RUNNING, heartbeat_at__lt=before)

    def lost_in_queue(self, before: datetime) -> Self:
        """Waiting without a task, or for so long that their task may be gone."""
        never = models.Q(enqueued_at=None) | models.Q(enqueued_at__lt=before)
        return self.filter(never, state=Work.QUEUED)


class DatasetImport(models.Model):
    """Many images on their way into a dataset: an uploaded zip, a folder on the server."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="imports")
    # One of the two: an archive that was uploaded, or a folder or zip on the server.
    archive = models.FileField(upload_to=archive_name, max_length=100, blank=True)
    path = models.CharField(max_length=500, blank=True)
    # What the upload was called on the person's machine.
    file_name = models.CharField(max_length=255, blank=True)
    # What all its images are; empty: their folders say so.
    label = models.CharField(max_length=8, choices=Label, blank=True)
    source = models.CharField(max_length=120, blank=True)
    # Labels that somebody vouches for; otherwise each image waits for review.
    is_reviewed = models.BooleanField("labels are reviewed", default=False)
    state = models.CharField(max_length=16, choices=Work, default=Work.QUEUED)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    copies = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    # The first hundred refused files, each with code and sentence.
    refusals = models.JSONField(default=list)
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)
    # With `started_at` it names the one claim that may go on.
    worker = models.CharField(max_length=255, blank=True)
    # Counts the claims since the last progress: what takes its worker down again and again ends.
    attempts = models.PositiveSmallIntegerField(default=0)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField("requested", default=timezone.now, editable=False)
    enqueued_at = models.DateTimeField("enqueued", null=True, blank=True)
    started_at = models.DateTimeField("begun", null=True, blank=True)
    heartbeat_at = models.DateTimeField("last sign of life", null=True, blank=True)
    finished_at = models.DateTimeField("ended", null=True, blank=True)

    objects = DatasetImportQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = "import"

    def __str__(self) -> str:
        return f"{self.origin} into {self.dataset}"

    @property
    def is_active(self) -> bool:
        """Tell whether it waits or runs."""
        return self.state in ACTIVE

    @property
    def is_in_vain(self) -> bool:
        """Tell whether it came to its end and every single file was refused."""
        is_ended = self.state == Work.FINISHED
        return is_ended and self.refused > 0 and self.added + self.copies == 0

    @property
    def outcome(self) -> tuple[str, str]:
        """How it stands, as a key for its colour and in words."""
        if self.is_in_vain:
            return "in_vain", "Nothing added"
        return self.state, self.get_state_display()

    @property
    def percent(self) -> int:
        """How far it is, in whole percent."""
        return 100 * self.done // self.total if self.total else 0

    @property
    def seconds(self) -> float:
        """How long it has been running since it was last taken up."""
        if self.started_at is None:
            return 0.0
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()

    @property
    def origin(self) -> str:
        """Where the images come from, as people read it."""
        return PurePosixPath(self.path).name or self.file_name or "upload"
