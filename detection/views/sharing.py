"""Share links: the owner makes and takes back, whoever has one reads and can do nothing else."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from detection.delivery import file_response
from detection.models import Analysis, ShareLink, State
from detection.services.findings_told import camera_told
from detection.services.report_content import report_content
from detection.services.reports import Report, report_issue
from detection.services.sharing import (
    ShareRefused,
    days_offered,
    link_create,
    link_opened,
    link_revoke,
)
from detection.views.reports import report_response, site_of
from detection.views.throttling import is_too_often

GONE = {
    "title": "This link shows nothing",
    "sentence": "It has ended, was taken back, or never was. Ask whoever sent it for a new one.",
}
# Printing takes a second, and nobody has to sign in for it.
REPORTS_A_MINUTE = 20
SharedView = Callable[..., HttpResponseBase]


@login_required
@require_POST
def analysis_share(request: HttpRequest, public_id: str) -> HttpResponse:
    """Make a link to a verdict of one's own."""
    _only_where_on()
    mine = Analysis.objects.visible_to(request.user).on_images().for_display()
    analysis = get_object_or_404(mine, public_id=public_id)
    days = request.POST.get("days", "")
    try:
        link_create(
            analysis=analysis,
            user=request.user,
            days=int(days) if days.isascii() and days.isdigit() else 0,
            tells_camera="without_camera" not in request.POST,
        )
    except ShareRefused as refused:
        messages.warning(request, refused.sentence)
    return _to_card(analysis)


@login_required
@require_POST
def link_end(request: HttpRequest, token: str) -> HttpResponse:
    """Take back a link of one's own."""
    _only_where_on()
    links = ShareLink.objects.visible_to(request.user).select_related("analysis__image")
    link = get_object_or_404(links, token=token)
    link_revoke(link=link, user=request.user)
    return _to_card(link.analysis)


def share_context(request: HttpRequest, analysis: Analysis) -> dict[str, Any]:
    """Return what the verdict page says about links to it; nothing where they are switched off."""
    if not settings.SHARE_LINKS:
        return {}
    links = analysis.share_links.open_at(timezone.now())
    site = site_of(request)
    shown = [{"link": one, "url": site + reverse("shared", args=[one.token])} for one in links]
    return {
        "share_days": days_offered(),
        "share_links": shown,
        "share_camera": camera_told(analysis),
    }


def shared_view(view: SharedView) -> SharedView:
    """Find the link that an address names, and keep the answer to whoever has it.

    Revoked, expired and unknown ones are answered alike, so that a guess tells nothing.
    """

    @wraps(view)
    def answer(request: HttpRequest, token: str) -> HttpResponseBase:
        link = _open_link(token)
        try:
            response = view(request, link) if link else _gone(request)
        except Http404:
            response = _gone(request)
        response["Cache-Control"] = "private, no-store"
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        return response

    return answer


@require_safe
@shared_view
def shared(request: HttpRequest, link: ShareLink) -> HttpResponse:
    """Show the verdict, without anything that tells whose it is."""
    if request.method == "GET" and request.user != link.analysis.image.submission.owner:
        link_opened(link=link)
    content = report_content(
        analysis=link.analysis, site=site_of(request), tells_camera=link.tells_camera
    )
    context = {
        "link": link,
        "has_heatmap": bool(link.analysis.heatmap),
        "is_forgotten": link.analysis.image.is_forgotten,
        "stored_image": link.analysis.image,
        "is_photo": link.analysis.is_photo,
        "leaning": link.analysis.leaning,
        **content,
    }
    return render(request, "shared/page.html", context)


@require_safe
@shared_view
def shared_image(request: HttpRequest, link: ShareLink) -> HttpResponseBase:
    """Serve the preview, which holds no metadata; the original stays where it is."""
    return file_response(link.analysis.image.preview, "image/webp")


@require_safe
@shared_view
def shared_heatmap(request: HttpRequest, link: ShareLink) -> HttpResponseBase:
    """Serve the heatmap that came with the verdict."""
    return file_response(link.analysis.heatmap, "image/png")


@require_safe
@shared_view
def shared_report_pdf(request: HttpRequest, link: ShareLink) -> HttpResponse:
    """Give the report without the file's name as a PDF."""
    return _report(request, link, "pdf")


@require_safe
@shared_view
def shared_report_json(request: HttpRequest, link: ShareLink) -> HttpResponse:
    """Give the report without the file's name as JSON."""
    return _report(request, link, "json")


def _report(request: HttpRequest, link: ShareLink, form: str) -> HttpResponse:
    if is_too_often(request, "shared_report", per_minute=REPORTS_A_MINUTE):
        return render(request, "429.html", status=429)

    def issue() -> Report:
        return report_issue(
            analysis=link.analysis, site=site_of(request), tells_camera=link.tells_camera
        )

    return report_response(request, form, issue)


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "404.html", GONE, status=404)


def _open_link(token: str) -> ShareLink | None:
    if not settings.SHARE_LINKS:
        return None
    links = ShareLink.objects.open_at(timezone.now()).filter(
        analysis__state=State.FINISHED,
        # Whoever was shut out by the administration shares nothing any more.
        analysis__image__submission__owner__is_active=True,
    )
    related = ("analysis__image__submission__owner", "analysis__model_version__model")
    link = links.select_related(*related).filter(token=token).first()
    # MySQL takes capitals and small letters for the same.
    return link if link and link.token == token else None


def _only_where_on() -> None:
    if not settings.SHARE_LINKS:
        raise Http404("Links are switched off on this site.")


def _to_card(analysis: Analysis) -> HttpResponseRedirect:
    return redirect(f"{reverse('analysis_detail', args=[analysis.public_id])}#share")
