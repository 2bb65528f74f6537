"""Tells programs what has ended, by messages to the addresses that their owners named."""

from detection.services.webhooks.deliveries import webhook_deliver, webhooks_sweep
from detection.services.webhooks.events import (
    DELIVER_WEBHOOKS,
    analyses_ended,
    submission_expect,
    submissions_release,
)
from detection.services.webhooks.keeping import (
    MOST_WEBHOOKS,
    WebhookRefused,
    delivery_repeat,
    webhook_change,
    webhook_create,
    webhook_delete,
    webhook_off,
    webhook_test,
)

__all__ = [
    "DELIVER_WEBHOOKS",
    "MOST_WEBHOOKS",
    "WebhookRefused",
    "analyses_ended",
    "delivery_repeat",
    "submission_expect",
    "submissions_release",
    "webhook_change",
    "webhook_create",
    "webhook_delete",
    "webhook_deliver",
    "webhook_off",
    "webhook_test",
    "webhooks_sweep",
]
