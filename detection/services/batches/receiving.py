"""Takes the zip of a batch in, piece by piece, and goes on where the line broke."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F

from detection.image_files import display_name
from detection.models import Batch, BatchPiece, BatchState
from detection.models.batches import piece_name
from detection.models.submissions import Source
from detection.services import clock
from detection.services.intake import submission_open
from detection.services.pending import noted
from detection.services.queueing import task_send
from detection.services.storage import storage_errors
from detection.services.webhooks import submission_expect

UNPACK_BATCH = "detection.tasks.errands.unpack_batch"
# A piece is held in memory, and is an object in the storage: neither huge nor tiny.
MOST_PIECE_BYTES = 8_000_000
LEAST_PIECE_BYTES = 256_000
# So many of a person's batches may be on their way in at a time: each takes room until it is whole.
MOST_RECEIVING = 5


class BatchRefused(Exception):
    """Nothing was done; `code` is for programs, `sentence` for people.

    With the code `wrong_offset`, `expected` is the place from which to go on; `details` is the
    same for programs.
    """

    def __init__(self, code: str, sentence: str, *, expected: int | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.expected = expected
        self.details = None if expected is None else {"expected": expected}


def batch_open(
    *,
    owner: Any,
    name: str,
    upload_bytes: int,
    wants_mail: bool = False,
    site: str = "",
    source: str = Source.PAGE,
) -> Batch:
    """Start a batch, whose zip is then sent in pieces.

    Args:
        name: What the zip or folder is called.
        upload_bytes: How long the zip is.
        site: The address of this installation, for the link in the mail; empty: no link.

    Raises:
        BatchRefused: `empty_upload`, `upload_too_large` or `too_many_batches`.
    """
    if upload_bytes < 1:
        raise BatchRefused("empty_upload", "The file is empty.")
    if upload_bytes > settings.BATCH_MAX_UPLOAD_BYTES:
        most = settings.BATCH_MAX_UPLOAD_BYTES / 1e6
        raise BatchRefused(
            "upload_too_large",
            f"Together the files are larger than {most:,g} MB. Hand them in as several batches.",
        )
    with transaction.atomic():
        # Locked, so that two requests at once do not both find room for one more.
        get_user_model().objects.select_for_update().filter(pk=owner.pk).first()
        mine = Batch.objects.visible_to(owner)
        if mine.filter(state=BatchState.RECEIVING).count() >= MOST_RECEIVING:
            raise BatchRefused(
                "too_many_batches",
                f"{MOST_RECEIVING} of your batches are still to come in: finish or delete one "
                "first.",
            )
        submission = submission_open(owner=owner, source=source)
        # Also if it ends without a single verdict: nothing could be taken in, or it is cancelled.
        submission_expect(submission=submission)
        return Batch.objects.create(
            submission=submission,
            name=display_name(name),
            upload_bytes=upload_bytes,
            wants_mail=wants_mail,
            site=site,
        )


def batch_receive(*, batch: Batch, offset: int, chunk: bytes) -> Batch:
    """Take the next piece of the zip in; the last one has it unpacked.

    Args:
        offset: Where the piece begins in the zip, in bytes: where the one before ended.

    Returns:
        The batch as it is then.

    Raises:
        BatchRefused: `wrong_offset`, with the right one; `not_receiving`, `piece_too_large`,
            `piece_too_small` or `beyond_end`.
        StorageUnavailable: Nothing has changed; the same piece may be sent again.
    """
    _check_place(batch, offset)
    _check_size(batch, offset, len(chunk))
    piece = BatchPiece(batch=batch, offset=offset, size=len(chunk))
    piece.file.name = piece_name(batch, offset)
    with noted([piece.file.name]) as note:
        with storage_errors():
            default_storage.save(piece.file.name, ContentFile(chunk))
        with transaction.atomic():
            _advance(batch, piece)
            note.settle()
    batch.refresh_from_db()
    return batch


def batch_enqueue(*, batch_id: int) -> bool:
    """Hand a batch to the worker that unpacks; if the broker is away, the sweep does it later."""
    now = clock.now()
    waiting = Batch.objects.unheld().filter(pk=batch_id)
    waiting.update(enqueued_at=now)
    is_sent = task_send(UNPACK_BATCH, batch_id)
    if not is_sent:
        waiting.filter(enqueued_at=now).update(enqueued_at=None)
    return is_sent


def _check_place(batch: Batch, offset: int) -> None:
    """Refuse a piece that is not the next one: sent twice, out of order, or after a break."""
    if batch.state != BatchState.RECEIVING:
        raise BatchRefused("not_receiving", "This batch takes nothing in any more.")
    if offset != batch.received_bytes:
        raise BatchRefused(
            "wrong_offset",
            f"{batch.received_bytes:,} bytes have arrived: go on from there.",
            expected=batch.received_bytes,
        )


def _check_size(batch: Batch, offset: int, size: int) -> None:
    rest = batch.upload_bytes - offset
    if size > MOST_PIECE_BYTES:
        raise BatchRefused("piece_too_large", f"A piece has at most {MOST_PIECE_BYTES:,} bytes.")
    if size > rest:
        raise BatchRefused("beyond_end", f"Only {rest:,} bytes were still to come.")
    if size < min(LEAST_PIECE_BYTES, rest):
        raise BatchRefused(
            "piece_too_small", f"A piece has at least {LEAST_PIECE_BYTES:,} bytes, but the last."
        )


def _advance(batch: Batch, piece: BatchPiece) -> None:
    """Store the row of a piece, unless another request was quicker with the same one."""
    expected = Batch.objects.filter(
        pk=batch.pk, state=BatchState.RECEIVING, received_bytes=piece.offset, deleted_at=None
    )
    now = clock.now()
    if not expected.update(received_bytes=F("received_bytes") + piece.size, heartbeat_at=now):
        fresh = Batch.objects.filter(pk=batch.pk, deleted_at=None).first()
        if fresh is None:
            raise BatchRefused("not_receiving", "This batch was deleted meanwhile.")
        _check_place(fresh, piece.offset)
    piece.save()
    if piece.offset + piece.size == batch.upload_bytes:
        Batch.objects.filter(pk=batch.pk).update(state=BatchState.UNPACKING)
        transaction.on_commit(lambda: batch_enqueue(batch_id=batch.pk), robust=True)
