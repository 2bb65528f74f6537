"""What leaves the portal on purpose: links that show a verdict, and reports that were issued."""

import secrets
from datetime import datetime
from typing import Any, Self

from django.db import models
from django.utils import timezone

from detection.models.analyses import Analysis

# Without letters and digits that look alike: people read codes to each other.
CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def new_token() -> str:
    """Return what nobody guesses: 192 bits."""
    return secrets.token_urlsafe(24)


def new_code() -> str:
    """Return a verification code of 80 bits, in groups that can be read aloud."""
    letters = "".join(secrets.choice(CODE_LETTERS) for _ in range(16))
    return "-".join(letters[start : start + 4] for start in range(0, 16, 4))


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    """Reads of share links."""

    def open_at(self, moment: datetime) -> Self:
        """Those that show something at this moment."""
        return self.filter(revoked_at=None, expires_at__gt=moment)

    def visible_to(self, user: Any) -> Self:
        """Only links to this user's images."""
        return self.filter(analysis__image__submission__owner_id=user.pk)


class ShareLink(models.Model):
    """A secret address at which one verdict can be read, for a time, by whoever has it."""

    token = models.CharField(max_length=43, unique=True, default=new_token, editable=False)
    analysis = models.ForeignKey(Analysis, models.CASCADE, related_name="share_links")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    # Whether others read which camera, when and with which program, as far as the file says so.
    tells_camera = models.BooleanField(default=True, db_default=True)
    opened_count = models.PositiveIntegerField(default=0)
    last_opened_at = models.DateTimeField(null=True, blank=True)

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.analysis} until {self.expires_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        """Tell whether it still shows something."""
        return self.revoked_at is None and self.expires_at > timezone.now()


class IssuedReport(models.Model):
    """That a report with this content was issued, so that whoever holds one can check it."""

    code = models.CharField(max_length=19, unique=True, default=new_code, editable=False)
    analysis = models.ForeignKey(Analysis, models.CASCADE, related_name="issued_reports")
    # Of the report's content as canonical JSON, without the code itself.
    digest = models.CharField("sha256 of the content", max_length=64)
    issued_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-issued_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["analysis", "digest"], name="report_content_once"),
        ]

    def __str__(self) -> str:
        return self.code
