"""The installation and one's own use of it: health, models, usage."""

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from detection.api.base import ApiView, OpenApiView
from detection.api.examples import ANSWERING, USED
from detection.api.serializers.about import HealthSerializer, ModelsSerializer, UsageSerializer
from detection.models import ModelVersion, Track
from detection.services.quotas import usage_of
from detection.services.report_content import model_told


class Health(OpenApiView):
    """Whether the interface answers."""

    @extend_schema(
        operation_id="health",
        tags=["About"],
        summary="Whether it answers",
        description="Needs no token. What the parts behind it are like, `/health/` tells.",
        responses=HealthSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer as long as it can answer at all."""
        return Response({"status": "ok", "version": settings.VERSION})


class Models(ApiView):
    """The versions that answer."""

    @extend_schema(
        operation_id="models",
        tags=["About"],
        summary="The models that answer, with their measured figures",
        responses=ModelsSerializer,
        examples=[ANSWERING],
    )
    def get(self, request: Request) -> Response:
        """Tell the champion of each track that has one."""
        champions = [ModelVersion.objects.champion_of(track) for track in Track]
        told = [model_told(version) for version in champions if version is not None]
        return Response(self.told(ModelsSerializer, {"results": told}))


class Usage(ApiView):
    """What was handed in of late."""

    @extend_schema(
        operation_id="usage",
        tags=["About"],
        summary="What you handed in, and what your quota leaves of today",
        responses=UsageSerializer,
        examples=[USED],
    )
    def get(self, request: Request) -> Response:
        """Tell what the person of the token used."""
        return Response(self.told(UsageSerializer, usage_of(request.user)))
