"""Imports in the admin panel: how far each is, what was refused, and how to stop it."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST
from unfold.decorators import display

from detection.admin.datasets.pages import WORK_COLOURS, panel_page, refuse_writing, require, tabs
from detection.admin.links import ReadOnlyAdmin
from detection.models import Dataset, DatasetImport
from detection.services.import_requests import import_cancel

# What the page asks for until the import has ended.
FRAGMENT = "admin/datasets/_import_progress.html"


@admin.register(DatasetImport)
class DatasetImportAdmin(ReadOnlyAdmin):
    """Images on their way into datasets."""

    list_display = ["__str__", "state_cell", "added", "copies", "refused", "created_at"]
    list_filter = ["state", "dataset"]
    list_select_related = ["dataset"]

    @display(description="State", ordering="state", label=WORK_COLOURS)
    def state_cell(self, job: DatasetImport) -> tuple[str, str]:
        """Label the state."""
        return job.outcome

    def get_queryset(self, request: HttpRequest) -> QuerySet[DatasetImport]:
        """Fetch what pages show of an import with it."""
        rows: QuerySet[DatasetImport] = super().get_queryset(request)
        return rows.select_related("dataset", "requested_by")

    def get_urls(self) -> list[URLPattern]:
        """Add progress and cancelling."""
        ours = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"detection_datasetimport_{name}",
            )
            for name, view in (("progress", self.progress_view), ("cancel", self.cancel_view))
        ]
        return [*ours, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one import."""
        require(request, "view_datasetimport")
        refuse_writing(request)
        refuse_writing(request)
        job = get_object_or_404(self.get_queryset(request), pk=object_id)
        return panel_page(
            request,
            "admin/datasets/import.html",
            title=job.dataset.name,
            dataset=job.dataset,
            opts=Dataset._meta,
            original=job.dataset,
            tabs=tabs(job.dataset, "imports"),
            **context_of(request, job),
        )

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show how far it is, as the page asks every second."""
        require(request, "view_datasetimport")
        job = get_object_or_404(self.get_queryset(request), pk=pk)
        return render(request, FRAGMENT, context_of(request, job))

    @method_decorator(require_POST)
    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stop it."""
        require(request, "add_datasetimport")
        job = get_object_or_404(DatasetImport, pk=pk)
        if import_cancel(job=job, user=request.user):
            messages.success(request, "The import is cancelled; what came in stays.")
        else:
            messages.info(request, "The import had ended already.")
        return HttpResponseRedirect(reverse("admin:detection_datasetimport_change", args=[pk]))


def context_of(request: HttpRequest, job: DatasetImport) -> dict[str, Any]:
    """Return what the page and its fragment show."""
    rate = job.done / job.seconds if job.seconds > 1 and job.done else 0
    return {
        "job": job,
        "outcome": job.outcome[1],
        "colour": WORK_COLOURS.get(job.outcome[0], ""),
        "rate": rate,
        "seconds_left": (job.total - job.done) / rate if rate and job.is_active else None,
        "can_cancel": job.is_active and request.user.has_perm("detection.add_datasetimport"),
    }
