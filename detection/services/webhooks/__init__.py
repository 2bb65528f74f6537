"""Tells programs what has ended, by messages to the addresses that their owners named."""

from detection.services.webhooks.events import (
    DELIVER_WEBHOOKS,
    analyses_ended,
    submissions_release,
)

__all__ = ["DELIVER_WEBHOOKS", "analyses_ended", "submissions_release"]
