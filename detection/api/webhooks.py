"""Webhooks: made, changed, tried out, and what was sent to them."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from detection.api.base import ApiView, created
from detection.api.errors import Refused
from detection.api.idempotency import idempotent
from detection.api.pagination import NewestFirst
from detection.api.serializers.webhooks import (
    ChangedWebhookSerializer,
    DeliverySerializer,
    GivenWebhookSerializer,
    MadeWebhookSerializer,
    WebhookSerializer,
    field_of,
    given,
)
from detection.models import Webhook, WebhookDelivery
from detection.services import webhooks
from detection.services.webhooks import WebhookRefused

TAGS = ["Webhooks"]


class Webhooks(ApiView):
    """One's webhooks."""

    pagination_class = NewestFirst

    @extend_schema(
        operation_id="webhooks_list",
        tags=TAGS,
        summary="Your webhooks, newest first",
        responses=WebhookSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List them."""
        return self.page(Webhook.objects.visible_to(request.user), WebhookSerializer)

    @extend_schema(
        operation_id="webhooks_create",
        tags=TAGS,
        summary="Make a webhook",
        description="The answer is the only one that tells its secret; its page shows it again.",
        request=GivenWebhookSerializer,
        responses={201: MadeWebhookSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Make one."""
        values = given(self.given(GivenWebhookSerializer).validated_data)
        made = _told_by_field(lambda: webhooks.webhook_create(owner=request.user, **values))
        return created(self.told(MadeWebhookSerializer, made))


class WebhookDetail(ApiView):
    """One webhook."""

    @extend_schema(
        operation_id="webhooks_read",
        tags=TAGS,
        summary="One webhook",
        responses=WebhookSerializer,
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Tell it."""
        return Response(self.told(WebhookSerializer, _own(request, public_id)))

    @extend_schema(
        operation_id="webhooks_change",
        tags=TAGS,
        summary="Change a webhook, switch it off or on",
        description="Switched on, it begins anew; what waited when it was switched off is lost.",
        request=ChangedWebhookSerializer,
        responses=WebhookSerializer,
    )
    def patch(self, request: Request, public_id: str) -> Response:
        """Change what is given."""
        webhook = _own(request, public_id)
        values = given(self.given(ChangedWebhookSerializer).validated_data)
        changed = _told_by_field(lambda: webhooks.webhook_change(webhook=webhook, **values))
        return Response(self.told(WebhookSerializer, changed))

    @extend_schema(
        operation_id="webhooks_delete",
        tags=TAGS,
        summary="Delete a webhook with its log",
        responses={204: None},
    )
    def delete(self, request: Request, public_id: str) -> Response:
        """Delete it."""
        webhooks.webhook_delete(webhook=_own(request, public_id))
        return Response(status=204)


class WebhookTest(ApiView):
    """Trying a webhook out."""

    @extend_schema(
        operation_id="webhooks_test",
        tags=TAGS,
        summary="Send a test",
        description="Its deliveries tell what came of it.",
        request=None,
        responses={202: DeliverySerializer},
    )
    @idempotent
    def post(self, request: Request, public_id: str) -> Response:
        """Send a message that only says that it is a test."""
        delivery = webhooks.webhook_test(webhook=_own(request, public_id))
        return Response(self.told(DeliverySerializer, delivery), status=202)


class WebhookDeliveries(ApiView):
    """What was sent to a webhook."""

    pagination_class = NewestFirst

    @extend_schema(
        operation_id="deliveries_list",
        tags=TAGS,
        summary="What was sent to a webhook, newest first",
        responses=DeliverySerializer(many=True),
    )
    def get(self, request: Request, public_id: str) -> Response:
        """List its messages, without those on submissions that have not ended."""
        sent = _own(request, public_id).deliveries.exclude(next_attempt_at=None)
        return self.page(sent, DeliverySerializer)


class DeliveryRepeat(ApiView):
    """Sending a message once more."""

    @extend_schema(
        operation_id="deliveries_repeat",
        tags=TAGS,
        summary="Send a message once more that was taken or given up",
        request=None,
        responses={202: DeliverySerializer},
    )
    @idempotent
    def post(self, request: Request, public_id: str) -> Response:
        """Send it under the same id."""
        mine = WebhookDelivery.objects.visible_to(request.user).select_related("webhook")
        delivery = get_object_or_404(mine, public_id=public_id)
        webhooks.delivery_repeat(delivery=delivery)
        delivery.refresh_from_db()
        return Response(self.told(DeliverySerializer, delivery), status=202)


def _own(request: Request, public_id: str) -> Webhook:
    mine: Webhook = get_object_or_404(Webhook.objects.visible_to(request.user), public_id=public_id)
    return mine


def _told_by_field(act: Any) -> Webhook:
    """Do it; what is refused is told with the name that the value has here."""
    try:
        webhook: Webhook = act()
    except WebhookRefused as refused:
        field = field_of(refused.field)
        raise Refused(refused.code, refused.sentence, field=field) from None
    return webhook
