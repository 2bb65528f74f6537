"""A request that is sent twice under one key is carried out once, and answered alike."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from detection.models import IdempotentRequest

KEPT = timedelta(hours=24)
# What has had no end for so long was ended by a power cut or a kill, and may be tried again.
GIVEN_UP_AFTER = timedelta(minutes=10)


class IdempotencyRefused(Exception):
    """The key was used for something else, or its first request is still being answered."""

    def __init__(self, code: str, sentence: str, *, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.retry_after = retry_after


def request_begin(*, owner: Any, key: str, fingerprint: str) -> IdempotentRequest:
    """Take a key, or find what was answered under it before.

    Of several requests with one key exactly one gets a row without a status: it is to be carried
    out, and then ended by `request_end` or `request_forget`.

    Args:
        fingerprint: SHA-256 of what is asked for, in hexadecimal digits.

    Returns:
        The row; with a status where it was answered before.

    Raises:
        IdempotencyRefused: `idempotency_mismatch` or `idempotency_in_progress`.
    """
    # Hashed, since to MySQL "a" and "A" would be the same key.
    digest = hashlib.sha256(key.encode()).hexdigest()
    try:
        with transaction.atomic():
            return IdempotentRequest.objects.create(
                owner=owner, key=digest, fingerprint=fingerprint
            )
    except IntegrityError:
        row = IdempotentRequest.objects.filter(owner=owner, key=digest).first()
    if row is None:
        # Forgotten between the two: the first one came to nothing, and this one may be sent again.
        raise _in_progress()
    if row.fingerprint != fingerprint:
        raise IdempotencyRefused(
            "idempotency_mismatch", "This key was used before, for something else."
        )
    if row.status is None and not _taken_over(row):
        raise _in_progress()
    return row


def request_end(*, request: IdempotentRequest, status: int, body: Any) -> None:
    """Keep what was answered; `body` as JSON."""
    IdempotentRequest.objects.filter(pk=request.pk).update(status=status, body=body)


def request_forget(*, request: IdempotentRequest) -> None:
    """Give the key back: nothing came of the request."""
    IdempotentRequest.objects.filter(pk=request.pk, status=None).delete()


def requests_forget_old(*, now: datetime | None = None) -> int:
    """Delete what is older than a day.

    Returns:
        How many were deleted.
    """
    before = (now or timezone.now()) - KEPT
    count, _ = IdempotentRequest.objects.filter(created_at__lt=before).delete()
    return count


def _taken_over(row: IdempotentRequest) -> bool:
    """Tell whether the row was given up and is this request's now; of several, one gets it."""
    now = timezone.now()
    if now - row.created_at < GIVEN_UP_AFTER:
        return False
    same = IdempotentRequest.objects.filter(pk=row.pk, status=None, created_at=row.created_at)
    return bool(same.update(created_at=now))


def _in_progress() -> IdempotencyRefused:
    return IdempotencyRefused(
        "idempotency_in_progress",
        "The first request with this key is still being answered.",
        retry_after=1,
    )
