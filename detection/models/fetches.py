"""Images that are handed in by their address, and fetched by a worker."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.utils import timezone

from detection.models.analyses import UNFINISHED, State
from detection.models.judged import new_public_id
from detection.models.submissions import Submission, SubmittedImage


class UrlFetchQuerySet(models.QuerySet["UrlFetch"]):
    """Reads of fetches."""

    def visible_to(self, user: Any) -> Self:
        """Only this user's own."""
        return self.filter(submission__owner_id=user.pk)

    def unfinished(self) -> Self:
        """Waiting or being fetched."""
        return self.filter(state__in=UNFINISHED)

    def never_enqueued(self, before: datetime) -> Self:
        """Due without a task: the broker was away, or it waits for another try."""
        return self.filter(state=State.QUEUED, enqueued_at=None, due_at__lt=before)

    def lost_in_queue(self, before: datetime) -> Self:
        """Waiting for so long that their task may be gone."""
        return self.filter(state=State.QUEUED, enqueued_at__lt=before)

    def abandoned(self, before: datetime) -> Self:
        """Claimed by a worker that has not answered since."""
        return self.filter(state=State.RUNNING, started_at__lt=before)


class UrlFetch(models.Model):
    """One address, until its image was taken in or refused; states are those of an analysis."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    submission = models.ForeignKey(Submission, models.CASCADE, related_name="fetches")
    url = models.CharField(max_length=2000)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    image = models.OneToOneField(
        SubmittedImage, models.CASCADE, null=True, blank=True, related_name="fetch"
    )
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Not tried before then: an address that did not answer gets some time.
    due_at = models.DateTimeField(default=timezone.now, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    enqueued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField("ended", null=True, blank=True)

    objects = UrlFetchQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "url fetches"
        indexes = [models.Index(fields=["state", "started_at"], name="fetch_active")]

    def __str__(self) -> str:
        return self.url
