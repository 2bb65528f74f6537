"""What a person asked to have of their own: one zip with everything that is kept of them."""

from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from detection.models.datasets import ACTIVE, Work
from detection.models.judged import new_public_id, storage_name


def data_export_name(instance: models.Model, file_name: str) -> str:
    """Name a stored zip."""
    return storage_name("data-exports", ".zip")


class DataExportQuerySet(models.QuerySet["DataExport"]):
    """Reads of exports."""

    def visible_to(self, user: Any) -> Self:
        """Only this user's."""
        return self.filter(owner_id=user.pk)

    def active(self) -> Self:
        """Waiting or being made."""
        return self.filter(state__in=ACTIVE)

    def abandoned(self, before: datetime) -> Self:
        """Claimed by a worker that has not answered since."""
        return self.filter(state=Work.RUNNING, started_at__lt=before)

    def lost_in_queue(self, before: datetime) -> Self:
        """Waiting without a task, or for so long that their task may be gone."""
        never = models.Q(enqueued_at=None) | models.Q(enqueued_at__lt=before)
        return self.filter(never, state=Work.QUEUED)

    def expired(self, moment: datetime) -> Self:
        """Past the time for which they are kept."""
        return self.filter(expires_at__lt=moment)


class DataExport(models.Model):
    """One zip of everything that is kept of its owner, made by a worker and kept for some days."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="data_exports")
    state = models.CharField(max_length=16, choices=Work, default=Work.QUEUED)
    file = models.FileField(upload_to=data_export_name, max_length=100, blank=True)
    byte_size = models.PositiveBigIntegerField("size in bytes", default=0)
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)
    # With `started_at` it names the one claim that may store its zip.
    worker = models.CharField(max_length=255, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField("asked for", default=timezone.now, editable=False)
    enqueued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField("ended", null=True, blank=True)
    expires_at = models.DateTimeField("kept until", null=True, blank=True)

    objects = DataExportQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.owner} · {self.created_at:%Y-%m-%d %H:%M}"
