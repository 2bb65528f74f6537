"""Writes down who did what, and chains these events so that none can be changed unseen."""

import hashlib
import hmac
import json
import logging
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.utils.crypto import constant_time_compare
from redis import RedisError

from detection.models import AuditEvent

log = logging.getLogger(__name__)

# How many events a sweep takes into the chain, and how many of what is wrong are named.
SEALED_AT_ONCE, NAMED = 1000, 20
# What is recorded when staff see what another person handed in.
LOOK = "look"
# Who looks at the same thing again within this time has looked once.
LOOK_SECONDS = 3600


def audit_record(*, user: Any, action: str, subject: object, **details: Any) -> AuditEvent:
    """Keep one act; called in the transaction of the act itself, so both are stored or neither.

    Of staff the address is kept, also when the account is gone; of others only the user's number,
    so that nothing of somebody who has left stays behind.

    Args:
        user: Who did it; `None` for the installation itself.
        action: The service that did it, such as `version_promote`.
        subject: What it was done to, as people read it; no name of a person or of their file.
        details: Plain JSON values that say how.
    """
    return AuditEvent.objects.create(
        user=user,
        user_email=_who(user),
        action=action,
        subject=str(subject)[:200],
        details=details,
    )


def look_record(*, user: Any, subject: str) -> None:
    """Keep that somebody of the staff looked at what another person handed in.

    Where the cache is away, every look is kept.
    """
    try:
        key = f"look:{user.pk}:{subject.replace(' ', '-')}"
        is_first = cache.add(key, True, LOOK_SECONDS)
    except (OSError, RedisError):
        is_first = True
    if is_first:
        audit_record(user=user, action=LOOK, subject=subject)


def audit_seal() -> int:
    """Take events that were committed since into the chain: each digest covers the one before.

    Apart from the act itself, as a lock on the end of the chain would let all acts wait for one
    another. Of two that seal at once the database refuses the later one.

    Returns:
        How many were taken in.
    """
    fresh = list(AuditEvent.objects.unsealed().order_by("pk")[:SEALED_AT_ONCE])
    if not fresh:
        return 0
    last = AuditEvent.objects.chain().last()
    if last is not None and not event_holds(last):
        # With another key, or behind a change, a seal would make it worse.
        log.error("the end of the audit does not hold, so nothing is sealed: see manage.py audit")
        return 0
    number, digest = (last.number or 0, last.digest) if last else (0, "")
    try:
        with transaction.atomic():
            for event in fresh:
                number, digest = number + 1, digest_of(event, digest)
                event.number, event.digest = number, digest
                event.save(update_fields=["number", "digest"])
    except IntegrityError:
        return 0
    # Kept elsewhere, this line shows later whether the end of the chain was cut off.
    log.info("the audit has %s events, head %s", number, digest)
    return len(fresh)


def event_holds(event: AuditEvent) -> bool:
    """Tell whether a sealed event is what was recorded, and follows the one before it."""
    before = AuditEvent.objects.chain().filter(number__lt=event.number).last()
    follows = (before.number if before else 0) == (event.number or 0) - 1
    return follows and _fits(event, before.digest if before else "")


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a look along the chain came to.

    Attributes:
        count: Events in the chain.
        head: The digest of the last one; whoever keeps it elsewhere can tell a cut.
        unsealed: Events that are not in the chain yet.
        breaks: A sentence for each place where it does not hold, of the first few.
    """

    count: int
    head: str
    unsealed: int
    breaks: list[str]

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing was changed, put in or left out."""
        return not self.breaks


def audit_verify(*, head: str = "") -> AuditReport:
    """Go along the whole chain and compute each digest anew.

    Args:
        head: A digest that was the last one at some time and must be in the chain still.
    """
    count, digest, breaks, is_known = 0, "", [], not head
    for event in AuditEvent.objects.chain().iterator(chunk_size=1000):
        count += 1
        if event.number != count:
            breaks.append(f"Between {count - 1} and {event.number} events are missing.")
            count = event.number or count
        elif not _fits(event, digest):
            breaks.append(f"Event {event.number} is not what was recorded, or the one before it.")
        digest = event.digest
        is_known = is_known or digest == head
        if len(breaks) >= NAMED:
            break
    if not is_known:
        breaks.append("The digest that was given is not in the chain: its end was cut off.")
    unsealed = AuditEvent.objects.unsealed().count()
    return AuditReport(count, digest, unsealed, breaks)


class ChainBroken(Exception):
    """The chain does not hold, so it is not sealed again without somebody's word.

    Attributes:
        report: What was found.
    """

    code = "chain_broken"

    def __init__(self, report: AuditReport) -> None:
        super().__init__("The chain of the audit does not hold.")
        self.report = report


def audit_seal_again(*, user: Any = None, accept_breaks: bool = False) -> int:
    """Chain all events anew, with the key of today; that this was done is an event itself.

    Args:
        user: Who asks; `None` for somebody at a terminal.
        accept_breaks: Although the chain does not hold; what was found is kept in that event.

    Returns:
        How many events the chain has.

    Raises:
        ChainBroken: It does not hold by today's key, nor by one of `SECRET_KEY_FALLBACKS`.
    """
    report = audit_verify()
    if not (report.is_whole or accept_breaks):
        raise ChainBroken(report)
    with transaction.atomic():
        audit_record(
            user=user,
            action="audit_seal_again",
            subject="all events",
            head=report.head,
            breaks=report.breaks,
        )
        AuditEvent.objects.update(number=None, digest="")
    while audit_seal():
        pass
    return AuditEvent.objects.chain().count()


def audit_check() -> AuditReport:
    """Verify the chain as the clock asks for it, and log what does not hold."""
    report = audit_verify()
    if not report.is_whole:
        log.error("the audit does not hold: %s", " ".join(report.breaks))
    return report


def _fits(event: AuditEvent, before: str) -> bool:
    """Tell whether a digest fits, by the key of today or one that was changed and is kept."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return any(constant_time_compare(event.digest, digest_of(event, before, key)) for key in keys)


def digest_of(event: AuditEvent, before: str, secret: str = "") -> str:
    """Return the HMAC-SHA256 over an event and the digest before it, as 64 hexadecimal digits.

    The user's row is left out: it may go, and what was done stays. `secret` is `SECRET_KEY`, unless
    another one is given.
    """
    told = [
        before,
        event.pk,
        event.user_email,
        event.action,
        event.subject,
        event.details,
        event.created_at.isoformat(),
    ]
    content = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    key = hashlib.sha256(f"veripix.audit:{secret or settings.SECRET_KEY}".encode()).digest()
    return hmac.new(key, content.encode(), hashlib.sha256).hexdigest()


def _who(user: Any) -> str:
    if user is None or user.pk is None:
        return ""
    return str(user.email) if user.is_staff else f"user {user.pk}"
