"""Looks at what a file says of itself: findings for the verdict, and how it looked when signed."""

import io
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from detection import provenance
from detection.decoding import Work
from detection.findings import Finding
from detection.image_files import ImageRejected
from detection.provenance import credentials
from detection.services.decoding import decode
from detection.services.shared_trust import trust_list_here
from detection.services.storage import storage_errors

# What a signed thumbnail may be; larger ones are not shown.
THUMBNAIL_FORMATS = ("JPEG", "PNG", "WebP")
THUMBNAIL_PIXELS = 4_000_000
THUMBNAIL_SIDE = 512


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a file says of itself.

    Attributes:
        findings: Strongest first.
        thumbnail: As its Content Credentials hold it, if they do.
    """

    findings: tuple[Finding, ...]
    thumbnail: bytes | None = None


def file_examine(
    *,
    content: bytes,
    format: str,  # noqa: A002
    size: tuple[int, int],
    shape: int | None = None,
) -> Evidence:
    """Examine a file; what cannot be read of it is a finding, never an error.

    Args:
        content: The file.
        format: One of `image_files.FORMATS`.
        size: Upright (width, height) in pixels.
        shape: The image's perceptual hash, to compare its thumbnails with.
    """
    width, height = size
    signed = credentials.read(content, format=format, trust_list=trust_list_here())
    said = provenance.examine(content, format=format, width=width, height=height, shape=shape)
    return Evidence(provenance.in_order((*signed.findings, *said)), signed.thumbnail)


def thumbnail_store(*, name: str, thumbnail: bytes | None) -> str:
    """Store a signed thumbnail, encoded anew, and return its name; empty where there is none.

    Raises:
        StorageUnavailable: When the storage does not take it.
    """
    encoded = _encoded(thumbnail) if thumbnail else b""
    if not encoded:
        return ""
    with storage_errors():
        return default_storage.save(name, ContentFile(encoded))


def _encoded(thumbnail: bytes) -> bytes:
    """Return a small WebP of it, or nothing where it is no sound picture."""
    try:
        decoded = decode(
            io.BytesIO(thumbnail),
            work=Work.PICTURE,
            side=THUMBNAIL_SIDE,
            max_pixels=THUMBNAIL_PIXELS,
        )
    except ImageRejected:
        return b""
    return decoded.pictures[0] if decoded.format in THUMBNAIL_FORMATS else b""
