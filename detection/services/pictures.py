"""Shows an item's image as a small WebP, made when it is asked for.

Stored beside 100,000 thumbnails, which hardly anybody looks at, these would double the files.
"""

import io

from django.conf import settings
from PIL import Image

from detection import image_files, ml_gateway
from detection.image_files import DAMAGE, ImageRejected, Limits
from detection.models import Item
from detection.services.intake.drafts import DECODING, SCALABLE_MODES

# Up to this side every pixel is looked at, so none may be lost.
EXACT_SIDE = 128


class PictureFailed(Exception):
    """The stored file is gone or damaged."""


def item_picture(*, item: Item, side: int) -> bytes:
    """Return an image as WebP, upright, without metadata, no larger than this side.

    Raises:
        PictureFailed: When the file cannot be read.
    """
    try:
        with item.file.open("rb") as file, DECODING:
            limits = Limits(settings.MAX_UPLOAD_BYTES, settings.MAX_PIXELS)
            inspected = image_files.inspect(
                file,  # type: ignore[arg-type] # Django's File is a binary stream in all but name
                limits,
                preview_side=side,
            )
            pixels = inspected.pixels
            return _webp(pixels, side)
    except (ImageRejected, *DAMAGE) as error:
        raise PictureFailed from error


def _webp(pixels: Image.Image, side: int) -> bytes:
    if pixels.mode in SCALABLE_MODES:
        pixels.thumbnail((side, side))
    rgb = ml_gateway.upright_rgb(pixels)
    rgb.thumbnail((side, side))
    buffer = io.BytesIO()
    rgb.save(buffer, "WEBP", lossless=max(rgb.size) <= EXACT_SIDE, quality=85, method=1)
    return buffer.getvalue()
