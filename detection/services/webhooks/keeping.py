"""Webhooks are made, changed, tried out and switched off."""

import logging
import smtplib
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.db import transaction

from detection.models import DeliveryState, Event, Webhook, WebhookDelivery
from detection.models.webhooks import EVENTS
from detection.services import clock
from detection.services.outgoing import address_trouble
from detection.services.queueing import task_send
from detection.services.webhooks.events import DELIVER_WEBHOOKS, message

log = logging.getLogger(__name__)

MOST_WEBHOOKS = 10
LONGEST_ADDRESS = 500


class WebhookRefused(Exception):
    """A webhook is not made or changed like that; `field` is what is wrong with it, if one is."""

    def __init__(self, code: str, sentence: str, field: str = "") -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.field = field


def webhook_create(*, owner: Any, url: str, events: Iterable[str]) -> Webhook:
    """Make a webhook; its secret is drawn.

    Raises:
        WebhookRefused: `too_many_webhooks`, `address_too_long`, `no_event`, `unknown_event`, and
            the codes of `outbound.address_parse`. Where a name leads is looked at anew with every
            message, and not now.
    """
    url, chosen = _checked_url(url), _checked_events(events)
    with transaction.atomic():
        # Locked, so that two requests at once do not both find room for one more.
        get_user_model().objects.select_for_update().filter(pk=owner.pk).first()
        if Webhook.objects.filter(owner=owner).count() >= MOST_WEBHOOKS:
            raise WebhookRefused(
                "too_many_webhooks", f"There are {MOST_WEBHOOKS} already, which is the most."
            )
        return Webhook.objects.create(owner=owner, url=url, events=chosen)


def webhook_change(
    *,
    webhook: Webhook,
    url: str | None = None,
    events: Iterable[str] | None = None,
    is_active: bool | None = None,
) -> Webhook:
    """Change what is given of a webhook; switched on, it starts anew without its past failures.

    Raises:
        WebhookRefused: As in `webhook_create`.
    """
    if url is not None:
        webhook.url = _checked_url(url)
    if events is not None:
        webhook.events = _checked_events(events)
    if is_active is not None:
        webhook.is_active = is_active
    if is_active or url is not None:
        webhook.failures, webhook.failing_since, webhook.resume_at = 0, None, None
        webhook.off_sentence = ""
    with transaction.atomic():
        webhook.save()
        if is_active is False:
            _give_up(webhook)
        transaction.on_commit(lambda: task_send(DELIVER_WEBHOOKS, webhook.pk), robust=True)
    return webhook


def webhook_delete(*, webhook: Webhook) -> None:
    """Delete a webhook with its log; what still waits is not sent."""
    webhook.delete()


def webhook_test(*, webhook: Webhook) -> WebhookDelivery:
    """Send a message that only says that it is a test.

    Raises:
        WebhookRefused: `webhook_off`.
    """
    _check_active(webhook)
    data = {"webhook": webhook.public_id, "sentence": "This is a test."}
    with transaction.atomic():
        # It is somebody who waits for it: as if nothing had failed before.
        Webhook.objects.filter(pk=webhook.pk).update(resume_at=None)
        delivery = WebhookDelivery.objects.create(
            webhook=webhook, event=Event.TEST, payload=message(Event.TEST, data)
        )
        transaction.on_commit(lambda: task_send(DELIVER_WEBHOOKS, webhook.pk), robust=True)
    return delivery


def delivery_repeat(*, delivery: WebhookDelivery) -> None:
    """Send a message once more, under the same id, that was taken or given up.

    Raises:
        WebhookRefused: `webhook_off`, or `still_waiting` while it is sent by itself.
    """
    webhook = delivery.webhook
    _check_active(webhook)
    with transaction.atomic():
        ended = WebhookDelivery.objects.exclude(state=DeliveryState.WAITING).filter(pk=delivery.pk)
        again = {"state": DeliveryState.WAITING, "attempts": 0, "ended_at": None}
        if not ended.update(**again, next_attempt_at=clock.now()):
            raise WebhookRefused("still_waiting", "It waits to be sent already.")
        Webhook.objects.filter(pk=webhook.pk).update(resume_at=None)
        transaction.on_commit(lambda: task_send(DELIVER_WEBHOOKS, webhook.pk), robust=True)


def webhook_off(*, webhook: Webhook, sentence: str) -> bool:
    """Switch a webhook off that takes nothing any more, and tell its owner by mail.

    Returns:
        Whether it was on until now.
    """
    with transaction.atomic():
        active = Webhook.objects.filter(pk=webhook.pk, is_active=True)
        if not active.update(is_active=False, off_sentence=sentence[:500]):
            return False
        _give_up(webhook)
    _mail(webhook, sentence)
    return True


def _give_up(webhook: Webhook) -> None:
    """End what waits for a webhook that is off: what it says would be old when it is on again."""
    WebhookDelivery.objects.waiting().filter(webhook=webhook).update(
        state=DeliveryState.FAILED,
        ended_at=clock.now(),
        error_code="webhook_off",
        error_sentence="The webhook was switched off.",
    )


def _check_active(webhook: Webhook) -> None:
    if not webhook.is_active:
        raise WebhookRefused("webhook_off", "The webhook is switched off.")


def _checked_url(url: str) -> str:
    url = url.strip()
    if len(url) > LONGEST_ADDRESS:
        sentence = f"An address has at most {LONGEST_ADDRESS} characters."
        raise WebhookRefused("address_too_long", sentence, "url")
    trouble = address_trouble(url)
    if trouble:
        raise WebhookRefused(trouble.code, trouble.sentence, "url")
    return url


def _checked_events(events: Iterable[str]) -> list[str]:
    given = set(events)
    chosen = [event.value for event in EVENTS if event.value in given]
    if len(chosen) != len(given):
        known = ", ".join(event.value for event in EVENTS)
        raise WebhookRefused("unknown_event", f"These can be told: {known}.", "events")
    if not chosen:
        raise WebhookRefused("no_event", "Choose what is to be told.", "events")
    return chosen


def _mail(webhook: Webhook, sentence: str) -> None:
    text = (
        f"Your webhook to {webhook.url} was switched off.\n\n{sentence}\n\n"
        "What waited for it is not sent any more. When its server is well again, switch it on on "
        "the page of your webhooks, and send it a test.\n"
    )
    mail = EmailMessage("[Veripix] A webhook was switched off", text, to=[webhook.owner.email])
    try:
        mail.send()
    except (OSError, smtplib.SMTPException) as error:
        # Neither the address nor the server's words, which quote it.
        kind = type(error).__name__
        log.warning("the mail on webhook %s was not sent: %s", webhook.pk, kind)
