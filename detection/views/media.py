"""Private files, given only to those who may see the image they belong to."""

from django.contrib.auth.decorators import login_required
from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from detection.models import Analysis, Explanation, Face, SubmittedImage

# A stored file never changes under its address; shared caches must not keep it.
private_media = cache_control(private=True, max_age=86400, immutable=True)


@login_required
@require_safe
@private_media
def image_thumbnail(request: HttpRequest, public_id: str) -> FileResponse:
    """Serve a small preview."""
    image = _visible_image(request, public_id)
    return _file(image.thumbnail or image.preview, "image/webp")


@login_required
@require_safe
@private_media
def image_preview(request: HttpRequest, public_id: str) -> FileResponse:
    """Serve the preview."""
    return _file(_visible_image(request, public_id).preview, "image/webp")


@login_required
@require_safe
@private_media
def image_original(request: HttpRequest, public_id: str) -> FileResponse:
    """Serve the file as it was handed in, as a download that no browser opens by itself."""
    image = _visible_image(request, public_id)
    return _file(image.original, "application/octet-stream", save_as=image.file_name)


@login_required
@require_safe
@private_media
def analysis_heatmap(request: HttpRequest, public_id: str) -> FileResponse:
    """Serve the painted heatmap."""
    visible = Analysis.objects.media_for(request.user)
    analysis = get_object_or_404(visible, public_id=public_id)
    if not analysis.heatmap:
        raise Http404("This analysis has no heatmap.")
    return _file(analysis.heatmap, "image/png")


@login_required
@require_safe
@private_media
def explanation_heatmap(request: HttpRequest, public_id: str) -> FileResponse:
    """Serve a heatmap that was asked for beside the one that comes with the verdict."""
    visible = Explanation.objects.media_for(request.user)
    explanation = get_object_or_404(visible, public_id=public_id)
    if not explanation.heatmap:
        raise Http404("This heatmap is not drawn.")
    return _file(explanation.heatmap, "image/png")


@login_required
@require_safe
@private_media
def face_heatmap(request: HttpRequest, public_id: str) -> FileResponse:
    """Serve the painted heatmap of one face."""
    face = get_object_or_404(Face.objects.media_for(request.user), public_id=public_id)
    if not face.heatmap:
        raise Http404("This face has no heatmap.")
    return _file(face.heatmap, "image/png")


def _visible_image(request: HttpRequest, public_id: str) -> SubmittedImage:
    visible = SubmittedImage.objects.media_for(request.user)
    return get_object_or_404(visible, public_id=public_id)


def _file(stored: FieldFile, content_type: str, *, save_as: str = "") -> FileResponse:
    try:
        opened = stored.open("rb")
    except FileNotFoundError:
        raise Http404("The stored file is missing.") from None
    response = FileResponse(
        opened, content_type=content_type, as_attachment=bool(save_as), filename=save_as
    )
    # Were a browser ever to take it for a page, that page could do nothing.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
