"""Requests that programs may repeat: the first answer is kept under the key that came with it."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class IdempotentRequest(models.Model):
    """One request of one person under one key, and what was answered."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="idempotent_requests"
    )
    key = models.CharField(max_length=255)
    # SHA-256 of method, path and what was sent: the same key for something else is refused.
    fingerprint = models.CharField(max_length=64)
    # Empty while the first one is still being answered.
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    body = models.JSONField(null=True, blank=True)
    # Public id of the submission that it made, stored with its first rows: where no answer came of
    # it, that is undone before the request is carried out again.
    made = models.CharField(max_length=24, blank=True, db_default="", default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="idempotent_once")]

    def __str__(self) -> str:
        return self.key
