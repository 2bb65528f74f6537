"""Writes down who did what, of all that moves data, runs and models."""

from typing import Any

from detection.models import AuditEvent


def audit_record(*, user: Any, action: str, subject: object, **details: Any) -> AuditEvent:
    """Keep one act; called in the transaction of the act itself, so both are stored or neither.

    Args:
        user: Who did it; `None` for the installation itself.
        action: The service that did it, such as `version_promote`.
        subject: What it was done to, as people read it.
        details: Plain JSON values that say how.
    """
    return AuditEvent.objects.create(
        user=user,
        user_email=getattr(user, "email", ""),
        action=action,
        subject=str(subject)[:200],
        details=details,
    )
