"""Notes and tags: the card on the verdict page, and one tag for many images of the history."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from detection.models import Analysis, SubmittedImage, Tag
from detection.services.notes import (
    NOTE_LENGTH,
    NotesRefused,
    note_write,
    tags_change,
)
from detection.views.going_back import back

FRAGMENT = "submissions/_notes_tags.html"
SAVED = "submissions/_notes_saved.html"
# More suggestions than this no browser shows usefully.
SUGGESTIONS = 200


def notes_context(image: SubmittedImage, user: Any) -> dict[str, Any]:
    """Return what the card shows: the image's tags and note, and tags to suggest."""
    tags = list(image.tags.all())
    mine = Tag.objects.visible_to(user).most_used_first()
    given = {tag.pk for tag in tags}
    return {
        "tags": tags,
        "suggested_tags": [tag for tag in mine[:SUGGESTIONS] if tag.pk not in given],
        "note_length": NOTE_LENGTH,
    }


@login_required
@require_POST
def analysis_note(request: HttpRequest, public_id: str) -> HttpResponse:
    """Keep the note on the image of an analysis.

    A script gets back only whether it is kept: the field that somebody types in stays as it is.
    """
    analysis = _own(request, public_id)
    problem = ""
    try:
        note_write(image=analysis.image, user=request.user, text=request.POST.get("note", ""))
    except NotesRefused as refused:
        problem = refused.sentence
    if request.htmx:  # type: ignore[attr-defined] # from its middleware
        return render(request, SAVED, {"problem": problem})
    return _page(request, analysis, problem)


@login_required
@require_POST
def analysis_tags(request: HttpRequest, public_id: str) -> HttpResponse:
    """Add the tags that were typed, with commas between them, or take one away."""
    analysis = _own(request, public_id)
    added, removed = request.POST.get("add", ""), request.POST.getlist("remove")
    problem = ""
    try:
        tags_change(
            images=[analysis.image], user=request.user, add=added.split(","), remove=removed
        )
    except NotesRefused as refused:
        problem = refused.sentence
    if not request.htmx:  # type: ignore[attr-defined] # from its middleware
        return _page(request, analysis, problem)
    context: dict[str, Any] = {"analysis": analysis, "problem": problem}
    context |= {"typed": added if problem else "", "is_removal": bool(removed)}
    return render(request, FRAGMENT, context | notes_context(analysis.image, request.user))


@login_required
@require_POST
def history_tag(request: HttpRequest) -> HttpResponse:
    """Give the chosen images of the history the tags that were typed."""
    names = request.POST.get("tags", "").split(",")
    chosen = request.POST.getlist("analysis")
    images = SubmittedImage.objects.visible_to(request.user).filter(analyses__public_id__in=chosen)
    try:
        count = tags_change(images=images.distinct(), user=request.user, add=names)
    except NotesRefused as refused:
        messages.warning(request, f"{refused.sentence} Nothing was tagged.")
    else:
        _say_tagged(request, count, has_names=any(name.strip() for name in names))
    return back(request, reverse("history"))


def _say_tagged(request: HttpRequest, count: int, *, has_names: bool) -> None:
    if not count:
        messages.warning(request, "No image was chosen, so nothing was tagged.")
    elif not has_names:
        messages.warning(request, "No tag was typed, so nothing was tagged.")
    else:
        messages.success(request, f"{count} image{'s' if count > 1 else ''} tagged.")


def _page(request: HttpRequest, analysis: Analysis, problem: str) -> HttpResponse:
    if problem:
        messages.warning(request, problem)
    return redirect(f"{reverse('analysis_detail', args=[analysis.public_id])}#notes")


def _own(request: HttpRequest, public_id: str) -> Analysis:
    mine = Analysis.objects.visible_to(request.user).on_images().for_display()
    return get_object_or_404(mine, public_id=public_id)
