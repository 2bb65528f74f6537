"""Inspects a file and stores it with its previews; whether it gets a row is decided elsewhere."""

import io
import threading
from dataclasses import dataclass
from typing import TypeAlias

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from PIL import Image

from detection import image_files, ml_gateway, perceptual
from detection.image_files import ImageRejected, InspectedImage, Limits
from detection.models import Submission, SubmittedImage
from detection.models.submissions import original_name, preview_name
from detection.services.storage import storage_errors
from detection.telemetry import INTAKE, stage

PREVIEW_SIDE = 1280
THUMBNAIL_SIDE = 256
# Modes that scale as they are; the others are brought to RGB first, at full size.
SCALABLE_MODES = ("RGB", "L", "LA", "RGBA", "CMYK")
# How many files a process decodes at a time: one of 50 megapixels may need 800 MB while it lasts.
DECODING = threading.BoundedSemaphore(2)

# A file that was stored, or why it was not.
Added: TypeAlias = SubmittedImage | ImageRejected


@dataclass(frozen=True, slots=True)
class Names:
    """What the files of an image are called; known before it is looked at, to be noted."""

    original: str
    preview: str
    thumbnail: str

    @classmethod
    def new(cls) -> "Names":
        """Return names that nobody has."""
        image = SubmittedImage()
        return cls(original_name(image, ""), preview_name(image, ""), preview_name(image, ""))


def drafted(submission: Submission, file: File, names: Names) -> Added:
    """Inspect a file and store it with its previews; its row is still to come.

    What it leaves where it is interrupted is for whoever noted the names.
    """
    try:
        with DECODING:
            with stage("inspect", road=INTAKE):
                inspected = image_files.inspect(
                    file,  # type: ignore[arg-type] # Django's File is a binary stream in all but name
                    Limits(settings.MAX_UPLOAD_BYTES, settings.MAX_PIXELS),
                    preview_side=PREVIEW_SIDE,
                )
            with stage("previews", road=INTAKE):
                preview, thumbnail, shape = previews(inspected)
    except ImageRejected as rejected:
        return rejected
    image = SubmittedImage(
        submission=submission,
        file_name=image_files.uploaded_name(file.name or ""),
        sha256=inspected.sha256,
        format=inspected.format,
        width=inspected.width,
        height=inspected.height,
        byte_size=inspected.byte_size,
        perceptual_hash=shape,
        **{f"band_{number}": band for number, band in enumerate(perceptual.bands(shape))},
    )
    image.original.name = names.original
    image.preview.name = names.preview
    image.thumbnail.name = names.thumbnail if thumbnail else ""
    with stage("store", road=INTAKE), storage_errors():
        default_storage.save(image.original.name, file)
        default_storage.save(image.preview.name, ContentFile(preview))
        if thumbnail:
            default_storage.save(image.thumbnail.name, ContentFile(thumbnail))
    return image


def previews(inspected: InspectedImage) -> tuple[bytes, bytes | None, int]:
    """Return WebP previews, large and small, and the perceptual hash.

    Re-encoding leaves all metadata behind.
    """
    image = inspected.pixels
    try:
        if image.mode == "P":
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        if image.mode in SCALABLE_MODES:
            image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        rgb = ml_gateway.upright_rgb(image)
    except image_files.DAMAGE as error:
        raise ImageRejected("damaged_image", "The image is damaged.") from error
    rgb.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    preview, shape = _webp(rgb), perceptual.perceptual_hash(rgb)
    if max(rgb.size) <= THUMBNAIL_SIDE:
        return preview, None, shape
    rgb.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return preview, _webp(rgb), shape


def _webp(image: Image.Image) -> bytes:
    """Encode without loss where every pixel is looked at, small elsewhere."""
    buffer = io.BytesIO()
    is_tiny = max(image.size) <= THUMBNAIL_SIDE // 2
    image.save(buffer, "WEBP", lossless=is_tiny, quality=85, method=1 if is_tiny else 3)
    return buffer.getvalue()
