"""Takes the images out of a batch's zip, some at a time, from wherever the last worker stopped."""

import io
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F

from detection import image_sources
from detection.image_files import MAX_NAME, display_name
from detection.image_sources import Entry, EntryRefused, ImageSource, SourceRefused
from detection.models import Batch, BatchFile, BatchState, Refusal, SubmittedImage
from detection.models.analyses import Priority
from detection.models.batches import BatchQuerySet
from detection.pieced import PiecedFile
from detection.services import clock
from detection.services.batches.ending import batch_finish, batch_mail_send
from detection.services.intake import AT_ONCE, Added, Within, images_add
from detection.services.storage import StorageUnavailable, files_forget, storage_errors

log = logging.getLogger(__name__)

# Files that are taken in together: as many as a transaction, memory and patience like, whichever
# is first.
TOGETHER_FILES = AT_ONCE
TOGETHER_BYTES = 32_000_000
TOGETHER_SECONDS = 2.0
# Between files a sign of life is given that often.
SIGN_SECONDS = 1.0
BUFFER = 256 * 1024


class Overtaken(Exception):
    """The batch was cancelled, deleted or given to another worker."""


class StorageAway(Exception):
    """The storage cannot be reached; no `OSError`, as those mean that the zip is no good."""


@dataclass(slots=True)
class _Some:
    """Files that were read from the zip, in its order; `None` where one may not be read."""

    entries: list[Entry] = field(default_factory=list)
    contents: list[File | None] = field(default_factory=list)
    refusals: dict[int, EntryRefused] = field(default_factory=dict)

    @property
    def readable(self) -> list[File]:
        """Those to be taken in."""
        return [content for content in self.contents if content is not None]


def batch_unpack(*, batch_id: int, worker: str = "") -> bool:
    """Take a batch up where it stands and unpack it to its end.

    Returns:
        Whether this call stored an end. `False` when it does not wait (delivered twice, ended),
        when it was cancelled or overtaken, or when the database went away: then it is taken up
        again later.
    """
    claim = batch_claim(batch_id=batch_id, worker=worker)
    if claim is None:
        return False
    try:
        with image_sources.opened(_upload(claim), _limits()) as source:
            _work(claim, source)
    except Overtaken:
        return False
    except SourceRefused as refused:
        return batch_fail(claim=claim, code=refused.code, sentence=refused.sentence)
    except (StorageAway, StorageUnavailable) as error:
        log.warning("batch %s is put back, as the storage is away: %s", batch_id, error)
        _put_back(claim)
        return False
    except (OperationalError, InterfaceError) as error:
        log.warning("batch %s stopped, it is taken up again later: %s", batch_id, error)
        return False
    if not _end(claim, state=BatchState.ANALYSING, unpacked_at=clock.now()):
        return False
    # Where nothing was taken in there is nothing to wait for.
    batch_finish(batch=claim)
    return True


def batch_claim(*, batch_id: int, worker: str) -> Batch | None:
    """Take the batch if it waits to be unpacked; of several workers exactly one succeeds."""
    now = clock.now()
    is_mine = (
        Batch.objects.unheld()
        .filter(pk=batch_id)
        .update(worker=worker, started_at=now, heartbeat_at=now, attempts=F("attempts") + 1)
    )
    if not is_mine:
        return None
    mine = Batch.objects.select_related("submission")
    return mine.filter(pk=batch_id, worker=worker, started_at=now).first()


def claimed_by(*, batch_id: int, worker: str) -> Batch | None:
    """Return the batch if this worker holds it, for the task that has to end it."""
    return Batch.objects.held_by(worker).filter(pk=batch_id).first()


def batch_fail(*, claim: Batch, code: str, sentence: str) -> bool:
    """End a claimed batch with a reason; images that were taken in stay and get their verdicts."""
    log.warning("batch %s failed: %s: %s", claim.pk, code, sentence)
    is_stored = _end(
        claim,
        state=BatchState.FAILED,
        error_code=code,
        error_sentence=sentence[:500],
        finished_at=clock.now(),
    )
    if is_stored:
        batch_mail_send(batch=claim)
    return is_stored


def display_path(raw: str) -> str:
    """Return a file's path fit for showing: each part as `display_name` has it, its end kept."""
    parts = [part for part in raw.replace("\\", "/").split("/") if part not in ("", ".")]
    path = "/".join(part if part == ".." else display_name(part) for part in parts) or "unnamed"
    return path if len(path) <= MAX_NAME else "…" + path[1 - MAX_NAME :]


def _upload(claim: Batch) -> io.BufferedReader:
    pieces = list(claim.pieces.all())

    def fetch(number: int) -> bytes:
        try:
            with storage_errors(), pieces[number].file.open("rb") as file:
                content: bytes = file.read()
        except StorageUnavailable as error:
            raise StorageAway(str(error)) from error
        except FileNotFoundError:
            raise SourceRefused(
                "upload_lost", "A part of the upload is lost. Hand it in once more."
            ) from None
        return content

    return io.BufferedReader(PiecedFile([piece.size for piece in pieces], fetch), BUFFER)


def _limits() -> image_sources.SourceLimits:
    return image_sources.SourceLimits(
        settings.MAX_UPLOAD_BYTES, settings.BATCH_MAX_UNPACKED_BYTES, settings.BATCH_MAX_FILES
    )


def _work(claim: Batch, source: ImageSource) -> None:
    claim.files_total = len(source)
    if not claim.files_total:
        raise SourceRefused("empty_archive", "The zip is empty.")
    if not _held(claim).update(files_total=claim.files_total):
        raise Overtaken
    for some in _read(source.entries(start=claim.files_seen)):
        _take(claim, some)


def _read(entries: Iterator[Entry]) -> Iterator[_Some]:
    some, size, began = _Some(), 0, time.monotonic()
    for entry in entries:
        try:
            content = entry.read()
            some.contents.append(ContentFile(content, name=entry.name))
            size += len(content)
        except EntryRefused as refused:
            some.refusals[len(some.entries)] = refused
            some.contents.append(None)
        some.entries.append(entry)
        is_long = time.monotonic() - began > TOGETHER_SECONDS
        if len(some.entries) == TOGETHER_FILES or size > TOGETHER_BYTES or is_long:
            yield some
            some, size, began = _Some(), 0, time.monotonic()
    if some.entries:
        yield some


def _take(claim: Batch, some: _Some) -> None:
    """Store images, refusals and how far the batch is, together or not at all.

    Raises:
        Overtaken: When the row is not held by this very claim any more.
    """

    def store(taken: Sequence[Added]) -> None:
        """Within the transaction in which the images are stored."""
        seen = claim.files_seen + len(some.entries)
        # It gets on: whatever took its worker down before, it was nothing in these files.
        progress = {"files_seen": seen, "heartbeat_at": clock.now(), "attempts": 1}
        if not _held(claim).update(**progress):
            raise Overtaken
        BatchFile.objects.bulk_create(_rows(claim, some, taken))
        Refusal.objects.bulk_create(_refusals(claim, some))

    _images_stored(claim, some.readable, store)
    claim.files_seen += len(some.entries)


def _images_stored(claim: Batch, files: list[File], store: Within) -> None:
    if not files:
        with transaction.atomic():
            store([])
        return
    images_add(
        submission=claim.submission,
        files=files,
        priority=Priority.BATCH,
        limit=settings.BATCH_MAX_FILES,
        within=store,
        before_each=_signs_of_life(claim),
    )


def _signs_of_life(claim: Batch) -> Callable[[], None]:
    """Return what tells now and then that the batch is still worked on, however slow a file is.

    What it returns raises `Overtaken` when the row is not held by this very claim any more.
    """
    told = time.monotonic()

    def tell() -> None:
        nonlocal told
        if time.monotonic() - told < SIGN_SECONDS:
            return
        if not _held(claim).update(heartbeat_at=clock.now()):
            raise Overtaken
        told = time.monotonic()

    return tell


def _rows(claim: Batch, some: _Some, taken: Sequence[Added]) -> list[BatchFile]:
    results = iter(taken)
    rows = []
    for place, entry in enumerate(some.entries):
        refused = some.refusals.get(place)
        result = next(results) if refused is None else refused
        row = BatchFile(batch=claim, number=claim.files_seen + place, path=display_path(entry.path))
        if isinstance(result, SubmittedImage):
            row.image = result
        else:
            row.error_code, row.error_sentence = result.code, result.sentence[:500]
        rows.append(row)
    return rows


def _refusals(claim: Batch, some: _Some) -> list[Refusal]:
    """Those of the zip itself; those of images are kept where these are taken in."""
    return [
        Refusal(
            submission_id=claim.submission_id,
            file_name=display_path(some.entries[place].path),
            code=refused.code,
            sentence=refused.sentence[:500],
        )
        for place, refused in some.refusals.items()
    ]


def _held(claim: Batch) -> BatchQuerySet:
    """Return the row as long as this very claim holds it."""
    return Batch.objects.held_by(claim.worker).filter(
        pk=claim.pk, started_at=claim.started_at, deleted_at=None
    )


def _put_back(claim: Batch) -> None:
    """Let somebody take it up later; the sweep sends for them."""
    _held(claim).update(worker="", enqueued_at=None, attempts=F("attempts") - 1)


def _end(claim: Batch, **fields: Any) -> bool:
    """Store the end, if the row is still held by this very claim; the zip is needed no more."""
    with transaction.atomic():
        is_stored = bool(_held(claim).update(worker="", **fields))
        if is_stored:
            names = list(claim.pieces.values_list("file", flat=True))
            claim.pieces.all().delete()
            files_forget(names)
            for name, value in fields.items():
                setattr(claim, name, value)
    return is_stored
