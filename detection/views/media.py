"""Private files, given only to those who may see the image they belong to."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from detection.delivery import file_response
from detection.models import Analysis, Explanation, Face, ForensicViews, SubmittedImage, ViewKind
from detection.services.audit import look_record

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
    """Serve the file as it was handed in, as a download that no browser opens by itself.

    To its owner alone: it says where it was taken and with which camera, and nobody else is told.
    """
    image = get_object_or_404(SubmittedImage.objects.visible_to(request.user), public_id=public_id)
    return file_response(image.original, "application/octet-stream", save_as=image.file_name)


@login_required
@require_safe
@private_media
def analysis_heatmap(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Serve the painted heatmap."""
    visible = Analysis.objects.media_for(request.user)
    analysis = get_object_or_404(visible, public_id=public_id)
    _looked_at(request, analysis.image)
    return file_response(analysis.heatmap, "image/png")


@login_required
@require_safe
@private_media
def analysis_signed_thumbnail(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Serve the small picture that the file's Content Credentials hold."""
    visible = Analysis.objects.media_for(request.user)
    analysis = get_object_or_404(visible, public_id=public_id)
    _looked_at(request, analysis.image)
    return file_response(analysis.signed_thumbnail, "image/webp")


@login_required
@require_safe
@private_media
def explanation_heatmap(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Serve a heatmap that was asked for beside the one that comes with the verdict."""
    visible = Explanation.objects.media_for(request.user)
    explanation = get_object_or_404(visible, public_id=public_id)
    _looked_at(request, explanation.analysis.image)
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
    _looked_at(request, views.image)
    return file_response(getattr(views, kind), "image/webp")


@login_required
@require_safe
@private_media
def image_full(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Serve the image with its own pixels, encoded anew without metadata."""
    visible = ForensicViews.objects.media_for(request.user)
    views = get_object_or_404(visible, image__public_id=public_id)
    _looked_at(request, views.image)
    return file_response(views.full, "image/webp")


@login_required
@require_safe
@private_media
def face_heatmap(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Serve the painted heatmap of one face."""
    face = get_object_or_404(Face.objects.media_for(request.user), public_id=public_id)
    _looked_at(request, face.analysis.image)
    return file_response(face.heatmap, "image/png")


def _visible_image(request: HttpRequest, public_id: str) -> SubmittedImage:
    visible = SubmittedImage.objects.media_for(request.user)
    image = get_object_or_404(visible.select_related("submission"), public_id=public_id)
    _looked_at(request, image)
    return image


def _looked_at(request: HttpRequest, image: SubmittedImage) -> None:
    """Record that somebody of the staff sees another person's picture; asks nothing of others."""
    if request.user.is_staff and image.submission.owner_id != request.user.pk:
        look_record(user=request.user, subject=f"image {image.public_id}")
