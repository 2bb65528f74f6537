"""What a zip tells of the account itself: no secrets, and nothing of anybody else.

The rows of the site and of the libraries are reached from the person, as `detection` knows neither.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import Model

from detection.services.data_exports.telling import row_told, rows_told

# By the name of the relation that leads to a person: under which name it is told, and how.
TOLD: dict[str, tuple[str, Callable[[Any], list[dict[str, Any]]]]] = {
    "account.EmailAddress.user": (
        "email_addresses",
        lambda rows: rows_told(rows, "email", "verified", "primary"),
    ),
    "usersessions.UserSession.user": (
        "sessions",
        lambda rows: rows_told(rows, "ip", "user_agent", "created_at", "last_seen_at"),
    ),
    "mfa.Authenticator.user": (
        "second_factors",
        lambda rows: rows_told(rows, "type", "created_at", "last_used_at"),
    ),
    "portal.ApiToken.user": (
        "tokens",
        lambda rows: rows_told(rows, "name", "scopes", "created", "expiry", "last_used_at"),
    ),
    "detection.Webhook.owner": ("webhooks", lambda rows: [_webhook(row) for row in rows]),
    "detection.UsageDay.owner": (
        "usage",
        lambda rows: rows_told(rows, "day", "images", "bytes"),
    ),
    "detection.DataExport.owner": (
        "data_exports",
        lambda rows: rows_told(rows, "state", "created_at", "finished_at", "expires_at"),
    ),
    "detection.Tag.owner": ("tags", lambda rows: rows_told(rows, "name", "image_count")),
    "detection.AuditEvent.user": (
        "acts",
        lambda rows: rows_told(rows, "action", "subject", "details", "created_at"),
    ),
    "detection.IdempotentRequest.owner": (
        "repeatable_requests",
        lambda rows: rows_told(rows, "status", "created_at"),
    ),
    "admin.LogEntry.user": (
        "administration",
        lambda rows: rows_told(rows, "action_time", "object_repr", "action_flag"),
    ),
    "detection.LabelReview.reviewer": (
        "label_reviews",
        lambda rows: rows_told(rows, "decision", "label", "note", "created_at"),
    ),
    "detection.Promotion.user": (
        "promotions",
        lambda rows: rows_told(rows, "reason", "created_at"),
    ),
}
# What is told elsewhere in the zip.
ELSEWHERE = ("detection.Submission.owner", "detection.Analysis.owner", "detection.Feedback.user")


def relations(user: Any) -> dict[str, Any]:
    """Return everything in which a person is named, by model and column: found from the models."""
    return {
        f"{one.related_model._meta.app_label}.{one.related_model.__name__}.{one.field.name}": one
        for one in user._meta.get_fields(include_hidden=True)
        if one.auto_created and not one.concrete and hasattr(one, "field")
    }


def account_told(owner: Any) -> dict[str, Any]:
    """Return all that is kept of a person beyond their images."""
    told = row_told(owner, "email", "is_active", "is_staff", "date_joined", "last_login")
    for name, relation in relations(owner).items():
        if name in TOLD:
            key, tell = TOLD[name]
            model: type[Model] = relation.related_model
            rows = model._default_manager.filter(**{relation.field.name: owner})
            told[key] = tell(rows.order_by("pk"))
    return told


def _webhook(row: Any) -> dict[str, Any]:
    told = row_told(row, "url", "events", "is_active", "off_sentence", "created_at")
    deliveries = row.deliveries.order_by("pk")
    columns = ("event", "state", "status", "attempts", "created_at", "ended_at")
    return told | {"deliveries": rows_told(deliveries.iterator(), *columns)}
