"""Sends messages: in turn, with more and more time between attempts, and not for ever."""

import logging
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Coalesce

from detection import telemetry
from detection.models import DeliveryState, Webhook, WebhookDelivery
from detection.models.webhooks import WebhookDeliveryQuerySet
from detection.outbound import Answer, OutboundRefused, post
from detection.services import clock
from detection.services.outgoing import outbound_rules
from detection.services.queueing import task_send
from detection.services.webhooks.events import DELIVER_WEBHOOKS, submissions_release
from detection.services.webhooks.keeping import webhook_off
from detection.services.webhooks.signing import body_of, headers_of

log = logging.getLogger(__name__)

# After this long others have their turn; what is left comes after them.
TURN_SECONDS = 15.0
LONGEST_WAIT = timedelta(hours=6)
# With this answer a receiver says that it wants no more.
GONE = 410
# So many rows of the log a sweep deletes.
AT_ONCE = 500


def webhook_deliver(*, webhook_id: int) -> int:
    """Send what is due to one webhook, until nothing is, or it does not answer.

    Sent by several workers at once, each message is still sent by one of them: it is claimed by
    moving its next attempt to when this one must be over.

    Returns:
        How many attempts were made.
    """
    end, count = time.monotonic() + TURN_SECONDS, 0
    while (claim := delivery_claim(webhook_id)) is not None:
        _attempt(claim)
        count += 1
        if time.monotonic() > end:
            task_send(DELIVER_WEBHOOKS, webhook_id)
            break
    return count


def webhooks_sweep(*, now: datetime | None = None) -> int:
    """Release what tells of submissions that have ended, send what is due, and shorten the log.

    Returns:
        How many webhooks something is sent to.
    """
    now = now or clock.now()
    submissions_release(now=now)
    # Asked for first: so what waits for one that is left alone, however much it is, is not read.
    hooks = list(Webhook.objects.open_at(now).values_list("pk", flat=True))
    due = WebhookDelivery.objects.due_at(now).filter(webhook__in=hooks).order_by()
    found = due.values_list("webhook", flat=True).distinct()
    for webhook_id in found:
        # Whatever is due at one address holds up no other one's.
        task_send(DELIVER_WEBHOOKS, webhook_id)
    _shorten_log(now)
    return len(found)


def delivery_claim(webhook_id: int) -> WebhookDelivery | None:
    """Take the message that has been due for longest, if the webhook is open; else nothing."""
    while True:
        now = clock.now()
        open_hooks = Webhook.objects.open_at(now).filter(pk=webhook_id)
        due = WebhookDelivery.objects.due_at(now).filter(webhook__in=open_hooks)
        first = due.select_related("webhook__owner").first()
        if first is None:
            return None
        until = now + timedelta(seconds=settings.WEBHOOK_SECONDS + 60)
        waiting = WebhookDelivery.objects.waiting()
        mine = waiting.filter(pk=first.pk, next_attempt_at=first.next_attempt_at)
        if mine.update(next_attempt_at=until, attempts=F("attempts") + 1):
            first.next_attempt_at, first.attempts = until, first.attempts + 1
            return first


def wait_before(attempts: int) -> timedelta:
    """Return how long to wait after so many failed attempts."""
    seconds = settings.WEBHOOK_RETRY_SECONDS * 4 ** min(attempts - 1, 10)
    return min(timedelta(seconds=seconds), LONGEST_WAIT)


def _attempt(claim: WebhookDelivery) -> None:
    """Send one message and note what came of it."""
    body, started = body_of(claim.payload), time.monotonic()
    headers = headers_of(
        secret=claim.webhook.secret,
        message_id=claim.public_id,
        timestamp=int(time.time()),
        body=body,
    )
    rules = outbound_rules(seconds=settings.WEBHOOK_SECONDS)
    try:
        answer = post(claim.webhook.url, body, headers, rules)
    except OutboundRefused as refused:
        _failed(claim, refused, round(1000 * (time.monotonic() - started)))
    else:
        _taken(claim, answer)


def _taken(claim: WebhookDelivery, answer: Answer) -> None:
    telemetry.webhook_tried("delivered", answer.milliseconds / 1000)
    end = {"state": DeliveryState.DELIVERED, "ended_at": clock.now(), "status": answer.status}
    _mine(claim).update(**end, error_code="", error_sentence="", milliseconds=answer.milliseconds)
    ailing = Webhook.objects.filter(pk=claim.webhook_id, failures__gt=0)
    ailing.update(failures=0, failing_since=None, resume_at=None)


def _failed(claim: WebhookDelivery, refused: OutboundRefused, milliseconds: int) -> None:
    now = clock.now()
    log.info("delivery %s failed: %s %s", claim.pk, refused.code, refused.status or "")
    said = {
        "status": refused.status,
        "error_code": refused.code,
        "error_sentence": refused.sentence[:500],
        "milliseconds": milliseconds,
    }
    is_last = claim.attempts >= settings.WEBHOOK_ATTEMPTS
    telemetry.webhook_tried("given_up" if is_last else "failed", milliseconds / 1000)
    if is_last:
        _mine(claim).update(**said, state=DeliveryState.FAILED, ended_at=now)
    else:
        _mine(claim).update(**said, next_attempt_at=now + wait_before(claim.attempts))
    hook = Webhook.objects.filter(pk=claim.webhook_id)
    hook.update(failures=F("failures") + 1, failing_since=Coalesce("failing_since", now))
    webhook = hook.select_related("owner").first()
    if webhook is None:
        return
    if refused.status is None:
        # It was waited for in vain; with all the others that wait this would go on for hours.
        hook.update(resume_at=now + wait_before(webhook.failures))
    if refused.status == GONE:
        webhook_off(webhook=webhook, sentence="Its server answered 410: it wants no more.")
    elif _has_failed_for_long(webhook, now):
        webhook_off(
            webhook=webhook,
            sentence=f"For {settings.WEBHOOK_OFF_DAYS} days it took no message; the last time: "
            f"{refused.sentence}",
        )


def _has_failed_for_long(webhook: Webhook, now: datetime) -> bool:
    since = webhook.failing_since
    is_long = since is not None and now - since >= timedelta(days=settings.WEBHOOK_OFF_DAYS)
    return is_long and webhook.failures >= settings.WEBHOOK_ATTEMPTS


def _mine(claim: WebhookDelivery) -> WebhookDeliveryQuerySet:
    """Return the row as long as this very claim holds it."""
    waiting = WebhookDelivery.objects.waiting()
    return waiting.filter(
        pk=claim.pk, attempts=claim.attempts, next_attempt_at=claim.next_attempt_at
    )


def _shorten_log(now: datetime) -> None:
    """Delete what ended long ago, some at a time, so that no lock is held for long."""
    kept_since = now - timedelta(days=settings.WEBHOOK_LOG_DAYS)
    old = WebhookDelivery.objects.filter(ended_at__lt=kept_since).order_by("ended_at")
    keys = list(old.values_list("pk", flat=True)[:AT_ONCE])
    if keys:
        WebhookDelivery.objects.filter(pk__in=keys).delete()
