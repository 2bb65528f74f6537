"""Verdicts: found, read, run again, contradicted, deleted."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from detection.api.base import ApiView
from detection.api.examples import AGAIN, ANALYSIS_ROW, KEPT, ONE_ANALYSIS, SAID
from detection.api.idempotency import idempotent, idempotent_in_steps
from detection.api.pagination import NewestFirst, limit_of, paged, place_of
from detection.api.serializers.analyses import (
    AnalysisFilterSerializer,
    AnalysisSerializer,
    BriefAnalysisSerializer,
    FeedbackSerializer,
    GivenFeedbackSerializer,
)
from detection.api.submissions import ASK_AGAIN
from detection.models import Analysis, Label, SubmittedImage
from detection.services import intake
from detection.services.analysis import analysis_retry
from detection.services.feedback import feedback_give
from detection.services.history import history_page


class Analyses(ApiView):
    """The list of analyses."""

    pagination_class = NewestFirst
    filters = tuple(AnalysisFilterSerializer().fields)

    @extend_schema(
        operation_id="analyses_list",
        tags=["Analyses"],
        summary="Your analyses, newest first",
        description=(
            "Of each image the answer that stands. Filters apply all together. A search looks "
            "through so many at a time: a page may be short, or empty, while `next` leads on."
        ),
        parameters=[AnalysisFilterSerializer],
        responses=BriefAnalysisSerializer(many=True),
        examples=[ANALYSIS_ROW],
    )
    def get(self, request: Request) -> Response:
        """List what the filters leave."""
        place = place_of(request)
        page = history_page(
            wanted=AnalysisFilterSerializer(data=request.query_params.dict()).wanted(request.user),
            size=limit_of(request),
            older=str(place) if place else "",
            is_counted=False,
        )
        shown = self.told(BriefAnalysisSerializer, page.rows, many=True)
        return paged(request, shown, page.older)


class AnalysisDetail(ApiView):
    """One analysis."""

    @extend_schema(
        operation_id="analyses_read",
        tags=["Analyses"],
        summary="A verdict with its evidence",
        description=(
            "While `state` is `queued` or `running`, ask again after `Retry-After` seconds."
        ),
        responses=AnalysisSerializer,
        examples=[ONE_ANALYSIS],
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Tell it with findings, faces and where its pictures are."""
        return self.state(own_analysis(request, public_id))

    @extend_schema(
        operation_id="analyses_delete",
        tags=["Analyses"],
        summary="Delete an image",
        description="With all its verdicts, reports and files, at once and for good.",
        responses={204: None},
    )
    def delete(self, request: Request, public_id: str) -> Response:
        """Delete the image of this analysis, and its submission if it was the last one."""
        image = own_analysis(request, public_id).image
        intake.images_delete(images=SubmittedImage.objects.filter(pk=image.pk))
        return Response(status=204)

    def state(self, analysis: Analysis, *, status: int = 200) -> Response:
        """Answer with an analysis as it is now."""
        headers = {"Retry-After": ASK_AGAIN} if analysis.is_unfinished else {}
        return Response(self.told(AnalysisSerializer, analysis), status=status, headers=headers)


class AnalysisRetry(AnalysisDetail):
    """Running it again."""

    http_method_names = ["post"]

    @extend_schema(
        operation_id="analyses_retry",
        tags=["Analyses"],
        summary="Run a failed analysis again",
        request=None,
        responses={202: AnalysisSerializer},
        examples=[AGAIN],
    )
    @idempotent
    def post(self, request: Request, public_id: str) -> Response:
        """Queue it once more."""
        analysis_retry(analysis=own_analysis(request, public_id))
        return self.state(own_analysis(request, public_id), status=202)


class AnalysisFeedback(ApiView):
    """Saying that a verdict is wrong."""

    @extend_schema(
        operation_id="analyses_feedback",
        tags=["Analyses"],
        summary="Say what the image really is",
        description=(
            "Where a verdict is wrong, or inconclusive and you know better. Sent again, it changes "
            "what was said before, as long as reviewers have not settled it."
        ),
        request=FeedbackSerializer,
        responses=GivenFeedbackSerializer,
        examples=[SAID, KEPT],
    )
    @idempotent_in_steps
    def post(self, request: Request, public_id: str) -> Response:
        """Keep what the person says of this verdict."""
        analysis = own_analysis(request, public_id)
        said = self.given(FeedbackSerializer).validated_data
        feedback = feedback_give(
            analysis=analysis,
            user=request.user,
            label=Label(said["label"]),
            note=said["note"],
            has_consent=said["has_consent"],
        )
        return Response(self.told(GivenFeedbackSerializer, feedback))


def own_analysis(request: Request, public_id: str) -> Any:
    """Return an analysis of a whole image of the person's own.

    Raises:
        Http404: There is none, or it is somebody else's.
    """
    mine = Analysis.objects.visible_to(request.user).on_images().for_display()
    return get_object_or_404(mine, public_id=public_id)
