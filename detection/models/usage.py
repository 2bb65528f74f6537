"""What people used, day by day, which quotas are held against."""

from datetime import date
from typing import Any, Self

from django.conf import settings
from django.db import models


class UsageDayQuerySet(models.QuerySet["UsageDay"]):
    """Reads of usage."""

    def visible_to(self, user: Any) -> Self:
        """Only this user's own."""
        return self.filter(owner_id=user.pk)

    def since(self, day: date) -> Self:
        """From that day on."""
        return self.filter(day__gte=day)


class UsageDay(models.Model):
    """What one person handed in on one day (UTC); deleting images takes nothing off it."""

    # Without a constraint, as of an analysis: it is written under the submission's lock.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="usage_days",
        db_constraint=False,
        db_index=False,
    )
    day = models.DateField()
    images = models.PositiveIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)

    objects = UsageDayQuerySet.as_manager()

    class Meta:
        ordering = ["-day"]
        constraints = [models.UniqueConstraint(fields=["owner", "day"], name="usage_once")]

    def __str__(self) -> str:
        return f"{self.owner} · {self.day}"

    @property
    def megabytes(self) -> float:
        """The bytes in millions."""
        return self.bytes / 1_000_000
