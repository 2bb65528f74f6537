"""What is told of the installation and of one's own use of it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from detection.models import Track


class HealthSerializer(serializers.Serializer):
    """That it answers."""

    status = serializers.ChoiceField(["ok"])
    version = serializers.CharField()


class FigureSerializer(serializers.Serializer):
    """A share that was measured on test images."""

    name = serializers.CharField()
    label = serializers.CharField()
    value = serializers.FloatField()
    interval = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text="95 %."
    )
    images = serializers.IntegerField(allow_null=True)


class CardSerializer(serializers.Serializer):
    """What was measured of a version."""

    measured_on = serializers.CharField()
    figures = FigureSerializer(many=True)


class ModelSerializer(serializers.Serializer):
    """A version that answers here."""

    label = serializers.CharField()
    name = serializers.CharField()
    number = serializers.IntegerField()
    track = serializers.ChoiceField(Track.choices)
    weights_sha256 = serializers.CharField()
    domain = serializers.CharField(help_text="For which images it was validated.")
    card = CardSerializer(allow_null=True)


class ModelsSerializer(serializers.Serializer):
    """The versions that answer, one for each track that has one."""

    results = ModelSerializer(many=True)


class AmountSerializer(serializers.Serializer):
    """How many images and bytes; null is without limit."""

    images = serializers.IntegerField(allow_null=True)
    bytes = serializers.IntegerField(allow_null=True)


class DaySerializer(serializers.Serializer):
    """What was handed in on a day (UTC)."""

    day = serializers.DateField()
    images = serializers.IntegerField()
    bytes = serializers.IntegerField()


class UsageSerializer(serializers.Serializer):
    """What one handed in of late, and what the quota leaves of today."""

    quota = AmountSerializer(help_text="What may be handed in on one day.")
    left = serializers.SerializerMethodField(help_text="What of it is left today.")
    today = DaySerializer()
    resets_at = serializers.DateTimeField(help_text="When a new day begins.")
    days = DaySerializer(many=True, help_text="Of the last 30 days those with anything.")

    @extend_schema_field(AmountSerializer)
    def get_left(self, usage: Any) -> dict[str, int | None]:
        """What still goes in today."""
        return {"images": usage.images_left, "bytes": usage.bytes_left}
