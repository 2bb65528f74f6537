"""Comparing two images of one's own: which two, and the page that shows them side by side."""

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from detection.models import Analysis
from detection.models.analyses import AnalysisQuerySet
from detection.views.compared import compared
from detection.views.going_back import back

# How many of the newest images can be picked on the page itself.
RECENT = 24


@login_required
@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Show two analyses side by side, or let the ones that are missing be picked."""
    mine = Analysis.objects.visible_to(request.user).on_images().for_display()
    wanted = [request.GET[name] for name in ("a", "b") if request.GET.get(name)]
    chosen = [get_object_or_404(mine, public_id=public_id) for public_id in wanted]
    if len(chosen) == 2 and chosen[0] != chosen[1]:
        left, right = chosen
        fills = request.GET.get("size") == "frame"
        context = {"compared": compared(left, right, fills=fills), "left": left, "right": right}
        return render(request, "submissions/compare.html", context)
    first = chosen[0] if chosen else None
    context = {"first": first, "is_twice": len(chosen) == 2, "recent": _recent(mine, first)}
    return render(request, "submissions/compare_pick.html", context)


@login_required
@require_POST
def history_compare(request: HttpRequest) -> HttpResponse:
    """Lead from two images chosen in the history to the page that compares them."""
    chosen = request.POST.getlist("analysis")
    if len(chosen) != 2:
        messages.warning(request, f"Choose exactly two images to compare; {_count(len(chosen))}.")
        return back(request, reverse("history"))
    query = urlencode(dict(zip(("a", "b"), chosen, strict=True)))
    return redirect(f"{reverse('compare')}?{query}")


def _recent(mine: AnalysisQuerySet, first: Analysis | None) -> AnalysisQuerySet:
    others = mine.current() if first is None else mine.current().exclude(image=first.image_id)
    return others.newest(RECENT)


def _count(chosen: int) -> str:
    return "none was chosen" if not chosen else f"{chosen} {'was' if chosen == 1 else 'were'}"
