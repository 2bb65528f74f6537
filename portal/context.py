"""What every template may know about the site."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """Return `site`: its name, and whether mail stays on this machine."""
    return {"site": {"name": "Veripix", "mail_is_local": settings.MAIL_IS_LOCAL}}
