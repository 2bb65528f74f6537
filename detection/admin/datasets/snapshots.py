"""Snapshots in the admin panel: freezing one, and what is in it."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from detection.admin.datasets.forms import FreezeForm
from detection.admin.datasets.pages import page_of, panel_page, refuse_writing, require
from detection.admin.links import DeletesByService, ReadOnlyAdmin
from detection.models import Dataset, Label, Snapshot, Split
from detection.services.snapshots import SnapshotRefused, snapshot_delete, snapshot_freeze

LINES_SIZE = 60
LEFT_OUT = {
    "copies": "the same file in another of the datasets",
    "label_conflicts": "the same file with two labels",
    "too_small": "too small for the photo track",
    "sealed_copies": "in a sealed dataset",
    "sealed_near_copies": "looks like an image of a sealed dataset",
}


@admin.register(Snapshot)
class SnapshotAdmin(DeletesByService, ReadOnlyAdmin):
    """Frozen lists of images."""

    list_display = ["__str__", "image_cell", "dataset_cell", "created_by", "created_at", "note"]
    list_select_related = ["created_by"]
    search_fields = ["sha256", "note"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Snapshot]:
        """Fetch the datasets of all rows at once."""
        return super().get_queryset(request).prefetch_related("datasets")

    @admin.display(description="Images")
    def image_cell(self, snapshot: Snapshot) -> str:
        """Count the images."""
        return f"{snapshot.counts.get('images', 0):,}"

    @admin.display(description="Datasets")
    def dataset_cell(self, snapshot: Snapshot) -> str:
        """Name the datasets."""
        return ", ".join(origin.name for origin in snapshot.origins) or "—"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow freezing to those who have the right."""
        return super(ReadOnlyAdmin, self).has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow it, through the service that keeps what a run learnt from."""
        return super(ReadOnlyAdmin, self).has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> Any:
        """Delete one at a time: of several, some may have to stay."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Delete by the service, and say why where it refuses."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except SnapshotRefused as refused:
            messages.error(request, refused.sentence)
            return _to_snapshot(int(object_id))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Tell in figures what goes along; what protects a snapshot is told by the service."""
        told = [f"{snapshot}: {snapshot.counts.get('images', 0):,} lines" for snapshot in objs]
        return told, {"snapshots": len(told)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Snapshot) -> None:
        """Delete it by the service."""
        snapshot_delete(snapshot=obj, user=request.user)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Ask what to freeze, and freeze it."""
        require(request, "add_snapshot")
        chosen = Dataset.objects.for_training().filter(pk__in=_asked(request))
        ticked = chosen or Dataset.objects.for_training().with_reviewed()
        form = FreezeForm(request.POST or None, initial={"datasets": ticked})
        if request.method == "POST" and form.is_valid():
            try:
                snapshot = snapshot_freeze(user=request.user, **form.options())
            except SnapshotRefused as refused:
                form.add_error(None, refused.sentence)
            else:
                messages.success(request, f"{snapshot} is frozen.")
                return _to_snapshot(snapshot.pk)
        return panel_page(
            request,
            "admin/datasets/freeze.html",
            title="Freeze a snapshot",
            opts=Snapshot._meta,
            form=form,
            datasets=Dataset.objects.for_training().with_counts(),
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what is in a snapshot, and how it differs from the one before."""
        require(request, "view_snapshot")
        refuse_writing(request)
        refuse_writing(request)
        snapshot = get_object_or_404(self.get_queryset(request), pk=object_id)
        lines = snapshot.lines.select_related("item").order_by("pk")
        side, label = request.GET.get("split", ""), request.GET.get("label", "")
        if side in Split.values:
            lines = lines.filter(split=side)
        if label in Label.values:
            lines = lines.filter(label=label)
        return panel_page(
            request,
            "admin/datasets/snapshot.html",
            title=str(snapshot),
            snapshot=snapshot,
            opts=Snapshot._meta,
            original=snapshot,
            page=page_of(request, lines, LINES_SIZE),
            left_out=_left_out(snapshot),
            sides=_sides(snapshot),
            chosen={"split": side, "label": label},
            splits=Split,
            labels=Label,
            runs=snapshot.runs.order_by("-pk")[:10],
            can_delete=request.user.has_perm("detection.delete_snapshot"),
        )


def _asked(request: HttpRequest) -> list[int]:
    """Return the datasets that the address names."""
    return [int(pk) for pk in request.GET.getlist("dataset") if pk.isdecimal()]


def _left_out(snapshot: Snapshot) -> list[tuple[int, str]]:
    counts = snapshot.counts.get("left_out", {})
    return [(counts[reason], text) for reason, text in LEFT_OUT.items() if counts.get(reason)]


def _sides(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return what is on each side; without a division all is learnt from."""
    sides = snapshot.counts.get("sides", {})
    shown = list(Split) if "seed" in snapshot.options else [Split.TRAIN]
    return [
        {"name": side.label, "value": side.value, **sides.get(side.value, {})} for side in shown
    ]


def _to_snapshot(pk: int) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:detection_snapshot_change", args=[pk]))
