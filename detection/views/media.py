"""Private files, given only to those who may see the image they belong to."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.encoding import filepath_to_uri
from django.utils.http import content_disposition_header
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from detection.models import Analysis, Explanation, Face, ForensicViews, SubmittedImage, ViewKind

# A stored file never changes under its address; shared caches must not keep it.
private_media = cache_control(private=True, max_age=86400, immutable=True)


@login_required
@require_safe
@private_media
def image_thumbnail(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Serve a small preview."""
    image = _visible_image(request, public_id)
    return file_response(image.thumbnail or image.preview, "image/webp")


@login_required
@require_safe
@private_media
def image_preview(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Serve the preview."""
    return file_response(_visible_image(request, public_id).preview, "image/webp")


@login_required
@require_safe
@private_media
def image_original(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Serve the file as it was handed in, as a download that no browser opens by itself."""
    image = _visible_image(request, public_id)
    return file_response(image.original, "application/octet-stream", save_as=image.file_name)


@login_required
@require_safe
@private_media
def analysis_heatmap(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Serve the painted heatmap."""
    visible = Analysis.objects.media_for(request.user)
    analysis = get_object_or_404(visible, public_id=public_id)
    return file_response(analysis.heatmap, "image/png")


@login_required
@require_safe
@private_media
def analysis_signed_thumbnail(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Serve the small picture that the file's Content Credentials hold."""
    visible = Analysis.objects.media_for(request.user)
    analysis = get_object_or_404(visible, public_id=public_id)
    return file_response(analysis.signed_thumbnail, "image/webp")


@login_required
@require_safe
@private_media
def explanation_heatmap(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Serve a heatmap that was asked for beside the one that comes with the verdict."""
    visible = Explanation.objects.media_for(request.user)
    explanation = get_object_or_404(visible, public_id=public_id)
    return file_response(explanation.heatmap, "image/png")


@login_required
@require_safe
@private_media
def image_view(request: HttpRequest, public_id: str, kind: str) -> HttpResponseBase:
    """Serve one of the views of an image, such as its error levels."""
    visible = ForensicViews.objects.media_for(request.user)
    views = get_object_or_404(visible, image__public_id=public_id)
    if kind not in ViewKind.values:
        raise Http404("There is no such view.")
    return file_response(getattr(views, kind), "image/webp")


@login_required
@require_safe
@private_media
def image_full(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Serve the image with its own pixels, encoded anew without metadata."""
    visible = ForensicViews.objects.media_for(request.user)
    views = get_object_or_404(visible, image__public_id=public_id)
    return file_response(views.full, "image/webp")


@login_required
@require_safe
@private_media
def face_heatmap(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Serve the painted heatmap of one face."""
    face = get_object_or_404(Face.objects.media_for(request.user), public_id=public_id)
    return file_response(face.heatmap, "image/png")


def _visible_image(request: HttpRequest, public_id: str) -> SubmittedImage:
    visible = SubmittedImage.objects.media_for(request.user)
    return get_object_or_404(visible, public_id=public_id)


def file_response(stored: FieldFile, content_type: str, *, save_as: str = "") -> HttpResponseBase:
    """Hand a stored file out, as `MEDIA_DELIVERY` says; who may have it is for the caller to know.

    Args:
        stored: The file.
        content_type: What it is; whatever an uploader said of it is never told on.
        save_as: The name under which a browser saves it; empty: it is shown.

    Raises:
        Http404: None was stored, or it is gone.
        StorageUnavailable: The storage is away.
    """
    if not stored:
        raise Http404("There is no such picture.")
    if settings.MEDIA_DELIVERY == "redirect":
        return _redirected(str(stored.name), content_type, save_as)
    response: HttpResponseBase
    if settings.MEDIA_DELIVERY == "accel":
        response = _left_to_the_proxy(str(stored.name), content_type, save_as)
    else:
        response = _streamed(stored, content_type, save_as)
    # Were a browser ever to take it for a page, that page could do nothing.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _streamed(stored: FieldFile, content_type: str, save_as: str) -> HttpResponseBase:
    try:
        opened = stored.open("rb")
    except FileNotFoundError:
        raise Http404("The stored file is missing.") from None
    return FileResponse(
        opened, content_type=content_type, as_attachment=bool(save_as), filename=save_as
    )


def _redirected(name: str, content_type: str, save_as: str) -> HttpResponse:
    """Lead to a signed address, which tells type and name too and holds for a short time.

    Whether the file is there is for the storage to say: asking first would cost what this spares.
    """
    parameters = {"ResponseContentType": content_type}
    disposition = content_disposition_header(bool(save_as), save_as)
    if disposition:
        parameters["ResponseContentDisposition"] = disposition
    address = default_storage.url(name, parameters)  # type: ignore[call-arg] # of object storages
    response = HttpResponse(status=302, headers={"Location": address})
    # Asked for again before the address ends: `private_media` keeps the shorter of two ages.
    response["Cache-Control"] = f"max-age={settings.MEDIA_ADDRESS_SECONDS // 2}"
    return response


def _left_to_the_proxy(name: str, content_type: str, save_as: str) -> HttpResponse:
    """Name the file to the proxy in front, which alone may read below `MEDIA_URL`."""
    if not default_storage.exists(name):
        raise Http404("The stored file is missing.")
    response = HttpResponse(content_type=content_type)
    response["X-Accel-Redirect"] = filepath_to_uri(f"{settings.MEDIA_URL}{name}")
    disposition = content_disposition_header(bool(save_as), save_as)
    if disposition:
        response["Content-Disposition"] = disposition
    return response
