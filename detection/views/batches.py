"""Batches: handing in a zip or folder of thousands, its page, and what its owner may do with it."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.core.paginator import Paginator
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
    QueryDict,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from detection.forms import BatchForm, BatchUploadForm
from detection.models import Batch, BatchState
from detection.services import batches
from detection.services.batches import MOST_PIECE_BYTES, BatchRefused
from detection.uploads import BoundedUploadHandler
from detection.views.batch_table import batch_choices, batch_exported, batch_table
from detection.views.reports import export_response, site_of

# So many of one's batches are on a page.
PAGE_SIZE = 20
# Which refusals have a status of their own; all others are 422.
STATUS = {
    "wrong_offset": 409,
    "not_receiving": 409,
    "too_many_batches": 409,
    "piece_too_large": 413,
    "upload_too_large": 413,
    "beyond_end": 413,
}


@login_required
@require_safe
def batch_list(request: HttpRequest) -> HttpResponse:
    """Show how a batch is handed in, and one's own batches."""
    return _list_page(request, BatchUploadForm())


@csrf_exempt  # the token is checked by what it calls, once the size of the upload is bounded
@login_required
@require_POST
def batch_upload(request: HttpRequest) -> HttpResponse:
    """Take a whole zip at once, from browsers without scripts."""
    # Set before anything reads the body, as the check of the token does.
    request.upload_handlers = [
        BoundedUploadHandler(request, most_bytes=settings.BATCH_MAX_UPLOAD_BYTES),
        TemporaryFileUploadHandler(request),
    ]
    return _uploaded(request)


@csrf_protect
def _uploaded(request: HttpRequest) -> HttpResponse:
    form = BatchUploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _list_page(request, form, status=422)
    file, wants_mail = form.cleaned_data["zip"], form.cleaned_data["wants_mail"]
    try:
        batch = _opened(request, file.name or "", file.size or 0, wants_mail=wants_mail)
        offset = 0
        for chunk in file.chunks(MOST_PIECE_BYTES):
            batches.batch_receive(batch=batch, offset=offset, chunk=chunk)
            offset += len(chunk)
    except BatchRefused as refused:
        form.add_error("zip", refused.sentence)
        return _list_page(request, form, status=422)
    response = redirect("batch_detail", batch.public_id)
    response.status_code = 303
    return response


@login_required
@require_POST
def batch_open(request: HttpRequest) -> JsonResponse:
    """Open a batch for the page's script, which then sends the zip piece by piece."""
    form = BatchForm(request.POST)
    if not form.is_valid():
        return _refused(BatchRefused("invalid", "The name or the size of the upload is missing."))
    given = form.cleaned_data
    try:
        batch = _opened(request, given["name"], given["size"], wants_mail=given["wants_mail"])
    except BatchRefused as refused:
        return _refused(refused)
    return JsonResponse(_told(batch), status=201)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def batch_pieces(request: HttpRequest, public_id: str) -> JsonResponse:
    """Say how much of a zip has come in; take the next piece, which is the body of the request."""
    batch = _mine(request, public_id)
    if request.method != "POST":
        return JsonResponse(_told(batch))
    offset = request.GET.get("offset", "")
    if not (offset.isascii() and offset.isdigit() and len(offset) < 19):
        return _refused(BatchRefused("invalid", "Say by `offset` where the piece begins."))
    # Read here and not by Django, which would hold it against the limit on forms.
    chunk = request.read(MOST_PIECE_BYTES + 1)
    try:
        batch = batches.batch_receive(batch=batch, offset=int(offset), chunk=chunk)
    except BatchRefused as refused:
        return _refused(refused)
    return JsonResponse(_told(batch), status=201)


@login_required
@require_safe
def batch_detail(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show how far a batch is, and what became of its files."""
    batch = _mine(request, public_id)
    progress = _progress(batch)
    context = _context(batch, progress) | {
        "table": batch_table(batch, progress, request.GET),
        "has_table": bool(progress.total or progress.refused),
        **_limits(),
    }
    return render(request, "batches/detail.html", context)


@login_required
@require_safe
def batch_state(request: HttpRequest, public_id: str) -> HttpResponse:
    """Answer the polling of a batch's page with its moving part; at its end, have all reloaded."""
    batch = _mine(request, public_id)
    progress = _progress(batch)
    # Of the page that asks: its filters are counted anew, and lead where they led.
    shown = QueryDict(urlsplit(request.headers.get("HX-Current-URL", "")).query)
    context = _context(batch, progress) | {
        "choices": batch_choices(progress, shown),
        "out_of_band": True,
        # The page that asks may be from before there was anything to show.
        "has_table": "table" in request.GET,
    }
    response = render(request, "batches/_progress.html", context)
    if not batch.is_active:
        response["HX-Refresh"] = "true"
    return response


@login_required
@require_POST
def batch_cancel(request: HttpRequest, public_id: str) -> HttpResponseRedirect:
    """Stop a batch."""
    batch = _mine(request, public_id)
    if not batches.batch_cancel(batch=batch):
        messages.warning(request, "The batch had ended already.")
    return redirect("batch_detail", public_id)


@login_required
@require_POST
def batch_repeat(request: HttpRequest, public_id: str) -> HttpResponseRedirect:
    """Run again what failed, and nothing else."""
    batch = _mine(request, public_id)
    if not batches.batch_repeat_failed(batch=batch):
        messages.warning(request, "No analysis of this batch can be run again now.")
    return redirect("batch_detail", public_id)


@login_required
@require_POST
def batch_delete(request: HttpRequest, public_id: str) -> HttpResponseRedirect:
    """Delete a batch with everything that came of it."""
    batch = _mine(request, public_id)
    batches.batch_delete(batch=batch)
    messages.success(request, f"{batch.name} is deleted; its last images are gone in a moment.")
    return redirect("batch_list")


@login_required
@require_safe
def batch_export(request: HttpRequest, public_id: str, form: str) -> HttpResponseBase:
    """Give a table or reports of a batch's files, or of the part that the page shows.

    Those that were not taken in are among them.
    """
    batch = _mine(request, public_id)
    answers, refused = batch_exported(batch, request.GET)
    return export_response(request, form, answers, refused=refused)


def _progress(batch: Batch) -> batches.BatchProgress:
    """Count what became of the files; an end that the sweep has not noted yet is noted now."""
    progress = batches.batch_progress(batch=batch)
    if batch.state == BatchState.ANALYSING and not progress.unfinished:
        batches.batch_finish(batch=batch)
        batch.refresh_from_db()
    return progress


def _mine(request: HttpRequest, public_id: str) -> Batch:
    mine = Batch.objects.visible_to(request.user).select_related("submission")
    return get_object_or_404(mine, public_id=public_id)


def _opened(request: HttpRequest, name: str, size: int, *, wants_mail: bool) -> Batch:
    return batches.batch_open(
        owner=request.user,
        name=name,
        upload_bytes=size,
        wants_mail=wants_mail,
        site=site_of(request),
    )


def _list_page(request: HttpRequest, form: BatchUploadForm, *, status: int = 200) -> HttpResponse:
    mine = Batch.objects.visible_to(request.user)
    page = Paginator(mine, PAGE_SIZE).get_page(request.GET.get("page"))
    tally = batches.batches_tally(batches=page.object_list)
    rows = [(batch, tally[batch.pk]) for batch in page.object_list]
    context = {"form": form, "page": page, "rows": rows, **_limits()}
    return render(request, "batches/list.html", context, status=status)


def _limits() -> dict[str, int]:
    return {
        "most_files": settings.BATCH_MAX_FILES,
        "most_bytes": settings.BATCH_MAX_UPLOAD_BYTES,
        "most_megabytes": settings.BATCH_MAX_UPLOAD_BYTES // 1_000_000,
        "piece_bytes": MOST_PIECE_BYTES,
    }


def _context(batch: Batch, progress: batches.BatchProgress) -> dict[str, Any]:
    share = batch.received_bytes / batch.upload_bytes if batch.upload_bytes else 0
    return {
        "batch": batch,
        "progress": progress,
        "received_percent": int(100 * share),
        # While it is received the script of the page knows more than the server.
        "is_moving": batch.state in (BatchState.UNPACKING, BatchState.ANALYSING),
    }


def _told(batch: Batch) -> dict[str, Any]:
    return {
        "id": batch.public_id,
        "state": batch.state,
        "received": batch.received_bytes,
        "url": reverse("batch_detail", args=[batch.public_id]),
        "pieces_url": reverse("batch_pieces", args=[batch.public_id]),
    }


def _refused(refused: BatchRefused) -> JsonResponse:
    error: dict[str, Any] = {"code": refused.code, "message": refused.sentence}
    if refused.expected is not None:
        error["expected"] = refused.expected
    return JsonResponse({"error": error}, status=STATUS.get(refused.code, 422))
