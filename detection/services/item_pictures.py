"""Draws what people see of an item: bounded, upright, in a format that every browser shows."""

from django.conf import settings

from detection import image_files
from detection.image_files import ImageRejected, Limits
from detection.models import Item
from detection.services.intake import DECODING, PREVIEW_SIDE, THUMBNAIL_SIDE, previews_make


class PictureMissing(Exception):
    """The stored file of an item cannot be shown."""

    code = "file_missing"
    sentence = "The stored image cannot be read."


def item_picture(*, item: Item, is_small: bool = False) -> bytes:
    """Return an item as WebP; drawn when it is asked for, as most of many items never are.

    Raises:
        PictureMissing: When the file is gone or damaged.
    """
    limits = Limits(settings.MAX_UPLOAD_BYTES, settings.MAX_PIXELS)
    side = THUMBNAIL_SIDE if is_small else PREVIEW_SIDE
    try:
        with item.file.open("rb") as file, DECODING:
            inspected = image_files.inspect(file, limits, preview_side=side)
            preview, thumbnail = previews_make(inspected)
    except (OSError, ImageRejected) as error:
        raise PictureMissing from error
    return (thumbnail or preview) if is_small else preview
