"""Shows an item's image as a small WebP, made when it is asked for.

Stored beside 100,000 thumbnails, which hardly anybody looks at, these would double the files.
"""

from detection.decoding import Work
from detection.image_files import ImageRejected
from detection.models import Item
from detection.services.decoding import decode


class PictureFailed(Exception):
    """The stored file is gone or damaged."""


def item_picture(*, item: Item, side: int) -> bytes:
    """Return an image as WebP, upright, without metadata, no larger than this side.

    Raises:
        PictureFailed: When the file cannot be read.
    """
    try:
        with item.file.open("rb") as file:
            (picture,) = decode(file, work=Work.PICTURE, side=side).pictures
    except (ImageRejected, OSError) as error:
        raise PictureFailed from error
    return picture
