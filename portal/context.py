"""What every template may know about the site."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """Return `mail_is_local`: whether mail stays on this machine, and how long images are kept.

    Not within a `site`: allauth gives its pages another one under that name.
    """
    return {
        "mail_is_local": settings.MAIL_IS_LOCAL,
        "retention_days": settings.RETENTION_DAYS,
        "retention_keeps_verdicts": settings.RETENTION_KEEPS_VERDICTS,
    }
