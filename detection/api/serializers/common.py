"""Fields and answers that many endpoints share."""

from collections.abc import Callable
from typing import Any

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


@extend_schema_field(OpenApiTypes.URI)
class Address(serializers.Field):
    """The whole address of something with a public id; `None` where there is no such thing.

    Args:
        route: The name of the address.
        of: Leads from the row to that whose public id it takes.
        when: Tells of the row whether there is anything at the address.
    """

    def __init__(
        self,
        route: str,
        *,
        of: Callable[[Any], Any] | None = None,
        when: Callable[[Any], bool] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(source="*", read_only=True, allow_null=when is not None, **options)
        self._route, self._of, self._when = route, of, when

    def to_representation(self, value: Any) -> str | None:
        """Return the address, as whoever asks has reached this installation."""
        if self._when is not None and not self._when(value):
            return None
        named = self._of(value) if self._of else value
        path = reverse(self._route, args=[named.public_id])
        address: str = self.context["request"].build_absolute_uri(path)
        return address


class ErrorSerializer(serializers.Serializer):
    """What went wrong, for programs and for people."""

    code = serializers.CharField(help_text="For programs; it stays as it is.")
    message = serializers.CharField(help_text="A sentence for people.")
    field = serializers.CharField(required=False, help_text="Which value it is about.")
    details = serializers.JSONField(required=False, help_text="More for programs.")


class ErrorAnswerSerializer(serializers.Serializer):
    """The one form of every error."""

    error = ErrorSerializer()


class StoredErrorSerializer(serializers.Serializer):
    """Why something that was accepted came to nothing."""

    code = serializers.CharField(source="error_code")
    message = serializers.CharField(source="error_sentence")


class RefusalSerializer(serializers.Serializer):
    """A file that was not taken in, and why."""

    file_name = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField(source="sentence")
