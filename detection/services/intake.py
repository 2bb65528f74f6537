"""Takes images in: inspected, stored, queued; and gives them up again, rows and files alike."""

import io
import logging
import threading
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import transaction
from PIL import Image

from detection import image_files, ml_gateway, perceptual
from detection.image_files import ImageRejected, InspectedImage, Limits
from detection.models import (
    Analysis,
    Explanation,
    Face,
    ForensicViews,
    ModelVersion,
    Queue,
    Refusal,
    Submission,
    SubmittedImage,
    Track,
)
from detection.models.submissions import (
    Source,
    SubmissionQuerySet,
    original_name,
    preview_name,
)
from detection.services.analysis import analysis_enqueue
from detection.services.consent import images_withdraw
from detection.services.notes import tags_prune

log = logging.getLogger(__name__)

PREVIEW_SIDE = 1280
THUMBNAIL_SIDE = 256
# Modes that scale as they are; the others are brought to RGB first, at full size.
SCALABLE_MODES = ("RGB", "L", "LA", "RGBA", "CMYK")
# How many files a process decodes at a time: one of 50 megapixels may need 800 MB while it lasts.
DECODING = threading.BoundedSemaphore(2)


def submission_open(*, owner: Any, source: str = Source.PAGE) -> Submission:
    """Start an act of handing in, to which images are then added."""
    return Submission.objects.create(owner=owner, source=source)


def submission_create(
    *,
    owner: Any,
    files: Iterable[File],
    source: str = Source.PAGE,
) -> Submission:
    """Hand in several files at once; those that cannot be taken in are kept as refusals."""
    submission = submission_open(owner=owner, source=source)
    for file in files:
        try:
            image_add(submission=submission, file=file)
        except ImageRejected as rejected:
            log.info("refused a file of submission %s: %s", submission.pk, rejected.code)
    return submission


def image_add(*, submission: Submission, file: File) -> SubmittedImage:
    """Take one file into a submission and queue its analysis.

    Files are stored first, rows then in one short transaction; if that fails the files go
    again. So no row is ever without its files.

    Raises:
        ImageRejected: With the codes of `image_files.inspect`, `too_many_files` and
            `submission_gone`. The refusal is kept with the submission.
    """
    name = image_files.uploaded_name(file.name or "")
    try:
        return _image_added(submission, name, file)
    except ImageRejected as rejected:
        _keep_refusal(submission, name, rejected)
        raise


def _image_added(submission: Submission, name: str, file: File) -> SubmittedImage:
    _check_room(submission)
    with DECODING:
        inspected = image_files.inspect(
            file,  # type: ignore[arg-type] # Django's File is a binary stream in all but name
            Limits(settings.MAX_UPLOAD_BYTES, settings.MAX_PIXELS),
            preview_side=PREVIEW_SIDE,
        )
        preview, thumbnail, shape = _previews(inspected)
    image = SubmittedImage(
        submission=submission,
        file_name=name,
        sha256=inspected.sha256,
        format=inspected.format,
        width=inspected.width,
        height=inspected.height,
        byte_size=inspected.byte_size,
        perceptual_hash=shape,
        **{f"band_{number}": band for number, band in enumerate(perceptual.bands(shape))},
    )
    try:
        return _stored(image, file, preview, thumbnail)
    except BaseException:
        files_delete(image.stored_names)
        raise


def images_delete(*, images: Iterable[SubmittedImage]) -> int:
    """Delete images with their analyses, files and copies in datasets, and submissions left empty.

    Returns:
        How many images were deleted.
    """
    images = list(images)
    submissions = [image.submission_id for image in images]
    with transaction.atomic():
        _locked(submissions)
        owners = set(Submission.objects.filter(pk__in=submissions).values_list("owner", flat=True))
        names = _names_of_files(images) + images_withdraw(images=images)
        SubmittedImage.objects.filter(pk__in=[image.pk for image in images]).delete()
        Submission.objects.filter(pk__in=submissions, images=None).delete()
        # Files go only once the rows are gone for good.
        transaction.on_commit(lambda: files_delete(names))
        # Locks people, whom others lock before submissions; so it waits until these are free.
        transaction.on_commit(lambda: tags_prune(owners=owners), robust=True)
    return len(images)


def submissions_delete(*, submissions: SubmissionQuerySet) -> None:
    """Delete whole submissions with images, analyses, refusals and files."""
    with transaction.atomic():
        chosen = _locked(list(submissions.values_list("pk", flat=True)))
        images_delete(images=SubmittedImage.objects.filter(submission__in=chosen))
        Submission.objects.filter(pk__in=chosen).delete()


def submissions_delete_empty(*, before: datetime) -> int:
    """Delete submissions that were opened before then and to which nothing was ever sent."""
    with transaction.atomic():
        opened = Submission.objects.filter(images=None, refusals=None, created_at__lt=before)
        locked = _locked(list(opened.values_list("pk", flat=True)))
        # Looked at once more under the lock: an image may have come in meanwhile.
        still_empty = Submission.objects.filter(pk__in=locked, images=None, refusals=None)
        count, _ = still_empty.delete()
    return count


def owner_purge(*, owner: Any) -> None:
    """Delete everything that a user ever handed in."""
    submissions_delete(submissions=Submission.objects.visible_to(owner))


def files_delete(names: Iterable[str]) -> None:
    """Delete stored files; one that is gone already is no error."""
    for name in names:
        default_storage.delete(name)


def _stored(
    image: SubmittedImage, file: File, preview: bytes, thumbnail: bytes | None
) -> SubmittedImage:
    # Named before they are written: so a file that a full disk leaves half-written is deleted too.
    image.original.name = original_name(image, "")
    image.preview.name = preview_name(image, "")
    image.thumbnail.name = preview_name(image, "") if thumbnail else ""
    default_storage.save(image.original.name, file)
    default_storage.save(image.preview.name, ContentFile(preview))
    if thumbnail:
        default_storage.save(image.thumbnail.name, ContentFile(thumbnail))
    with transaction.atomic():
        if not _locked([image.submission_id]):
            raise ImageRejected("submission_gone", "The submission was deleted meanwhile.")
        _check_room(image.submission)
        image.save()
        for track in _tracks(image):
            analysis = Analysis.objects.create(
                image=image,
                owner_id=image.submission.owner_id,
                track=track,
                queue=Queue.FACES if track == Track.FACE else Queue.INFERENCE,
            )
            _enqueue_on_commit(analysis.pk)
    return image


def _enqueue_on_commit(analysis_id: int) -> None:
    # Robust: once the rows are stored, no trouble with the broker may take their files away.
    transaction.on_commit(lambda: analysis_enqueue(analysis_id=analysis_id), robust=True)


def _tracks(image: SubmittedImage) -> list[Track]:
    """Return who looks at an image: the faces' model only where a face would be large enough."""
    tracks = [image.track]
    if ml_gateway.may_hold_face(image.width, image.height) and (
        ModelVersion.objects.champion_of(Track.FACE) is not None
    ):
        tracks.append(Track.FACE)
    return tracks


def _locked(submissions: list[int]) -> list[int]:
    """Lock those of the submissions that still exist: nothing is added to them or taken away."""
    rows = Submission.objects.select_for_update().filter(pk__in=submissions).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def _check_room(submission: Submission) -> None:
    if submission.images.count() >= settings.MAX_FILES:
        raise ImageRejected(
            "too_many_files", f"At most {settings.MAX_FILES} images can be handed in at once."
        )


def _keep_refusal(submission: Submission, name: str, rejected: ImageRejected) -> None:
    """Keep why a file was refused; bounded, so that refusals cannot fill the database."""
    with transaction.atomic():
        if _locked([submission.pk]) and submission.refusals.count() < 2 * settings.MAX_FILES:
            Refusal.objects.create(
                submission=submission,
                file_name=name,
                code=rejected.code,
                sentence=rejected.sentence,
            )


def _previews(inspected: InspectedImage) -> tuple[bytes, bytes | None, int]:
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


def _names_of_files(images: list[SubmittedImage]) -> list[str]:
    """Return the files of images and analyses, whose rows stay locked: no heatmap is added now."""
    analyses = Analysis.objects.select_for_update().filter(image__in=images)
    heatmaps = [
        name for names in analyses.values_list("heatmap", "signed_thumbnail") for name in names
    ]
    for made_of in (Face, Explanation):
        rows = made_of.objects.select_for_update().filter(analysis__image__in=images)
        heatmaps += rows.values_list("heatmap", flat=True)
    stored = [name for image in images for name in image.stored_names]
    for drawn in ForensicViews.objects.select_for_update().filter(image__in=images):
        stored += drawn.stored_names
    return stored + [name for name in heatmaps if name]
