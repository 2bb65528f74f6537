"""Pictures and reports, as files."""

import json
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request

from detection.api.analyses import own_analysis
from detection.api.base import AnyAnswer, ApiView
from detection.api.errors import Refused
from detection.delivery import file_response
from detection.image_files import CONTENT_TYPES
from detection.models import Face, SubmittedImage
from detection.services.files import FORGOTTEN
from detection.services.report_pdf import report_pdf
from detection.services.reports import Report, report_issue

UNKNOWN = "application/octet-stream"


def _file(description: str, *content_types: str) -> dict[Any, OpenApiResponse]:
    elsewhere = "Where it lies for a minute, where the installation hands files out by its storage."
    there = OpenApiResponse(OpenApiTypes.BINARY, description)
    return {(200, kind): there for kind in content_types} | {302: OpenApiResponse(None, elsewhere)}


class FileView(ApiView):
    """A file; the `Accept` header changes nothing of it."""

    content_negotiation_class = AnyAnswer
    # For the description: no 406, and what else may happen.
    is_file = True
    errors: tuple[int, ...] = (503,)


class PictureView(FileView):
    """A picture; where the time of its image has run out, it is gone for good."""

    errors = (410, 503)


def _check_there(image: SubmittedImage) -> None:
    """Refuse where the files are gone, as their time had run out."""
    if image.is_forgotten:
        raise Refused(FORGOTTEN, image.forgotten_sentence)


class AnalysisImage(PictureView):
    """The image itself."""

    @extend_schema(
        operation_id="analyses_image",
        tags=["Files"],
        summary="The image as it was handed in",
        responses=_file(
            "The file, byte for byte, as a download.", *CONTENT_TYPES.values(), UNKNOWN
        ),
    )
    def get(self, request: Request, public_id: str) -> HttpResponseBase:
        """Serve the original."""
        image = own_analysis(request, public_id).image
        _check_there(image)
        # The format is what was found when it was read, never what its uploader called it.
        kind = CONTENT_TYPES.get(image.format, UNKNOWN)
        return file_response(image.original, kind, save_as=image.file_name)


class AnalysisHeatmap(PictureView):
    """Where the evidence lies."""

    @extend_schema(
        operation_id="analyses_heatmap",
        tags=["Files"],
        summary="The heatmap of a verdict",
        responses=_file("A picture of what moved the model.", "image/png"),
    )
    def get(self, request: Request, public_id: str) -> HttpResponseBase:
        """Serve the heatmap."""
        analysis = own_analysis(request, public_id)
        _check_there(analysis.image)
        return file_response(analysis.heatmap, "image/png")


class FaceHeatmap(PictureView):
    """The same of one face."""

    @extend_schema(
        operation_id="faces_heatmap",
        tags=["Files"],
        summary="The heatmap of a face",
        responses=_file("A picture of what moved the model.", "image/png"),
    )
    def get(self, request: Request, public_id: str) -> HttpResponseBase:
        """Serve the heatmap."""
        faces = Face.objects.visible_to(request.user).select_related("analysis__image")
        face = get_object_or_404(faces, public_id=public_id)
        _check_there(face.analysis.image)
        return file_response(face.heatmap, "image/png")


class ReportView(FileView):
    """A report on a verdict, with the name of the file, for its owner."""

    errors = (409, 503)

    def issued(self, request: Request, public_id: str) -> Report:
        """Issue it.

        Raises:
            ReportRefused: `not_finished` or `image_gone`.
        """
        site = request.build_absolute_uri("/").rstrip("/")
        analysis = own_analysis(request, public_id)
        return report_issue(analysis=analysis, site=site, with_file_name=True)


class ReportPdf(ReportView):
    """The report on paper."""

    @extend_schema(
        operation_id="analyses_report_pdf",
        tags=["Files"],
        summary="The report as PDF",
        responses={(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY, "For people.")},
    )
    def get(self, request: Request, public_id: str) -> HttpResponse:
        """Serve it."""
        report = self.issued(request, public_id)
        return _download(report_pdf(report), "application/pdf", report, "pdf")


class ReportJson(ReportView):
    """The report for programs."""

    @extend_schema(
        operation_id="analyses_report_json",
        tags=["Files"],
        summary="The report as JSON",
        description="In the form of `report.schema.json`.",
        responses={(200, "application/json"): OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, public_id: str) -> HttpResponse:
        """Serve it."""
        report = self.issued(request, public_id)
        body = json.dumps(report.as_json(), ensure_ascii=False, indent=2)
        return _download(body.encode(), "application/json", report, "json")


def _download(body: bytes, content_type: str, report: Report, form: str) -> HttpResponse:
    answer = HttpResponse(body, content_type=content_type)
    name = f"veripix-{report.issued.code}.{form}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
