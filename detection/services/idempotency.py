"""A request that is sent twice under one key is carried out once, and answered alike.

Its process may be killed, or the database go away, between what it made and its answer. So both are
one transaction. Where files are handed in, which takes too long for one, the key learns of the
submission in the transaction that makes its first rows; where no answer was kept, the submission is
taken back before the request is carried out once more: nobody was told of it.
"""

import hashlib
import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, IntegrityError, InterfaceError, transaction
from django.db.models import QuerySet

from detection.models import IdempotentRequest, Submission
from detection.services import clock
from detection.services.intake import submissions_delete

log = logging.getLogger(__name__)

KEPT = timedelta(hours=24)
# What has had no end for so many leases was ended by a power cut or a kill, and may be tried again:
# ten minutes by default.
LEASES = 5


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
                owner=owner, key=digest, fingerprint=fingerprint, created_at=clock.now()
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


def request_makes(*, request: IdempotentRequest, submission: Submission) -> None:
    """Note what a request makes, in the transaction that makes it.

    Raises:
        IdempotencyRefused: When the request took so long that it was given up.
    """
    if not _held(request).update(made=submission.public_id):
        raise _in_progress()


def request_end(*, request: IdempotentRequest, status: int, body: Any) -> None:
    """Keep what was answered; `body` as JSON.

    Raises:
        IdempotencyRefused: When the request took so long that it was given up: whoever took it over
            answers.
    """
    if not _held(request).update(status=status, body=body):
        raise _in_progress()


def request_forget(*, request: IdempotentRequest) -> None:
    """Give the key back: nothing comes of the request, and what it had made is taken back.

    Where the database is away the key waits until it is given up.
    """
    try:
        if _held(request).exists():
            _undo(request)
            _held(request).delete()
    except (DatabaseError, InterfaceError) as error:
        log.warning("a key stays taken until it is given up: %s", error)


def given_up_after() -> timedelta:
    """Return after how long without an end a request is given up."""
    return timedelta(seconds=LEASES * settings.ANALYSIS_LEASE_SECONDS)


def requests_forget_old(*, now: datetime | None = None) -> int:
    """Delete what is older than a day.

    Returns:
        How many were deleted.
    """
    before = (now or clock.now()) - KEPT
    count, _ = IdempotentRequest.objects.filter(created_at__lt=before).delete()
    return count


def _taken_over(row: IdempotentRequest) -> bool:
    """Tell whether the row was given up and is this request's now; of several, one gets it."""
    now = clock.now()
    if now - row.created_at < given_up_after():
        return False
    if not _held(row).update(created_at=now):
        return False
    row.created_at = now
    _undo(row)
    return True


def _held(row: IdempotentRequest) -> QuerySet[IdempotentRequest]:
    """Return the row as long as nobody has taken the request over, and it has no answer."""
    return IdempotentRequest.objects.filter(pk=row.pk, status=None, created_at=row.created_at)


def _undo(row: IdempotentRequest) -> None:
    """Take back what a request made before it was broken off; nobody was told of it."""
    made = _held(row).values_list("made", flat=True).first()
    if made:
        submissions_delete(
            submissions=Submission.objects.filter(owner_id=row.owner_id, public_id=made)
        )
        _held(row).update(made="")


def _in_progress() -> IdempotencyRefused:
    return IdempotencyRefused(
        "idempotency_in_progress",
        "The first request with this key is still being answered.",
        retry_after=1,
    )
