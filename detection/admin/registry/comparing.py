"""Two versions side by side: figures, flips, curves of their training, confusion."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from detection.admin.registry.acts import page_of
from detection.admin.registry.fitted import fits_compared
from detection.curves import Chart, Line, chart
from detection.epochs import kept_epoch, validated
from detection.models import ModelVersion
from detection.models.submissions import may_review
from detection.services.comparisons import Compared, flipped_items, versions_compare

PAGE = 48
CONFUSION = (
    ("real_as_real", "Real, told as real"),
    ("real_as_fake", "Real, called AI-generated"),
    ("fake_as_real", "AI-generated, called real"),
    ("fake_as_fake", "AI-generated, told as such"),
)


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Show two versions on every set on which both were judged."""
    if not request.user.has_perm("detection.view_modelversion"):
        raise PermissionDenied
    versions = ModelVersion.objects.select_related("model").order_by("model__name", "-number")
    first = _chosen(request, "first", versions)
    second = _chosen(request, "second", versions)
    compared = versions_compare(first=first, second=second) if first and second else []
    context = page_of(
        request,
        "Compare two versions",
        versions=versions,
        first=first,
        second=second,
        compared=[_shown(one) for one in compared],
        fits=fits_compared(first, second) if first and second else None,
        flips=_flips(request, compared) if may_review(request.user) else None,
        charts=charts_of(first, second) if first and second else [],
    )
    return render(request, "admin/registry/compare.html", context)


def _chosen(request: HttpRequest, name: str, versions: Any) -> ModelVersion | None:
    """Return the version of this name in the address; without one the champion, or the newest."""
    wanted = request.GET.get(name, "")
    if wanted.isdecimal():
        found: ModelVersion | None = versions.filter(pk=int(wanted[:18])).first()
        return found
    champion = ModelVersion.objects.champion_of("thumbnail")
    if name == "first":
        return champion
    newer = versions.exclude(pk=champion.pk) if champion else versions
    newest: ModelVersion | None = newer.order_by("-pk").first()
    return newest


def _shown(one: Compared) -> dict[str, Any]:
    records = (one.first.record, one.second.record)
    confusion = [
        (title, *(record["confusion"][name] for record in records)) for name, title in CONFUSION
    ]
    return {"compared": one, "confusion": confusion}


def _flips(request: HttpRequest, compared: list[Compared]) -> dict[str, Any] | None:
    """Return a page of the images that flipped in the chosen set; of the first one by default."""
    by_key = {str(one.key): one for one in compared}
    chosen = by_key.get(request.GET.get("set", ""), compared[0] if compared else None)
    if chosen is None:
        return None
    which = "right" if request.GET.get("flips") == "right" else "wrong"
    hashes = chosen.newly_right if which == "right" else chosen.newly_wrong
    page = Paginator(hashes, PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    for name in ("page", "set", "flips"):
        query.pop(name, None)
    return {
        "compared": chosen,
        "which": which,
        "page": page,
        "items": flipped_items(compared=chosen, hashes=tuple(page.object_list)),
        "querystring": query.urlencode(),
    }


def charts_of(first: ModelVersion, second: ModelVersion) -> list[Chart]:
    """Return the curves of both versions' training, as far as their specs tell them."""
    drawn = (
        _chart("Loss on validation", 0, first, second),
        _chart("Accuracy on validation", 1, first, second, is_share=True),
    )
    return [one for one in drawn if one]


def _chart(
    title: str, place: int, first: ModelVersion, second: ModelVersion, *, is_share: bool = False
) -> Chart | None:
    """Draw one of the two figures of `validated`, by its place."""
    lines = [_line(first, "first", place), _line(second, "second", place)]
    epochs = max((int(epoch) for line in lines for epoch, _ in line.values), default=0)
    return chart(title, lines, epochs=epochs, is_share=is_share)


def _line(version: ModelVersion, kind: str, place: int) -> Line:
    training = version.spec.get("training") or {}
    reports = training.get("epochs") or []
    # Older specs do not say which epoch was kept: then it is the last one.
    kept = training.get("kept_epoch") or kept_epoch(reports, "last")
    values = [(float(report["epoch"]), validated(report)[place]) for report in reports]
    return Line(version.label, kind, values, kept)
