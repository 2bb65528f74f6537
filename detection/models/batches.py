"""A batch: a submission of thousands of images that come as one zip or folder."""

from typing import Any, Self

from django.db import models
from django.utils import timezone

from detection.models.judged import new_public_id, storage_name
from detection.models.submissions import Submission


def upload_name(instance: models.Model, file_name: str) -> str:
    """Name a zip that is still coming in, or waits to be unpacked."""
    return storage_name("batches", ".zip")


class BatchState(models.TextChoices):
    """Where a batch is; the last three are never left but by repeating what failed."""

    RECEIVING = "receiving", "Receiving files"
    UNPACKING = "unpacking", "Unpacking"
    ANALYSING = "analysing", "Being analysed"
    FINISHED = "finished", "Finished"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class BatchQuerySet(models.QuerySet["Batch"]):
    """Reads of batches."""

    def visible_to(self, user: Any) -> Self:
        """Only this user's batches."""
        return self.filter(submission__owner_id=user.pk)


class Batch(models.Model):
    """What a large submission is beyond its images: how it comes in, and how far it is."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    submission = models.OneToOneField(Submission, models.CASCADE, related_name="batch")
    name = models.CharField(max_length=255)
    state = models.CharField(max_length=16, choices=BatchState, default=BatchState.RECEIVING)
    # The zip: as long as it comes in, and until it is unpacked; empty for folders.
    upload = models.FileField(upload_to=upload_name, max_length=100, blank=True)
    upload_bytes = models.PositiveBigIntegerField("size in bytes", default=0)
    received_bytes = models.PositiveBigIntegerField(default=0)
    # How many files it holds, as far as is known; and how many of these were looked at.
    files_total = models.PositiveIntegerField(null=True, blank=True)
    files_seen = models.PositiveIntegerField(default=0)
    # Whether its owner wants a mail at the end.
    wants_mail = models.BooleanField(default=False)
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)
    # Which worker unpacks it, since when, and its last sign of life.
    worker = models.CharField(max_length=255, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField("ended", null=True, blank=True)

    objects = BatchQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "batches"
        indexes = [models.Index(fields=["state", "heartbeat_at"], name="batch_active")]

    def __str__(self) -> str:
        return self.name
