"""My data: ask for everything in one zip, see how far it is, take it along."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from detection.delivery import file_response
from detection.models import DataExport, Work
from detection.services import data_exports


@never_cache
@login_required
@require_safe
def data_export(request: HttpRequest) -> HttpResponse:
    """Show what the zip would hold, how large it would be, and those that there are."""
    mine = DataExport.objects.visible_to(request.user)
    context = {
        "extent": data_exports.extent_of(owner=request.user),
        "exports": mine.exclude(state=Work.CANCELLED),
        "is_under_way": mine.active().exists(),
    }
    return render(request, "account/data.html", context)


@never_cache
@login_required
@require_POST
@reauthentication_required
def data_export_ask(request: HttpRequest) -> HttpResponse:
    """Have the zip made."""
    try:
        data_exports.export_request(owner=request.user)
    except data_exports.ExportRefused as refused:
        messages.warning(request, refused.sentence)
    else:
        messages.success(request, "Your data is being packed. A mail tells you when it is ready.")
    return redirect("data_export")


@never_cache
@login_required
@require_safe
@reauthentication_required
def data_export_file(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Serve the zip, as a download."""
    mine = DataExport.objects.visible_to(request.user).filter(state=Work.FINISHED)
    export = get_object_or_404(mine, public_id=public_id)
    name = f"veripix-{export.created_at:%Y-%m-%d}.zip"
    return file_response(export.file, "application/zip", save_as=name)


@login_required
@require_POST
def data_export_delete(request: HttpRequest, public_id: str) -> HttpResponse:
    """Delete a zip of one's own, or stop one that is being made."""
    export = get_object_or_404(DataExport.objects.visible_to(request.user), public_id=public_id)
    data_exports.export_delete(export=export)
    messages.success(request, "The zip is deleted.")
    return redirect("data_export")
