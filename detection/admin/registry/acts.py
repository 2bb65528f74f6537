"""What can be done with a version: judged, promoted, set into the shadow, carried elsewhere."""

import tempfile
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST

from detection.admin.asking import who_is_it
from detection.ml_gateway import GatewayError
from detection.models import ModelVersion
from detection.services import evaluations, registry, version_files
from detection.services.evaluations import EvaluationRefused
from detection.services.gates import gates_are_needed, gates_asked, gates_check
from detection.services.registry import OVERRIDE_LENGTH, PromotionRefused
from detection.services.version_files import ImportRefused
from detection.uploads import BoundedUploadHandler

VERSION = "admin:detection_modelversion_change"
# In memory up to here while a version is packed, on the disk beyond.
IN_MEMORY = 8_000_000


def may_promote(request: HttpRequest) -> bool:
    """Tell whether somebody may move the champion: the one door for it."""
    return request.user.has_perm("detection.add_promotion")


def may_judge(request: HttpRequest) -> bool:
    """Tell whether somebody may have versions judged and set into the shadow."""
    return request.user.has_perm("detection.change_modelversion")


def may_import(request: HttpRequest) -> bool:
    """Tell whether somebody may bring in a version of another installation."""
    return request.user.has_perm("detection.add_modelversion")


@require_http_methods(["GET", "HEAD", "POST"])
def promote(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for a reason, showing the gates, and let the version answer."""
    _require(may_promote(request))
    who_is_it(request)
    version = _version(pk)
    if request.method == "POST":
        try:
            return _promoted(request, version)
        except PromotionRefused as refused:
            messages.error(request, refused.sentence)
    return render(request, "admin/registry/promote.html", _promotion_page(request, version))


@require_POST
def judge(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    """Have the version judged on every sealed set."""
    _require(may_judge(request))
    version = _version(pk)
    try:
        again = request.POST.get("again") == "yes"
        evaluations.evaluations_ask(version=version, user=request.user, again=again)
    except EvaluationRefused as refused:
        messages.error(request, refused.sentence)
    else:
        messages.success(request, f"{version.label} is being judged; its figures appear here.")
    return redirect(VERSION, version.pk)


@require_POST
def challenger(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    """Let the version answer in the shadow, or no longer."""
    _require(may_judge(request))
    version = _version(pk)
    try:
        if request.POST.get("stop") == "yes":
            registry.challenger_unset(version=version, user=request.user)
            messages.success(request, f"{version.label} answers in the shadow no longer.")
        else:
            registry.challenger_set(version=version, user=request.user)
            messages.success(request, f"{version.label} answers in the shadow from now on.")
    except PromotionRefused as refused:
        messages.error(request, refused.sentence)
    return redirect(VERSION, version.pk)


@require_POST
def export(request: HttpRequest, pk: int) -> HttpResponse | FileResponse:
    """Hand the version out as one file."""
    _require(may_promote(request))
    version = _version(pk)
    target = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the answer closes it
    try:
        version_files.version_export(version=version, target=target, user=request.user)
    except GatewayError as error:
        target.close()
        messages.error(request, error.sentence)
        return redirect(VERSION, version.pk)
    target.seek(0)
    name = version_files.file_name_of(version)
    return FileResponse(target, as_attachment=True, filename=name)


@csrf_exempt
def import_version(request: HttpRequest) -> HttpResponse:
    """Take a version of another installation in.

    Exempt only so far that the handler for large files stands before the form is read, which is
    where the token is; the form itself is protected.
    """
    _require(may_import(request))
    most = settings.GATE_MAX_MEGABYTES * 1_000_000
    request.upload_handlers = [
        BoundedUploadHandler(request, most),
        TemporaryFileUploadHandler(request),
    ]
    return _import_form(request)


@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def _import_form(request: HttpRequest) -> HttpResponse:
    who_is_it(request)
    if request.method == "POST":
        file = request.FILES.get("file")
        if file is None:
            messages.error(request, "Choose the file that the other installation has exported.")
            return redirect("admin:registry_import")
        try:
            version = version_files.version_import(source=file, user=request.user)
        except ImportRefused as refused:
            messages.error(request, refused.sentence)
            return redirect("admin:registry_import")
        messages.success(request, f"Registered {version.label}. It waits for its promotion.")
        return redirect(VERSION, version.pk)
    return render(request, "admin/registry/import.html", page_of(request, "Import a version"))


def page_of(request: HttpRequest, title: str, **context: Any) -> dict[str, Any]:
    """Return the context that a page of the panel needs."""
    return {
        **admin.site.each_context(request),
        "title": title,
        "opts": ModelVersion._meta,
        **context,
    }


def _promoted(request: HttpRequest, version: ModelVersion) -> HttpResponseRedirect:
    why = request.POST.get("reason", "").strip()
    promotion = registry.version_promote(
        version=version,
        user=request.user,
        reason=why or "No reason was written down.",
        override_reason=why,
    )
    if promotion is None:
        messages.info(request, f"{version.label} answers already.")
    else:
        messages.success(request, f"{version.label} answers from now on.")
    return redirect(VERSION, version.pk)


def _promotion_page(request: HttpRequest, version: ModelVersion) -> dict[str, Any]:
    champion = ModelVersion.objects.champion_of(version.model.track)
    asked = gates_asked(version=version)
    is_back = version.was_champion
    return page_of(
        request,
        f"{'Roll back to' if is_back else 'Promote'} {version.label}",
        version=version,
        track_champion=champion,
        is_champion=champion == version,
        is_back=is_back,
        gates=gates_check(version=version),
        gates_are_needed=gates_are_needed(version=version),
        failed_count=sum(not gate.passed for gate in asked),
        stops_at=next((gate for gate in asked if gate.is_binding and not gate.passed), None),
        least=OVERRIDE_LENGTH,
        given=request.POST,
    )


def _version(pk: int) -> ModelVersion:
    return get_object_or_404(ModelVersion.objects.select_related("model"), pk=pk)


def _require(is_allowed: bool) -> None:
    if not is_allowed:
        raise PermissionDenied
