"""The card "Look closer": views of an image, one at a time, drawn when the page is opened."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from detection.findings import Finding
from detection.models import ForensicViews, SubmittedImage, ViewKind
from detection.services.forensic_views import ViewsRefused, views_request
from detection.views.going_back import back

# Of the spectrum, in pixels; `ml.views` takes it of the image's own pixels.
SPECTRUM_SIDE = 512


@dataclass(frozen=True, slots=True)
class Reading:
    """What a view shows, and how to read it and how not, in sentences."""

    shows: str
    how: str
    not_: str


READINGS = {
    ViewKind.ERROR_LEVELS: Reading(
        "bright where saving it as a JPEG once more changes it most",
        "Bright places change most when the picture is saved as a JPEG once more. Compare like "
        "with like: edges with edges, skin with skin. A part that is clearly brighter or darker "
        "than others of its kind may have been put in later.",
        "It does not show AI. Edges, lettering and fine patterns are always bright, and patches of "
        "one colour are mere rounding. Each saving evens all out; so a picture without odd parts "
        "is not cleared.",
    ),
    ViewKind.NOISE: Reading(
        "bright where single pixels stand out from their surroundings",
        "Bright is what stands out pixel by pixel: grain, texture and edges. Plain places of one "
        "photograph should have much the same grain. A patch that is far smoother or rougher may "
        "come from elsewhere or have been retouched.",
        "A smooth patch is no sign of AI: phones remove grain, and so does strong compression. "
        "Blurred backgrounds are always dark, edges and rough surfaces always bright.",
    ),
    ViewKind.SPECTRUM: Reading(
        "the middle stands for coarse shapes, the rim for the finest detail",
        "The middle stands for coarse shapes, the rim for the finest detail. Photographs fade "
        "evenly from one to the other. Single bright points, or a grid of them, are patterns that "
        "repeat all over the picture; some image generators leave such a grid.",
        "Points are no proof of AI: cloth, fences, screens, resizing and JPEG leave them too. An "
        "upright cross and single rays come from straight edges. Many generators leave nothing.",
    ),
    ViewKind.GRADIENT: Reading(
        "redder where it gets brighter to the right, greener where it gets brighter downwards",
        "Redder places get brighter to the right, greener ones downwards; bluish ones are sharp "
        "edges, olive ones even. Surfaces that face the same way should have the same colours: "
        "compare faces with each other. A part that was put in may be lit from another side.",
        "It measures no light and shows no AI. Two lamps, glossy or patterned surfaces and "
        "reflections give mixed colours in a true photograph as well.",
    ),
}


@dataclass(frozen=True, slots=True)
class ShownView:
    """The chosen view: what it is called, how to read it, where it is, and its size in pixels."""

    kind: ViewKind
    reading: Reading
    url: str
    width: int
    height: int


def views_context(image: SubmittedImage, wanted: str | None) -> dict[str, Any]:
    """Return what the card shows.

    Args:
        image: Whose views.
        wanted: The value of a `ViewKind`; anything else shows the first.
    """
    views = ForensicViews.objects.filter(image=image).first()
    kind = ViewKind(wanted) if wanted in ViewKind.values else ViewKind.ERROR_LEVELS
    context: dict[str, Any] = {"views": views, "view_kinds": list(ViewKind), "view_kind": kind}
    if views is None or not views.is_drawn:
        return context
    width, height = image.width, image.height
    if kind == ViewKind.SPECTRUM:
        width = height = min(SPECTRUM_SIDE, max(width, height))
    url = reverse("image_view", args=[image.public_id, kind])
    context["shown_view"] = ShownView(kind, READINGS[kind], url, width, height)
    context["view_findings"] = [Finding.from_json(stored) for stored in views.findings]
    return context


@login_required
@require_safe
def image_views(request: HttpRequest, public_id: str) -> HttpResponse:
    """Answer the card's polling, and its choice of a view."""
    return _card(request, _own(request, public_id), request.GET.get("view"))


@login_required
@require_POST
def image_views_ask(request: HttpRequest, public_id: str) -> HttpResponse:
    """Have the views drawn, and show that they are on their way."""
    image = _own(request, public_id)
    wanted = request.POST.get("view")
    try:
        views_request(image=image)
    except ViewsRefused as refused:
        messages.warning(request, refused.sentence)
    if request.htmx:  # type: ignore[attr-defined] # from its middleware
        return _card(request, image, wanted)
    shown = image.analyses.on_images().current()[0]
    return back(request, f"{reverse('analysis_detail', args=[shown.public_id])}#views")


def _card(request: HttpRequest, image: SubmittedImage, wanted: str | None) -> HttpResponse:
    context = {"image": image, **views_context(image, wanted)}
    return render(request, "submissions/_views.html", context)


def _own(request: HttpRequest, public_id: str) -> SubmittedImage:
    mine = SubmittedImage.objects.visible_to(request.user)
    return get_object_or_404(mine, public_id=public_id)
