"""Links by which others read a verdict without signing in: made, taken back, counted."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from detection.models import Analysis, ShareLink, State
from detection.services.audit import audit_record

# What the page offers, as far as the installation allows it.
OFFERED_DAYS = (1, 7, 30)
# Open at a time for one verdict: who needs more has lost track of them.
MOST_OPEN = 20


class ShareRefused(Exception):
    """No link is made; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def days_offered() -> list[int]:
    """Return for how many days a link may be made, the shortest first."""
    return sorted({min(days, settings.SHARE_MAX_DAYS) for days in OFFERED_DAYS})


def link_create(
    *, analysis: Analysis, user: Any, days: int, tells_camera: bool = True
) -> ShareLink:
    """Make a link to a verdict that ends by itself.

    Args:
        analysis: Of a whole image, which is this user's.
        user: Who shares it.
        days: From 1 to `SHARE_MAX_DAYS`.
        tells_camera: Whether it shows what the file says of camera, time and program.

    Raises:
        ShareRefused: `sharing_off`, `not_finished`, `bad_days` or `too_many_links`.
    """
    if not settings.SHARE_LINKS:
        raise ShareRefused("sharing_off", "Links are switched off on this site.")
    if not 1 <= days <= settings.SHARE_MAX_DAYS:
        raise ShareRefused("bad_days", f"A link lasts from 1 to {settings.SHARE_MAX_DAYS} days.")
    now = timezone.now()
    with transaction.atomic():
        # Locked, so that links made at once are counted one after the other.
        finished = Analysis.objects.filter(pk=analysis.pk, state=State.FINISHED)
        if finished.select_for_update().first() is None:
            raise ShareRefused("not_finished", "A link can be made once the analysis has finished.")
        if analysis.share_links.open_at(now).count() >= MOST_OPEN:
            raise ShareRefused(
                "too_many_links", f"{MOST_OPEN} links are open already; take one back first."
            )
        link = ShareLink.objects.create(
            analysis=analysis, expires_at=now + timedelta(days=days), tells_camera=tells_camera
        )
        audit_record(
            user=user, action="link_create", subject=f"analysis {analysis.public_id}", days=days
        )
    return link


def link_revoke(*, link: ShareLink, user: Any) -> None:
    """Take a link back at once; one that was taken back before stays so."""
    with transaction.atomic():
        open_still = ShareLink.objects.filter(pk=link.pk, revoked_at=None)
        if open_still.update(revoked_at=timezone.now()):
            audit_record(
                user=user, action="link_revoke", subject=f"analysis {link.analysis.public_id}"
            )


def link_opened(*, link: ShareLink) -> None:
    """Count that somebody has read what a link shows."""
    ShareLink.objects.filter(pk=link.pk).update(
        opened_count=F("opened_count") + 1, last_opened_at=timezone.now()
    )
