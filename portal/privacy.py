"""The privacy page: what is kept of whom, how long, and who answers for it, by the settings."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

# What the operator is asked to fill in, and what the page calls it while that is missing.
OPERATOR = {
    "OPERATOR_NAME": "who runs it",
    "OPERATOR_ADDRESS": "the postal address",
    "OPERATOR_EMAIL": "the e-mail address for questions about data",
    "OPERATOR_DATA_PLACE": "where the data is kept",
}


def unfilled() -> list[str]:
    """Return what the operator has not said, in words."""
    return [words for name, words in OPERATOR.items() if not getattr(settings, name)]


@checks.register(checks.Tags.security, deploy=True)
def operator_is_named(**_: Any) -> list[checks.Warning]:
    """Warn before others are let in to an installation that does not say who runs it."""
    if not unfilled():
        return []
    names = ", ".join(name for name in OPERATOR if not getattr(settings, name))
    return [
        checks.Warning(
            f"The privacy page does not say who answers for this installation: set {names}.",
            id="portal.W001",
        )
    ]


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """Tell what is kept, why, for how long, and where each right is exercised."""
    context = {
        "operator": {
            "name": settings.OPERATOR_NAME,
            "address": settings.OPERATOR_ADDRESS,
            "email": settings.OPERATOR_EMAIL,
            "data_place": settings.OPERATOR_DATA_PLACE,
        },
        "unfilled": unfilled(),
        "backup_days": settings.BACKUP_DAYS,
        "export_days": settings.DATA_EXPORT_DAYS,
        "fetches_addresses": settings.URL_FETCH,
        "webhook_log_days": settings.WEBHOOK_LOG_DAYS,
        "seen_by_all": settings.SEEN_BEFORE == "installation",
        "shares": settings.SHARE_LINKS,
        "share_max_days": settings.SHARE_MAX_DAYS,
        "clears_traces": connection.vendor == "sqlite",
        "logs_requests": settings.ACCESS_LOG,
    }
    return render(request, "privacy.html", context)
