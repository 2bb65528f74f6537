"""Takes images in: inspected, stored, queued; and gives them up again, rows and files alike."""

import io
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeAlias

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone
from PIL import Image

from detection import image_files, ml_gateway, perceptual, telemetry
from detection.image_files import ImageRejected, InspectedImage, Limits
from detection.models import (
    Analysis,
    BatchPiece,
    Explanation,
    Face,
    ForensicViews,
    ModelVersion,
    Priority,
    Queue,
    Refusal,
    State,
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
from detection.services.consent import images_withdraw
from detection.services.notes import tags_prune
from detection.services.quotas import QuotaExceeded, quota_take
from detection.services.storage import StorageUnavailable, files_delete, storage_errors
from detection.services.turns import turns_give
from detection.services.waking import messages_send
from detection.telemetry import INTAKE, stage

PREVIEW_SIDE = 1280
THUMBNAIL_SIDE = 256
# Modes that scale as they are; the others are brought to RGB first, at full size.
SCALABLE_MODES = ("RGB", "L", "LA", "RGBA", "CMYK")
# So many files share a transaction.
AT_ONCE = 32
# A submission that stayed empty for longer was there while no sweeper ran.
EMPTY_FOR = timedelta(days=7)
# How many files a process decodes at a time: one of 50 megapixels may need 800 MB while it lasts.
DECODING = threading.BoundedSemaphore(2)


Added: TypeAlias = SubmittedImage | ImageRejected
Within: TypeAlias = Callable[[Sequence[Added]], None]


def submission_open(*, owner: Any, source: str = Source.PAGE) -> Submission:
    """Start an act of handing in, to which images are then added."""
    return Submission.objects.create(owner=owner, source=source)


def submission_create(
    *, owner: Any, files: Iterable[File], source: str = Source.PAGE
) -> Submission:
    """Hand in several files at once; those that cannot be taken in are kept as refusals.

    Raises:
        StorageUnavailable: When the storage is away.
    """
    submission = submission_open(owner=owner, source=source)
    # Nobody else knows it yet: what it holds need not be counted.
    _added(submission, files, _Terms(Priority.SINGLE, settings.MAX_FILES, is_new=True))
    return submission


def image_add(*, submission: Submission, file: File) -> SubmittedImage:
    """Take one file into a submission and queue its analysis.

    Raises:
        ImageRejected: With the codes of `image_files.inspect`, `too_many_files`, `quota_exceeded`
            and `submission_gone`. The refusal is kept with the submission.
        StorageUnavailable: When the storage is away; nothing is kept then.
    """
    (added,) = images_add(submission=submission, files=[file])
    if isinstance(added, ImageRejected):
        raise added
    return added


def images_add(
    *,
    submission: Submission,
    files: Iterable[File],
    priority: int = Priority.SINGLE,
    limit: int | None = None,
    within: Within | None = None,
) -> list[Added]:
    """Take files into a submission and queue their analyses.

    Some at a time: their files are stored first, all their rows then in one short transaction; if
    that fails the files go again. So no row is ever without its files.

    Args:
        submission: Where they go.
        files: Their names are what people called them.
        priority: One of `Priority`.
        limit: How many images the submission may hold; `None` is `MAX_FILES`.
        within: Called with what became of some files, in the transaction that makes their rows;
            where it raises, none of these is added.

    Returns:
        For each file its image, or why it was refused, which is kept with the submission.

    Raises:
        StorageUnavailable: When the storage is away: what was added until then stays.
    """
    limit = settings.MAX_FILES if limit is None else limit
    return _added(submission, files, _Terms(priority, limit, within))


@dataclass(frozen=True, slots=True)
class _Terms:
    """On what terms files go into a submission; `is_new` when nobody else can add to it."""

    priority: int
    limit: int
    within: Within | None = None
    is_new: bool = False

    def room_in(self, submission: Submission, added: int) -> int:
        """How many images go in yet, beside those that were just added."""
        return self.limit - (added if self.is_new else submission.images.count())


def _added(submission: Submission, files: Iterable[File], terms: _Terms) -> list[Added]:
    added: list[Added] = []
    coming = iter(files)
    while group := list(islice(coming, AT_ONCE)):
        held = sum(isinstance(one, SubmittedImage) for one in added)
        added += _group_added(submission, group, terms, held)
    return added


def _group_added(
    submission: Submission, files: list[File], terms: _Terms, held: int
) -> list[Added]:
    """Take in a few files; each is there or refused, whatever happens to the others."""
    room = terms.room_in(submission, held)
    found: list[Added] = []
    try:
        for file in files:
            # Known without a look at the file. Whether there is room is settled under the lock.
            drafts = sum(isinstance(one, SubmittedImage) for one in found)
            found.append(_too_many(terms.limit) if drafts >= room else _drafted(submission, file))
        added = _stored(submission, found, terms, held)
    except BaseException:
        _drafts_delete(found)
        raise
    _drafts_delete(draft for draft, one in zip(found, added, strict=True) if draft is not one)
    names = [image_files.uploaded_name(file.name or "") for file in files]
    refused = [
        pair for pair in zip(names, added, strict=True) if isinstance(pair[1], ImageRejected)
    ]
    _refusals_keep(submission, refused, most=2 * terms.limit)
    return added


def _drafted(submission: Submission, file: File) -> Added:
    """Inspect a file and store it with its previews; its row is still to come."""
    try:
        with DECODING:
            with stage("inspect", road=INTAKE):
                inspected = image_files.inspect(
                    file,  # type: ignore[arg-type] # Django's File is a binary stream in all but name
                    Limits(settings.MAX_UPLOAD_BYTES, settings.MAX_PIXELS),
                    preview_side=PREVIEW_SIDE,
                )
            with stage("previews", road=INTAKE):
                preview, thumbnail, shape = _previews(inspected)
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
    # Named before they are written: so a file that a full disk leaves half-written is deleted too.
    image.original.name = original_name(image, "")
    image.preview.name = preview_name(image, "")
    image.thumbnail.name = preview_name(image, "") if thumbnail else ""
    try:
        with stage("store", road=INTAKE), storage_errors():
            default_storage.save(image.original.name, file)
            default_storage.save(image.preview.name, ContentFile(preview))
            if thumbnail:
                default_storage.save(image.thumbnail.name, ContentFile(thumbnail))
    except BaseException:
        _drafts_delete([image])
        raise
    return image


def _stored(
    submission: Submission, found: Sequence[Added], terms: _Terms, held: int
) -> list[Added]:
    """Make the rows of those that there is room for, and have their analyses queued."""
    if terms.within is None and not any(isinstance(one, SubmittedImage) for one in found):
        return list(found)
    with transaction.atomic():
        added = _admitted(submission, found, terms, held)
        images = [one for one in added if isinstance(one, SubmittedImage)]
        rows_create(images)
        analyses = _analyses_of(submission, images, terms.priority)
        rows_create(analyses)
        if terms.within is not None:
            terms.within(added)
        # Robust: once the rows are stored, no trouble with the broker may take their files away.
        transaction.on_commit(lambda: _wake(analyses), robust=True)
    for image in images:
        telemetry.image_taken(image.format, image.byte_size)
    return added


def _admitted(
    submission: Submission, found: Sequence[Added], terms: _Terms, held: int
) -> list[Added]:
    """Return what there is room for under the submission's lock; in place of others, why not."""
    if not _locked([submission.pk]):
        gone = ImageRejected("submission_gone", "The submission was deleted meanwhile.")
        return [gone if isinstance(one, SubmittedImage) else one for one in found]
    room = terms.room_in(submission, held)
    added: list[Added] = []
    for one in found:
        is_full = isinstance(one, SubmittedImage) and room <= 0
        room -= isinstance(one, SubmittedImage)
        added.append(_too_many(terms.limit) if is_full else one)
    return _within_quota(submission.owner, added)


def _within_quota(owner: Any, found: Sequence[Added]) -> list[Added]:
    """Count images against their owner's quota: all together, or else one by one."""
    images = [one for one in found if isinstance(one, SubmittedImage)]
    if not images:
        return list(found)
    try:
        quota_take(owner=owner, images=len(images), bytes=sum(one.byte_size for one in images))
    except QuotaExceeded:
        return [_counted(owner, one) if isinstance(one, SubmittedImage) else one for one in found]
    return list(found)


def _counted(owner: Any, image: SubmittedImage) -> Added:
    try:
        quota_take(owner=owner, images=1, bytes=image.byte_size)
    except QuotaExceeded as rejected:
        return rejected
    return image


def _analyses_of(
    submission: Submission, images: Sequence[SubmittedImage], priority: int
) -> list[Analysis]:
    """Return who looks at new images, each with its turn and counted as enqueued."""
    places = {
        Queue.INFERENCE: [(image, image.track) for image in images],
        Queue.FACES: [(image, Track.FACE) for image in images if _may_hold_face(image)],
    }
    if places[Queue.FACES] and ModelVersion.objects.champion_of(Track.FACE) is None:
        places[Queue.FACES] = []
    now, owner = timezone.now(), submission.owner_id
    return [
        Analysis(
            image=image,
            owner_id=owner,
            track=track,
            queue=queue,
            priority=priority,
            turn=turn,
            enqueued_at=now,
        )
        for queue, looks in places.items()
        if looks
        for (image, track), turn in zip(
            looks,
            turns_give(owner_id=owner, queue=queue, priority=priority, count=len(looks)),
            strict=True,
        )
    ]


def _may_hold_face(image: SubmittedImage) -> bool:
    """Tell whether the faces' model looks: only where a face would be large enough."""
    return ml_gateway.may_hold_face(image.width, image.height)


def _wake(analyses: Sequence[Analysis]) -> None:
    """Send messages for analyses whose rows say that they are enqueued; if not, the rows say so."""
    rows = [(analysis.pk, analysis.queue, analysis.track) for analysis in analyses]
    sent = messages_send(rows)
    if sent < len(rows):
        unsent = Analysis.objects.filter(pk__in=[pk for pk, _, _ in rows[sent:]])
        unsent.filter(state=State.QUEUED).update(enqueued_at=None)


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
        pieces = BatchPiece.objects.filter(batch__submission__in=chosen)
        names = list(pieces.values_list("file", flat=True))
        transaction.on_commit(lambda: files_delete(names))
        images_delete(images=SubmittedImage.objects.filter(submission__in=chosen))
        Submission.objects.filter(pk__in=chosen).delete()


def submissions_delete_empty(*, before: datetime) -> int:
    """Delete submissions that were opened before then and to which nothing was ever sent."""
    with transaction.atomic():
        # A batch that is still coming in is not empty.
        none_came = Submission.objects.filter(images=None, refusals=None, batch=None)
        # Not all that was ever handed in is looked through for them, each time.
        opened = none_came.filter(created_at__lt=before, created_at__gte=before - EMPTY_FOR)
        locked = _locked(list(opened.values_list("pk", flat=True)))
        # Looked at once more under the lock: an image may have come in meanwhile.
        still_empty = Submission.objects.filter(pk__in=locked, images=None, refusals=None)
        count, _ = still_empty.delete()
    return count


def owner_purge(*, owner: Any) -> None:
    """Delete everything that a user ever handed in."""
    submissions_delete(submissions=Submission.objects.visible_to(owner))


def rows_create(rows: "Sequence[SubmittedImage] | Sequence[Analysis]") -> None:
    """Store new rows in one statement, with their keys also where MySQL does not tell them."""
    if not rows:
        return
    manager = type(rows[0])._default_manager
    manager.bulk_create(rows)
    if rows[0].pk is None:
        names = [row.public_id for row in rows]
        keys = dict(manager.filter(public_id__in=names).values_list("public_id", "pk"))
        for row in rows:
            row.pk = keys[row.public_id]


def _locked(submissions: list[int]) -> list[int]:
    """Lock those of the submissions that still exist: nothing is added to them or taken away."""
    rows = Submission.objects.select_for_update().filter(pk__in=submissions).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def _too_many(limit: int) -> ImageRejected:
    return ImageRejected("too_many_files", f"At most {limit} images can be handed in at once.")


def _drafts_delete(found: Iterable[Added]) -> None:
    """Delete the files of drafts that get no rows, whatever the storage says to it."""
    for one in found:
        if isinstance(one, SubmittedImage):
            with suppress(StorageUnavailable), storage_errors():
                files_delete(one.stored_names)


def _refusals_keep(
    submission: Submission, refused: Sequence[tuple[str, ImageRejected]], *, most: int
) -> None:
    """Keep why files were refused; bounded, so that refusals cannot fill the database."""
    if not refused:
        return
    with transaction.atomic():
        if not _locked([submission.pk]):
            return
        for _, rejected in refused:
            telemetry.error_met("intake", rejected.code)
        room = max(0, most - submission.refusals.count())
        Refusal.objects.bulk_create(
            Refusal(
                submission=submission,
                file_name=name,
                code=rejected.code,
                sentence=rejected.sentence,
            )
            for name, rejected in refused[:room]
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
