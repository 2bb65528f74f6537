"""Signs messages as Standard Webhooks has it, so that its libraries can check them."""

import base64
import hashlib
import hmac
import json
from typing import Any

from detection.models.webhooks import SECRET_PREFIX


def body_of(payload: dict[str, Any]) -> bytes:
    """Return a message as the bytes that are sent and signed."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def headers_of(*, secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers by which a receiver knows that a message is ours, new and unchanged.

    Args:
        secret: The webhook's.
        message_id: The same for each attempt, so that what comes twice is found out.
        timestamp: Of this attempt, in seconds since 1970.
        body: As it is sent.
    """
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + base64.b64encode(digest).decode("ascii"),
    }
