"""Webhooks: addresses of programs that want to know, and what was sent to them."""

import base64
import secrets
from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from detection.models.analyses import Analysis
from detection.models.judged import new_public_id
from detection.models.submissions import Submission

# As Standard Webhooks writes keys: what follows is the key itself in base64.
SECRET_PREFIX = "whsec_"  # noqa: S105 - what keys begin with, and no key


def new_secret() -> str:
    """Return a key of 256 bits with which messages are signed."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


class Event(models.TextChoices):
    """What is told."""

    ANALYSIS_ENDED = "analysis.ended", "An analysis has ended"
    SUBMISSION_ENDED = "submission.ended", "All analyses of a submission have ended"
    TEST = "test", "A test"


# What can be chosen; a test is always sent.
EVENTS = (Event.ANALYSIS_ENDED, Event.SUBMISSION_ENDED)


class WebhookQuerySet(models.QuerySet["Webhook"]):
    """Reads of webhooks."""

    def visible_to(self, user: Any) -> Self:
        """Only this user's own."""
        return self.filter(owner_id=user.pk)

    def open_at(self, moment: datetime) -> Self:
        """Active, and not left alone after trouble."""
        is_due = models.Q(resume_at=None) | models.Q(resume_at__lte=moment)
        return self.filter(is_due, is_active=True)


class Webhook(models.Model):
    """An address that is told of events."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    # Kept as it is: the receiver needs the same to check a signature, and may read it again.
    secret = models.CharField(max_length=80, default=new_secret, editable=False)
    events = models.JSONField(default=list)
    is_active = models.BooleanField("active", default=True)
    # Why it was switched off, where nobody did it by hand.
    off_sentence = models.CharField(max_length=500, blank=True)
    # Since the last message that was taken: attempts that failed, and when the first of them was.
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    # Until then nothing is sent: it did not answer, and waiting for it holds up the others.
    resume_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.url

    def get_absolute_url(self) -> str:
        """Return its page."""
        return reverse("webhook_detail", args=[self.public_id])

    @property
    def told(self) -> list[str]:
        """What it is told, in words."""
        labels = dict(Event.choices)
        return [labels[event] for event in self.events if event in labels]


class DeliveryState(models.TextChoices):
    """Where a delivery is."""

    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Given up"


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    """Reads of deliveries."""

    def visible_to(self, user: Any) -> Self:
        """Only those of this user's webhooks."""
        return self.filter(webhook__owner_id=user.pk)

    def waiting(self) -> Self:
        """Neither taken nor given up."""
        return self.filter(state=DeliveryState.WAITING)

    def due_at(self, moment: datetime) -> Self:
        """To be sent now, the longest due first."""
        due = self.waiting().filter(next_attempt_at__lte=moment)
        return due.order_by("next_attempt_at", "pk")

    def for_log(self) -> Self:
        """What was sent or is to be, with what it is about; what is held back stays out."""
        told = self.exclude(next_attempt_at=None)
        return told.select_related("analysis__image__submission", "submission__batch")

    def older_than(self, created_at: datetime, pk: int) -> Self:
        """Those that come after this place of the log, newest first."""
        later = models.Q(created_at__lt=created_at) | models.Q(pk__lt=pk)
        return self.filter(later, created_at__lte=created_at).order_by("-created_at", "-pk")

    def newer_than(self, created_at: datetime, pk: int) -> Self:
        """Those that come before this place of the log, oldest first."""
        earlier = models.Q(created_at__gt=created_at) | models.Q(pk__gt=pk)
        return self.filter(earlier, created_at__gte=created_at).order_by("created_at", "pk")

    def held_back(self) -> Self:
        """Those on submissions that have not ended yet."""
        return self.waiting().filter(next_attempt_at=None)


class WebhookDelivery(models.Model):
    """One message to one webhook, until it was taken or given up."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=32, choices=Event)
    # What it is about; with it what it says of it is deleted. Of a submission there is one row a
    # webhook, which makes sure that its end is told once.
    analysis = models.ForeignKey(
        Analysis, models.CASCADE, null=True, blank=True, related_name="deliveries"
    )
    # Without a constraint: to check it, a worker that holds analyses would wait for the lock on
    # their submission, whose holder may wait for these analyses.
    submission = models.ForeignKey(
        Submission,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="deliveries",
        db_constraint=False,
    )
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Empty as long as the submission it tells of has not ended.
    next_attempt_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    # Of the last attempt; no status where nobody answered.
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)
    milliseconds = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["state", "next_attempt_at"], name="delivery_waiting"),
            models.Index(fields=["webhook", "state", "next_attempt_at"], name="delivery_in_turn"),
            models.Index(fields=["webhook", "-created_at", "-id"], name="delivery_log"),
            models.Index(fields=["ended_at"], name="delivery_ended"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "submission"], name="submission_told_once")
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook}"
