"""The record of acts: who did what when, each bound to the one before it."""

from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """Reads of events."""

    def unsealed(self) -> Self:
        """Those that are not in the chain yet."""
        return self.filter(number=None)

    def chain(self) -> Self:
        """Those that are, in its order."""
        return self.exclude(number=None).order_by("number")


class AuditEvent(models.Model):
    """Who did what when, of all that moves data, runs and models; never changed, never deleted."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # Who of the staff it was, also when the account is gone; of others only the user's number.
    user_email = models.CharField(max_length=254, blank=True)
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=200)
    details = models.JSONField(default=dict)
    created_at = models.DateTimeField("when", default=timezone.now, editable=False)
    # Its place in the chain, from 1, and what binds it to the event before: none can be changed,
    # put in or left out unseen. Given by `services.audit.audit_seal`, once it is committed.
    number = models.PositiveBigIntegerField(null=True, blank=True, unique=True, editable=False)
    # The database knows the value: code from before there was a chain leaves the column out.
    digest = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["-created_at"], name="audit_newest")]

    def __str__(self) -> str:
        return f"{self.action}: {self.subject}"
