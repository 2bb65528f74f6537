"""A submission: what was handed in at once, and how far it is."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from detection.api.serializers.analyses import BriefAnalysisSerializer
from detection.api.serializers.common import Address, RefusalSerializer, StoredErrorSerializer
from detection.models import Analysis, State, Submission, UrlFetch
from detection.models.analyses import UNFINISHED
from detection.models.submissions import Source
from detection.services.intake import HandedIn

# So many refusals are told; a submission keeps twice as many as it may have files.
TOLD = 200


class FetchSerializer(serializers.Serializer):
    """An image that is, or was, fetched by its address."""

    url = serializers.CharField()
    state = serializers.ChoiceField(State.choices)
    image = serializers.CharField(source="image.public_id", default=None, allow_null=True)
    error = serializers.SerializerMethodField()

    @extend_schema_field(StoredErrorSerializer(allow_null=True))
    def get_error(self, fetch: UrlFetch) -> Any:
        """Why nothing came of it."""
        return StoredErrorSerializer(fetch).data if fetch.error_code else None


class SubmissionSerializer(serializers.Serializer):
    """A submission, as lists tell it."""

    id = serializers.CharField(source="public_id")
    url = Address("api_submission")
    page = Address("submission_detail", help_text="Where people read it.")
    created_at = serializers.DateTimeField()
    source = serializers.ChoiceField(Source.choices)
    analyses_url = serializers.SerializerMethodField()

    @extend_schema_field(OpenApiTypes.URI)
    def get_analyses_url(self, submission: Submission) -> str:
        """Where its analyses are listed."""
        path = f"{reverse('api_analyses')}?submission={submission.public_id}"
        address: str = self.context["request"].build_absolute_uri(path)
        return address


class CountsSerializer(serializers.Serializer):
    """How many of its images are how far, by their answers that stand."""

    total = serializers.IntegerField()
    unfinished = serializers.IntegerField()
    finished = serializers.IntegerField()
    failed = serializers.IntegerField()
    likely_ai = serializers.IntegerField()
    likely_real = serializers.IntegerField()
    inconclusive = serializers.IntegerField()


class SubmissionStateSerializer(SubmissionSerializer):
    """A submission, and how far it is."""

    is_finished = serializers.SerializerMethodField(
        help_text="Whether nothing is waiting, being fetched or being analysed any more."
    )
    counts = serializers.SerializerMethodField()
    refusals = serializers.SerializerMethodField()
    fetches = serializers.SerializerMethodField()

    def get_is_finished(self, submission: Submission) -> bool:
        """Tell whether all has come to an end."""
        fetched = all(one.state not in UNFINISHED for one in self._fetches(submission))
        return fetched and not self._counts(submission)["unfinished"]

    @extend_schema_field(CountsSerializer)
    def get_counts(self, submission: Submission) -> Any:
        """Count its analyses by state and verdict."""
        return self._counts(submission)

    @extend_schema_field(RefusalSerializer(many=True))
    def get_refusals(self, submission: Submission) -> Any:
        """The files that were not taken in."""
        return RefusalSerializer(submission.refusals.all()[:TOLD], many=True).data

    @extend_schema_field(FetchSerializer(many=True))
    def get_fetches(self, submission: Submission) -> Any:
        """The addresses that images are fetched from."""
        return FetchSerializer(self._fetches(submission), many=True).data

    def _fetches(self, submission: Submission) -> list[UrlFetch]:
        if not hasattr(self, "_read_fetches"):
            self._read_fetches = list(submission.fetches.select_related("image"))
        return self._read_fetches

    def _counts(self, submission: Submission) -> dict[str, int]:
        if not hasattr(self, "_read_counts"):
            analyses = Analysis.objects.filter(image__submission=submission).on_images()
            self._read_counts = analyses.current().counted()
        return self._read_counts


class HandedInSerializer(SubmissionSerializer):
    """A new submission: what was taken in, and what was not; told of an `intake.HandedIn`."""

    analyses = BriefAnalysisSerializer(many=True, help_text="Of its images; they wait now.")
    refusals = RefusalSerializer(many=True)
    fetches = FetchSerializer(many=True)

    def to_representation(self, instance: HandedIn) -> dict[str, Any]:
        """Tell of the submission what every list tells, and of the rest what came with it."""
        about = SubmissionSerializer(instance.submission, context=self.context).data
        came = {
            name: self.fields[name].to_representation(getattr(instance, name))
            for name in ("analyses", "refusals", "fetches")
        }
        return {**about, **came}


class AddressesSerializer(serializers.Serializer):
    """One address of an image, or several."""

    url = serializers.CharField(max_length=2000, required=False)
    urls = serializers.ListField(
        child=serializers.CharField(max_length=2000), required=False, min_length=1
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Take either of them, and not too many."""
        if ("url" in attrs) == ("urls" in attrs):
            raise serializers.ValidationError("Send either 'url' or 'urls'.")
        if len(attrs.get("urls", ())) > settings.MAX_FILES:
            most = f"At most {settings.MAX_FILES} images can be handed in at once."
            raise serializers.ValidationError({"urls": [most]})
        return attrs

    @property
    def addresses(self) -> list[str]:
        """What was sent."""
        given = self.validated_data
        return [given["url"]] if "url" in given else list(given["urls"])


class FilesSerializer(serializers.Serializer):
    """One file or many, each in a part named `images`."""

    images = serializers.ListField(child=serializers.FileField(), min_length=1)
