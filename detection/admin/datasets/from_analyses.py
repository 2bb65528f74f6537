"""From analyses to a dataset: choose where the images go and what they are."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action

from detection.admin.datasets.forms import LATER, FromAnalysesForm
from detection.admin.datasets.pages import panel_page, require, tell_refusals
from detection.models import Analysis
from detection.services.datasets import items_add_from_analyses
from detection.services.labelling import analyses_to_label

MOST = 500
SHOWN = 24


class AddsToDataset(ModelAdmin):
    """Offers, on the list of analyses and on the page of each, to add images to a dataset."""

    def has_to_dataset_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Allow it to those who may add images."""
        return request.user.has_perm("detection.add_item")

    @admin.action(description="Add to dataset…", permissions=["to_dataset"])
    def add_chosen(self, request: HttpRequest, queryset: QuerySet[Analysis]) -> HttpResponse:
        """Go on to the page that asks what the images are."""
        chosen = list(queryset.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
        if len(chosen) > MOST:
            messages.warning(request, f"At most {MOST} analyses can be added at once.")
            return HttpResponseRedirect(request.get_full_path())
        return HttpResponseRedirect(_address(chosen))

    @action(description="Label these next", permissions=["to_dataset"], icon="school")
    def label_next(self, request: HttpRequest) -> HttpResponse:
        """Choose the photographs from which a fit would learn most, and go on with them."""
        chosen = analyses_to_label(user=request.user)
        if chosen:
            return HttpResponseRedirect(f"{_address(chosen)}&label={LATER}")
        messages.info(
            request,
            "No photograph waits for a label that you may take in: one's own, or one whose owner "
            "has agreed.",
        )
        return HttpResponseRedirect(reverse("admin:detection_analysis_changelist"))

    @action(description="Add to dataset…", url_path="add-to-dataset", permissions=["to_dataset"])
    def add_this(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Go on to the page that asks what the image is."""
        return HttpResponseRedirect(_address([object_id]))


def from_analyses_view(request: HttpRequest) -> HttpResponse:
    """Ask where images of analyses go and what they are, and add them."""
    require(request, "add_item", "view_analysis")
    analyses = Analysis.objects.select_related("image__submission").filter(pk__in=_asked(request))
    form = FromAnalysesForm(request.POST or None, initial={"label": request.GET.get("label")})
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        added, refused = items_add_from_analyses(analyses=analyses, user=request.user, **given)
        if added:
            messages.success(request, f"{len(added)} added to {given['dataset']}.")
        tell_refusals(request, [sentence for _, sentence in refused])
        return HttpResponseRedirect(reverse("admin:detection_analysis_changelist"))
    return panel_page(
        request,
        "admin/datasets/from_analyses.html",
        title="Add to dataset",
        form=form,
        analyses=analyses[:SHOWN],
        count=analyses.count(),
    )


def _address(chosen: list[int]) -> str:
    ids = ",".join(map(str, chosen))
    return f"{reverse('admin:detection_dataset_from_analyses')}?ids={ids}"


def _asked(request: HttpRequest) -> list[int]:
    ids = request.GET.get("ids", "").split(",")[:MOST]
    return [int(pk) for pk in ids if pk.isdecimal()]
