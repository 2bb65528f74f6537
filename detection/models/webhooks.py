"""Webhooks: addresses of programs that want to know, and what was sent to them."""

import secrets
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from detection.models.judged import new_public_id


def new_secret() -> str:
    """Return a key of 256 bits with which messages are signed."""
    return f"whsec_{secrets.token_urlsafe(32)}"


class Event(models.TextChoices):
    """What is told."""

    ANALYSIS_ENDED = "analysis.ended", "An analysis has ended"
    SUBMISSION_ENDED = "submission.ended", "All analyses of a submission have ended"
    TEST = "test", "A test"


class WebhookQuerySet(models.QuerySet["Webhook"]):
    """Reads of webhooks."""

    def visible_to(self, user: Any) -> Self:
        """Only this user's own."""
        return self.filter(owner_id=user.pk)


class Webhook(models.Model):
    """An address that is told of events."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    # Kept as it is: the receiver needs the same to check a signature, and may read it again.
    secret = models.CharField(max_length=80, default=new_secret, editable=False)
    events = models.JSONField(default=list)
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.url


class DeliveryState(models.TextChoices):
    """Where a delivery is."""

    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Given up"


class WebhookDelivery(models.Model):
    """One message to one webhook, until it was taken or given up."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=32, choices=Event)
    payload = models.JSONField()
    state = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    # Of the last attempt; no status where nobody answered.
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)
    milliseconds = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "webhook deliveries"
        indexes = [models.Index(fields=["state", "next_attempt_at"], name="delivery_waiting")]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook}"
