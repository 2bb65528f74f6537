"""The page of a challenger: what it says beside the champion, and whether scores drift."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from detection.admin.registry.acts import may_judge, page_of
from detection.models import ModelVersion, VerdictKind
from detection.models.submissions import may_review
from detection.services.shadow_report import DISAGREEMENTS, WINDOW, ShadowReport, shadow_report


@require_safe
def shadow(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how a version does in the shadow."""
    if not request.user.has_perm("detection.view_modelversion"):
        raise PermissionDenied
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)
    report = shadow_report(version=version)
    context = page_of(
        request,
        f"{version.label} in the shadow",
        version=version,
        is_challenger=version.model.challenger_id == version.pk,
        report=report,
        kinds=VerdictKind.choices,
        changes=_changes(report),
        window=WINDOW,
        disagreements=DISAGREEMENTS,
        may_judge=may_judge(request),
        may_review=may_review(request.user),
    )
    return render(request, "admin/registry/shadow.html", context)


def _changes(report: ShadowReport) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the table of verdicts: a row per verdict of the champion, a cell per challenger's."""
    return [
        (
            label,
            [
                {"count": report.changes[old][new], "is_same": old == new}
                for new in VerdictKind.values
            ],
        )
        for old, label in VerdictKind.choices
    ]
