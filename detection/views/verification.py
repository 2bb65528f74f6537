"""Anybody who holds a report asks here whether this installation issued it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from detection.models import Analysis, IssuedReport, State
from detection.services.reports import code_normalised
from detection.views.throttling import is_too_often

CODE_LENGTH = 19
MOST_LETTERS = 100
# Nobody guesses a code of 80 bits, but nobody has to try either.
TRIES_A_MINUTE = 30


@require_safe
@never_cache
def verify(request: HttpRequest) -> HttpResponse:
    """Ask for a code, and lead to what it stands for."""
    entered = request.GET.get("code", "").strip()[:MOST_LETTERS]
    if not entered:
        return render(request, "reports/verify.html")
    code = code_normalised(entered)
    if len(code) != CODE_LENGTH:
        context = {"entered": entered, "is_odd": True}
        return render(request, "reports/verify.html", context, status=404)
    return redirect("verify_code", code)


@require_safe
@never_cache
def verify_code(request: HttpRequest, code: str) -> HttpResponse:
    """Tell what was issued under a code: no name, no picture, nothing about the person."""
    if is_too_often(request, "verify", per_minute=TRIES_A_MINUTE):
        return render(request, "429.html", status=429)
    related = ("analysis__image", "analysis__model_version__model")
    issued = (
        IssuedReport.objects.select_related(*related)
        .filter(code=code_normalised(code[:MOST_LETTERS]))
        .first()
    )
    if issued is None:
        context = {"entered": code[:MOST_LETTERS], "is_unknown": True}
        return render(request, "reports/verify.html", context, status=404)
    context = {
        "issued": issued,
        "analysis": issued.analysis,
        "image": issued.analysis.image,
        "newer": _newer(issued.analysis),
    }
    return render(request, "reports/verified.html", context)


def _newer(analysis: Analysis) -> Analysis | None:
    """Return the verdict that stands today, where it is not the reported one any more."""
    looks = Analysis.objects.filter(image=analysis.image_id, state=State.FINISHED).on_images()
    return looks.filter(pk__gt=analysis.pk).for_display().newest_first().first()
