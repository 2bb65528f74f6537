"""Reports that an owner takes along: of one image as PDF or JSON, of many as CSV or JSON."""

import json
from collections.abc import Callable, Iterable, Iterator

from django.contrib.auth.decorators import login_required
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from detection.forms import HistoryFilterForm
from detection.models import Analysis, BatchFile, Submission
from detection.models.analyses import AnalysisQuerySet
from detection.services.exports import csv_export, json_export
from detection.services.report_pdf import PaperRefused, report_pdf
from detection.services.reports import Report, ReportRefused, report_issue

Issue = Callable[[], Report]


@login_required
@require_safe
def analysis_report(request: HttpRequest, public_id: str, form: str) -> HttpResponse:
    """Give the owner a report, with the name of the file."""
    mine = Analysis.objects.visible_to(request.user).on_images().for_display()
    analysis = get_object_or_404(mine, public_id=public_id)
    return report_response(
        request,
        form,
        lambda: report_issue(analysis=analysis, site=site_of(request), with_file_name=True),
    )


@login_required
@require_POST
def history_export(request: HttpRequest, form: str) -> HttpResponseBase:
    """Give a table or reports of the chosen images, or of all that the filters leave."""
    mine = Analysis.objects.visible_to(request.user).on_images().current()
    if chosen := request.POST.getlist("analysis"):
        shown = mine.filter(public_id__in=chosen)
    else:
        shown = HistoryFilterForm(request.GET).filtered(mine)
    return export_response(request, form, shown.newest_first())


@login_required
@require_safe
def submission_export(request: HttpRequest, public_id: str, form: str) -> HttpResponseBase:
    """Give a table or reports of all images of a submission."""
    submission = get_object_or_404(Submission.objects.visible_to(request.user), public_id=public_id)
    analyses = Analysis.objects.filter(image__submission=submission).on_images().current()
    return export_response(request, form, analyses.order_by("image_id"))


def site_of(request: HttpRequest) -> str:
    """Return the address of this installation, as whoever asks has reached it."""
    return request.build_absolute_uri("/").rstrip("/")


def report_response(request: HttpRequest, form: str, issue: Issue) -> HttpResponse:
    """Return a report as a download, or why there is none.

    Args:
        form: `pdf` or `json`.
        issue: Issues it.
    """
    try:
        report = issue()
        if form == "json":
            body = json.dumps(report.as_json(), ensure_ascii=False, indent=2)
            return _download(body, "application/json", f"veripix-{report.issued.code}.json")
        return _download(report_pdf(report), "application/pdf", f"veripix-{report.issued.code}.pdf")
    except ReportRefused as refused:
        if form == "json":
            error = {"code": refused.code, "message": refused.sentence}
            return JsonResponse({"error": error}, status=409)
        return render(request, "reports/refused.html", {"refused": refused}, status=409)
    except PaperRefused as refused:
        as_json = request.path.removesuffix("pdf") + "json"
        context = {"refused": refused, "as_json": as_json}
        return render(request, "reports/refused.html", context, status=503)


def _download(body: str | bytes, content_type: str, name: str) -> HttpResponse:
    response = HttpResponse(body, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


def export_response(
    request: HttpRequest,
    form: str,
    analyses: AnalysisQuerySet,
    *,
    refused: Iterable[BatchFile] | None = None,
) -> HttpResponseBase:
    """Return many verdicts as a download that is made while it is sent.

    Args:
        form: `csv` or `json`.
        refused: See `csv_export`.
    """
    site = site_of(request)
    make = csv_export if form == "csv" else json_export
    lines: Iterator[str] = make(analyses=analyses, site=site, refused=refused)
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/json"
    response = StreamingHttpResponse(lines, content_type=kind)
    name = f"veripix-{timezone.localdate():%Y-%m-%d}.{form}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response
