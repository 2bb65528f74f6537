"""Has a file decoded and stores it with its previews; its row is made elsewhere, or not."""

from dataclasses import dataclass
from typing import TypeAlias

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from detection import image_files, perceptual
from detection.decoding import Work
from detection.image_files import ImageRejected
from detection.models import Submission, SubmittedImage
from detection.models.submissions import original_name, preview_name
from detection.services.decoding import decode
from detection.services.storage import storage_errors
from detection.telemetry import INTAKE, stage

PREVIEW_SIDE = 1280

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
        with stage("decode", road=INTAKE):
            decoded = decode(file, work=Work.PREVIEWS, side=PREVIEW_SIDE)
    except ImageRejected as rejected:
        return rejected
    image = SubmittedImage(
        submission=submission,
        file_name=image_files.uploaded_name(file.name or ""),
        sha256=decoded.sha256,
        format=decoded.format,
        width=decoded.width,
        height=decoded.height,
        byte_size=decoded.byte_size,
        perceptual_hash=decoded.shape,
        **{f"band_{number}": band for number, band in enumerate(perceptual.bands(decoded.shape))},
    )
    preview, *smaller = decoded.pictures
    image.original.name = names.original
    image.preview.name = names.preview
    image.thumbnail.name = names.thumbnail if smaller else ""
    with stage("store", road=INTAKE), storage_errors():
        default_storage.save(image.original.name, file)
        default_storage.save(image.preview.name, ContentFile(preview))
        for thumbnail in smaller:
            default_storage.save(image.thumbnail.name, ContentFile(thumbnail))
    return image
