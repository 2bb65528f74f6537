"""The ways into a dataset in the admin panel: an upload, and what lies on the server."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods
from unfold.admin import ModelAdmin

from detection.admin.datasets import reading
from detection.admin.datasets.forms import ImportForm, ServerForm, UploadForm
from detection.admin.datasets.pages import dataset_page, page_of, require
from detection.models import Dataset, DatasetImport
from detection.services.import_requests import (
    ImportRefused,
    import_path,
    import_request,
    uploads_import,
)
from detection.uploads import BoundedUploadHandler

IMPORTS_SIZE = 20
# Refused forms are shown at the address they were sent to, which people load anew and keep.
POST_OR_GET = require_http_methods(["POST", "GET"])


class WaysIn(ModelAdmin):
    """The page with the ways in and the imports so far, and what its forms do."""

    def imports_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the ways in, and the imports so far."""
        require(request, "view_datasetimport")
        dataset = get_object_or_404(Dataset, pk=pk)
        return self._imports_page(request, dataset, UploadForm(), ServerForm())

    def upload_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take an upload, which may be larger than that of a visitor."""
        # Set before anything reads the body, as the check of the token does.
        request.upload_handlers = [
            BoundedUploadHandler(request, most_bytes=settings.IMPORT_MAX_UPLOAD_BYTES),
            TemporaryFileUploadHandler(request),
        ]
        return self._uploaded(request, pk)

    upload_view.csrf_exempt = True  # type: ignore[attr-defined] # checked by the next one

    @method_decorator([POST_OR_GET, csrf_protect])
    def _uploaded(self, request: HttpRequest, pk: int) -> HttpResponse:
        require(request, "add_datasetimport")
        dataset = get_object_or_404(Dataset, pk=pk)
        if request.method == "GET":
            return _to_imports(dataset)
        form = UploadForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._imports_page(request, dataset, form, ServerForm())
        files = form.cleaned_data["chosen"]
        try:
            check_sizes(files)
            jobs = uploads_import(dataset=dataset, user=request.user, files=files, **_said(form))
        except ImportRefused as refused:
            form.add_error("chosen", refused.sentence)
            return self._imports_page(request, dataset, form, ServerForm())
        return _to_job(jobs[0]) if len(jobs) == 1 else _to_imports(dataset)

    @method_decorator(POST_OR_GET)
    def server_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Import what lies on the server."""
        require(request, "add_datasetimport")
        dataset = get_object_or_404(Dataset, pk=pk)
        if request.method == "GET":
            return _to_imports(dataset)
        form = ServerForm(request.POST)
        if form.is_valid():
            try:
                place = import_path(form.cleaned_data["path"])
                job = import_request(
                    dataset=dataset, user=request.user, path=str(place), **_said(form)
                )
                return _to_job(job)
            except ImportRefused as refused:
                form.add_error("path", refused.sentence)
        return self._imports_page(request, dataset, UploadForm(), form)

    def _imports_page(
        self, request: HttpRequest, dataset: Dataset, upload: UploadForm, server: ServerForm
    ) -> HttpResponse:
        jobs = dataset.imports.select_related("requested_by")
        return dataset_page(
            request,
            dataset,
            "imports",
            upload=upload,
            server=server,
            page=page_of(request, jobs, IMPORTS_SIZE),
            places=reading.places(),
            root=settings.DATASETS_ROOT,
            can_add=request.user.has_perm("detection.add_datasetimport"),
            most_bytes=settings.IMPORT_MAX_UPLOAD_BYTES,
            most_megabytes=settings.IMPORT_MAX_UPLOAD_BYTES // 1_000_000,
        )


def check_sizes(files: list[Any]) -> None:
    """Refuse a file of which the end was cut off on its way, for its size.

    Raises:
        ImportRefused: `file_too_large`.
    """
    most = settings.IMPORT_MAX_UPLOAD_BYTES
    for file in files:
        if file.size > most:
            raise ImportRefused(
                "file_too_large",
                f"{file.name} is larger than {most // 1_000_000:,} MB: put it on the server and "
                "import it from there.",
            )


def _said(form: ImportForm) -> dict[str, Any]:
    return {name: form.cleaned_data[name] for name in ("label", "source", "is_reviewed")}


def _to_imports(dataset: Dataset) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:detection_dataset_imports", args=[dataset.pk]))


def _to_job(job: DatasetImport) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:detection_datasetimport_change", args=[job.pk]))
