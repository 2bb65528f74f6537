"""A batch: a submission of thousands of images that come as one zip or folder."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.utils import timezone

from detection.models.analyses import Analysis, AnalysisQuerySet
from detection.models.judged import new_public_id
from detection.models.submissions import Submission, SubmittedImage

# Where the pieces of uploads lie in the storage, each batch's in a folder of its own.
PIECES_FOLDER = "batches"


class BatchState(models.TextChoices):
    """Where a batch is; the last three are never left but by repeating what failed."""

    RECEIVING = "receiving", "Receiving files"
    UNPACKING = "unpacking", "Unpacking"
    ANALYSING = "analysing", "Being analysed"
    FINISHED = "finished", "Finished"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ACTIVE_BATCH = (BatchState.RECEIVING, BatchState.UNPACKING, BatchState.ANALYSING)


class BatchQuerySet(models.QuerySet["Batch"]):
    """Reads of batches."""

    def visible_to(self, user: Any) -> Self:
        """Only this user's batches, and none that is being deleted."""
        return self.filter(submission__owner_id=user.pk, deleted_at=None)

    def active(self) -> Self:
        """On their way in, being unpacked or being analysed."""
        return self.filter(state__in=ACTIVE_BATCH)

    def held_by(self, worker: str) -> Self:
        """Being unpacked by the worker of this name."""
        return self.filter(state=BatchState.UNPACKING, worker=worker)

    def unheld(self) -> Self:
        """Waiting to be unpacked."""
        return self.filter(state=BatchState.UNPACKING, worker="")

    def abandoned(self, before: datetime) -> Self:
        """Claimed by a worker that has given no sign of life since."""
        held = self.filter(state=BatchState.UNPACKING, heartbeat_at__lt=before)
        return held.exclude(worker="")

    def lost_in_queue(self, before: datetime) -> Self:
        """Waiting without a task, or for so long that their task may be gone."""
        never = models.Q(enqueued_at=None) | models.Q(enqueued_at__lt=before)
        return self.unheld().filter(never)

    def broken_off(self, before: datetime) -> Self:
        """Still to come in, and nothing has come since."""
        return self.filter(state=BatchState.RECEIVING, heartbeat_at__lt=before)

    def to_be_mailed(self, since: datetime) -> Self:
        """Ended since then, of which its owner wanted a mail and has had none."""
        wanted = self.filter(wants_mail=True, mailed_at=None, finished_at__gte=since)
        return wanted.filter(state__in=(BatchState.FINISHED, BatchState.FAILED))


class Batch(models.Model):
    """What a large submission is beyond its images: how it comes in, and how far it is."""

    public_id = models.CharField(max_length=24, unique=True, default=new_public_id, editable=False)
    submission = models.OneToOneField(Submission, models.CASCADE, related_name="batch")
    name = models.CharField(max_length=255)
    state = models.CharField(max_length=16, choices=BatchState, default=BatchState.RECEIVING)
    # Of the zip; it comes in pieces, one after the other.
    upload_bytes = models.PositiveBigIntegerField("size in bytes", default=0)
    received_bytes = models.PositiveBigIntegerField(default=0)
    # How many files it holds, once its directory was read; and how many of these were looked at.
    files_total = models.PositiveIntegerField(null=True, blank=True)
    files_seen = models.PositiveIntegerField(default=0)
    # Whether its owner wants a mail at the end, where the link in it leads, and when it was sent.
    wants_mail = models.BooleanField(default=False)
    site = models.CharField(max_length=255, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)
    # With `started_at` it names the one claim that may go on unpacking; empty: nobody has it.
    worker = models.CharField(max_length=255, blank=True)
    # Counts the claims since the last progress: what takes its worker down again and again ends.
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    enqueued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField("taken up", null=True, blank=True)
    # The last piece that came in, or the last files that were unpacked.
    heartbeat_at = models.DateTimeField(default=timezone.now)
    unpacked_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField("ended", null=True, blank=True)
    # Its owner has let it go; images and files follow in the background.
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = BatchQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "batches"
        indexes = [models.Index(fields=["state", "heartbeat_at"], name="batch_active")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        """Tell whether anything is still to come."""
        return self.state in ACTIVE_BATCH

    @property
    def answers(self) -> AnalysisQuerySet:
        """Of each of its images the one answer that counts."""
        all_of_them = Analysis.objects.filter(image__submission_id=self.submission_id)
        return all_of_them.on_images().current()


class BatchPiece(models.Model):
    """A piece of a zip that has come in; it goes once the zip is unpacked."""

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="pieces")
    offset = models.PositiveBigIntegerField()
    size = models.PositiveIntegerField("size in bytes")
    # Named by `piece_name`.
    file = models.FileField(max_length=100)

    class Meta:
        ordering = ["offset"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "offset"], name="piece_once"),
        ]

    def __str__(self) -> str:
        return f"{self.batch} from {self.offset}"


class BatchFile(models.Model):
    """A file within a batch: its place there, and the image it became or why it did not."""

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="files")
    # Its place in the directory, from 0.
    number = models.PositiveIntegerField()
    path = models.CharField(max_length=255)
    image = models.OneToOneField(
        SubmittedImage, models.CASCADE, null=True, blank=True, related_name="batch_file"
    )
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "number"], name="batch_file_once"),
        ]

    def __str__(self) -> str:
        return self.path


def piece_name(batch: Batch, offset: int) -> str:
    """Name a piece in the storage: sent twice at once, each is a file of its own."""
    return f"{PIECES_FOLDER}/{batch.public_id}/{offset:013d}-{new_public_id()}.part"
