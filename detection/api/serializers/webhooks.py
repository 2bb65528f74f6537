"""A webhook, and what was sent to it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from detection.api.serializers.common import Address, StoredErrorSerializer
from detection.models import DeliveryState, Event, WebhookDelivery
from detection.models.webhooks import EVENTS

CHOICES = [(event.value, event.label) for event in EVENTS]


class WebhookSerializer(serializers.Serializer):
    """A webhook."""

    id = serializers.CharField(source="public_id")
    url = Address("api_webhook")
    target = serializers.CharField(source="url", help_text="Where messages are sent.")
    events = serializers.ListField(child=serializers.ChoiceField(CHOICES))
    is_active = serializers.BooleanField()
    off_sentence = serializers.CharField(
        help_text="Why it was switched off, where nobody did it by hand; else empty."
    )
    failures = serializers.IntegerField(
        help_text="Attempts that failed since the last message that was taken."
    )
    created_at = serializers.DateTimeField()


class MadeWebhookSerializer(WebhookSerializer):
    """A new webhook; nothing but its page shows the secret again."""

    secret = serializers.CharField(help_text="With it signatures are checked.")


class GivenWebhookSerializer(serializers.Serializer):
    """A webhook to be made; the service says what is wrong with an address."""

    target = serializers.CharField(max_length=2000)
    events = serializers.ListField(child=serializers.ChoiceField(CHOICES), min_length=1)


class ChangedWebhookSerializer(serializers.Serializer):
    """What is to be changed of a webhook; what is left out stays."""

    target = serializers.CharField(max_length=2000, required=False)
    events = serializers.ListField(
        child=serializers.ChoiceField(CHOICES), min_length=1, required=False
    )
    is_active = serializers.BooleanField(required=False)


class DeliverySerializer(serializers.Serializer):
    """A message to a webhook, until it was taken or given up."""

    id = serializers.CharField(
        source="public_id", help_text="The `webhook-id` that it is sent with."
    )
    event = serializers.ChoiceField(Event.choices)
    state = serializers.ChoiceField(DeliveryState.choices)
    attempts = serializers.IntegerField()
    status = serializers.IntegerField(
        allow_null=True, help_text="Of the last attempt; null where nobody answered."
    )
    milliseconds = serializers.IntegerField(allow_null=True)
    error = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    next_attempt_at = serializers.SerializerMethodField()
    ended_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(StoredErrorSerializer(allow_null=True))
    def get_error(self, delivery: WebhookDelivery) -> object:
        """Why the last attempt failed."""
        return StoredErrorSerializer(delivery).data if delivery.error_code else None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_next_attempt_at(self, delivery: WebhookDelivery) -> object:
        """When it is sent; `None` once it has ended."""
        if delivery.state != DeliveryState.WAITING:
            return None
        return serializers.DateTimeField().to_representation(delivery.next_attempt_at)


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Return what was sent by the names that services have."""
    return {"url" if name == "target" else name: value for name, value in values.items()}


def field_of(name: str) -> str:
    """Return the name here of what a service found fault with."""
    return "target" if name == "url" else name
