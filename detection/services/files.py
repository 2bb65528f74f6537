"""Reads the original of an image and stores heatmaps."""

import io

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image

from detection.ml_gateway import GatewayError
from detection.models import SubmittedImage
from detection.services.storage import storage_errors

# The code of whatever would need an image that the retention time has taken away.
FORGOTTEN = "image_forgotten"


def original_read(image: SubmittedImage) -> bytes:
    """Return the file as it was handed in.

    Raises:
        GatewayError: `file_missing`, or `image_forgotten` where its time had run out.
        StorageUnavailable: When the storage is away.
    """
    if image.is_forgotten or not image.original:
        # Looked up anew: it may have been forgotten since the row was read.
        image.refresh_from_db(fields=["forgotten_at"])
        if image.is_lost:
            raise GatewayError("file_missing", "The image that was handed in is lost.")
        raise GatewayError(FORGOTTEN, image.forgotten_sentence or "The image was deleted.")
    try:
        with storage_errors(), image.original.open("rb") as file:
            content: bytes = file.read()
    except FileNotFoundError as error:
        raise GatewayError(
            "file_missing", "The stored image cannot be read; hand it in once more."
        ) from error
    if len(content) != image.byte_size:
        # A disk that was full, a bucket that somebody changed: no verdict on half a file.
        raise GatewayError(
            "file_missing", "The stored image is not whole any more; hand it in once more."
        )
    return content


def heatmap_store(name: str, heatmap: Image.Image | None) -> str:
    """Store a heatmap under this name and return the name; empty where there is none.

    The row comes after it, so nobody ever reads a half-written file.

    Raises:
        StorageUnavailable: When the storage does not take it.
    """
    if heatmap is None:
        return ""
    buffer = io.BytesIO()
    heatmap.save(buffer, "PNG", compress_level=3)
    with storage_errors():
        return default_storage.save(name, ContentFile(buffer.getvalue()))


def stored_copy(name: str, new_name: str) -> str:
    """Copy a stored file under a new name and return that; empty where there is none.

    A picture that is gone is gone for the copy too: the verdict does not hang on it.

    Raises:
        StorageUnavailable: When the storage is away.
    """
    if not name:
        return ""
    try:
        with storage_errors(), default_storage.open(name, "rb") as file:
            return default_storage.save(new_name, ContentFile(file.read()))
    except FileNotFoundError:
        return ""
