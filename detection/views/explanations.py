"""The verdict page's choice of heatmap: how it is drawn, and what stands there meanwhile."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import replace_url

from detection.models import Analysis, Explanation, Method
from detection.services.explanations import ExplanationRefused, explanation_request


@dataclass(frozen=True, slots=True)
class Shown:
    """The heatmap of a page: what it is called, and where it is once it is drawn.

    `method` is `None` where there is one way of drawing it, and so nothing to choose.
    """

    label: str
    url: str
    method: Method | None = None
    explanation: Explanation | None = None

    @property
    def is_waiting(self) -> bool:
        """Tell whether it is still to come."""
        return self.explanation is not None and self.explanation.is_waiting


def evidence_context(analysis: Analysis, wanted: str | None) -> dict[str, Any]:
    """Return what the evidence of an analysis shows.

    Args:
        analysis: Of an image.
        wanted: A method's value; one that nobody has asked for yet shows Grad-CAM.
    """
    if not analysis.heatmap:
        return {}
    if analysis.is_photo:
        only = Shown(analysis.heatmap_method, _heatmap_url(analysis))
        return {"shown": only, "leaning": analysis.leaning}
    explanations = {explanation.method: explanation for explanation in analysis.explanations.all()}
    shown = _shown(analysis, explanations.get(wanted or ""))
    return {"methods": list(Method), "shown": shown}


@login_required
@require_POST
def analysis_explain(request: HttpRequest, public_id: str) -> HttpResponse:
    """Have a heatmap drawn by another method, and show it or that it is on its way."""
    analysis = _own(request, public_id)
    wanted = request.POST.get("method", "")
    if wanted not in Method.values:
        return HttpResponseBadRequest("There is no such method.")
    try:
        explanation_request(analysis=analysis, method=Method(wanted))
    except ExplanationRefused as refused:
        messages.warning(request, refused.sentence)
    page = f"{reverse('analysis_detail', args=[public_id])}?{urlencode({'method': wanted})}"
    if request.htmx:  # type: ignore[attr-defined] # from its middleware
        return replace_url(_evidence(request, analysis, wanted), page)
    return redirect(f"{page}#evidence")


@login_required
@require_safe
def analysis_evidence(request: HttpRequest, public_id: str) -> HttpResponse:
    """Answer the polling of the page's evidence."""
    return _evidence(request, _own(request, public_id), request.GET.get("method"))


def _evidence(request: HttpRequest, analysis: Analysis, wanted: str | None) -> HttpResponse:
    context = {"analysis": analysis, "image": analysis.image}
    context |= evidence_context(analysis, wanted)
    return render(request, "submissions/_evidence.html", context)


def _shown(analysis: Analysis, explanation: Explanation | None) -> Shown:
    if explanation is None:
        method = Method.GRAD_CAM
        return Shown(method.label, _heatmap_url(analysis), method)
    method = Method(explanation.method)
    url = reverse("explanation_heatmap", args=[explanation.public_id])
    return Shown(method.label, url if explanation.heatmap else "", method, explanation)


def _heatmap_url(analysis: Analysis) -> str:
    """Return where the heatmap is that came with the verdict."""
    return reverse("analysis_heatmap", args=[analysis.public_id])


def _own(request: HttpRequest, public_id: str) -> Analysis:
    mine = Analysis.objects.visible_to(request.user).on_images().for_display()
    return get_object_or_404(mine, public_id=public_id)
