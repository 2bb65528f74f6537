"""The verdict page, and my history of verdicts."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from detection.forms import HistoryFilterForm
from detection.models import Analysis, SubmittedImage, Tag, Track
from detection.services import intake
from detection.services.analysis import RetryRefused
from detection.services.analysis import analysis_retry as retry
from detection.services.history import COUNTED, Wanted, history_page
from detection.views.explanations import evidence_context
from detection.views.feedback import feedback_context
from detection.views.findings import findings_context
from detection.views.forensic_views import views_context
from detection.views.going_back import back
from detection.views.notes import notes_context
from detection.views.repeats import repeats_context
from detection.views.sharing import share_context

# The reason that a photograph has no verdict here yet; see `detection.verdicts`.
NO_MODEL = "no_validated_model"
# So many of one's tags stand above the history, the most used ones; the others come on demand.
FIRST_TAGS = 8
SHOWN_TAGS = 100


@login_required
@require_safe
def analysis_detail(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show a verdict with its evidence."""
    return _analysis_page(request, public_id, "submissions/analysis.html")


@login_required
@require_safe
def analysis_status(request: HttpRequest, public_id: str) -> HttpResponse:
    """Answer the verdict page's polling with its moving part."""
    return _analysis_page(request, public_id, "submissions/_analysis.html")


@login_required
@require_safe
def analysis_faces(request: HttpRequest, public_id: str) -> HttpResponse:
    """Answer the polling of the verdict page's part on faces."""
    return _analysis_page(request, public_id, "submissions/_faces.html")


@login_required
@require_POST
def analysis_retry(request: HttpRequest, public_id: str) -> HttpResponse:
    """Run a failed analysis again, of the image or of the faces in it."""
    mine = Analysis.objects.visible_to(request.user).for_display()
    analysis = get_object_or_404(mine, public_id=public_id)
    try:
        retry(analysis=analysis)
    except RetryRefused as refused:
        messages.warning(request, refused.sentence)
    on_faces = analysis.track == Track.FACE
    shown = analysis.image.analyses.on_images().current()[0] if on_faces else analysis
    return back(request, reverse("analysis_detail", args=[shown.public_id]))


@login_required
@require_safe
def history(request: HttpRequest) -> HttpResponse:
    """List my analyses, newest first, as the filters say."""
    form = HistoryFilterForm(request.GET)
    wanted = Wanted(
        user=request.user,
        fitting=form.fitting,
        is_filtered=form.is_filtering,
        text=form.text_wanted,
        tag=form.tag_wanted,
    )
    page = history_page(
        wanted=wanted,
        size=settings.HISTORY_PAGE_SIZE,
        older=request.GET.get("older", ""),
        newer=request.GET.get("newer", ""),
    )
    query = request.GET.copy()
    for place in ("page", "older", "newer"):
        query.pop(place, None)
    querystring = query.urlencode()
    query.pop("tag", None)
    tags = list(Tag.objects.visible_to(request.user).most_used_first()[:SHOWN_TAGS])
    context = {
        "page": page,
        "counted": COUNTED,
        "filters": form,
        "has_any": bool(page.rows) or wanted.analyses.exists(),
        "querystring": querystring,
        "tags": tags,
        "first_tags": tags[:FIRST_TAGS],
        "more_tags": tags[FIRST_TAGS:],
        "without_tag": query.urlencode(),
    }
    return render(request, "submissions/history.html", context)


@login_required
@require_POST
def history_delete(request: HttpRequest) -> HttpResponse:
    """Delete the chosen images with everything that was found out about them."""
    chosen = request.POST.getlist("analysis")
    images = SubmittedImage.objects.visible_to(request.user).filter(analyses__public_id__in=chosen)
    count = intake.images_delete(images=images.distinct())
    if count:
        messages.success(request, f"{count} image{'s' if count > 1 else ''} deleted.")
    else:
        messages.warning(request, "Nothing was chosen, so nothing was deleted.")
    return back(request, reverse("history"))


def _analysis_page(request: HttpRequest, public_id: str, template: str) -> HttpResponse:
    mine = Analysis.objects.visible_to(request.user).on_images().for_display()
    analysis = get_object_or_404(mine, public_id=public_id)
    on_faces = analysis.image.analyses.on_faces().for_display().prefetch_related("faces")
    context = {
        "analysis": analysis,
        "image": analysis.image,
        "unfinished": analysis.is_unfinished,
        "on_faces": on_faces.newest_first().first(),
    }
    if analysis.beyond_code == NO_MODEL and request.user.has_perm("detection.add_trainingrun"):
        context["images_to_fit"] = 2 * settings.PHOTO_LEAST_IMAGES
    context |= evidence_context(analysis, request.GET.get("method"))
    context |= findings_context(analysis, request.user)
    context |= views_context(analysis.image, request.GET.get("view"))
    context |= feedback_context(analysis) | repeats_context(analysis)
    context |= notes_context(analysis.image, request.user)
    context |= share_context(request, analysis)
    return render(request, template, context)
