"""Reads the original of an image and stores heatmaps."""

import io

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Model
from PIL import Image

from detection.ml_gateway import GatewayError
from detection.models import SubmittedImage
from detection.models.judged import heatmap_name


def original_read(image: SubmittedImage) -> bytes:
    """Return the file as it was handed in.

    Raises:
        GatewayError: `file_missing`.
    """
    try:
        with image.original.open("rb") as file:
            content: bytes = file.read()
    except OSError as error:
        raise GatewayError(
            "file_missing", "The stored image cannot be read; hand it in once more."
        ) from error
    return content


def heatmap_store(owner: Model, heatmap: Image.Image | None) -> str:
    """Store a heatmap under a random name and return that; empty where there is none.

    The row comes after it, so nobody ever reads a half-written file.
    """
    if heatmap is None:
        return ""
    buffer = io.BytesIO()
    heatmap.save(buffer, "PNG", compress_level=3)
    return default_storage.save(heatmap_name(owner, ""), ContentFile(buffer.getvalue()))
