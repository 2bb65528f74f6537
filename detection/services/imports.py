"""Brings many images into a dataset, batch by batch, from wherever the last worker stopped."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils import timezone

from detection import image_sources
from detection.image_files import ImageRejected, display_name
from detection.image_sources import Entry, EntryRefused, ImageSource, SourceRefused
from detection.models import Dataset, DatasetImport, Item, ItemState, Work
from detection.services.audit import audit_record
from detection.services.items import (
    Draft,
    ItemRefused,
    draft_make,
    draft_refusal,
    files_stored,
    known_among,
)
from detection.services.storage import StorageUnavailable, files_forget, local_file

log = logging.getLogger(__name__)

Progress = Callable[[DatasetImport], None]

# A batch is as large as memory, patience and the database's packets like it, whichever is first.
BATCH_FILES = 500
BATCH_BYTES = 32_000_000
BATCH_SECONDS = 2.0
KEPT_REFUSALS = 100
UNLABELLED = EntryRefused("no_label", "No folder REAL or FAKE says what it is.")


class Overtaken(Exception):
    """The import was cancelled, deleted or given to another worker."""


@dataclass(slots=True)
class Batch:
    """Files that were read: those that may come in, and why the others may not."""

    drafts: list[Draft]
    refusals: list[tuple[str, str, str]]
    read: int = 0
    copies: int = 0


def import_run(*, import_id: int, worker: str = "", progress: Progress | None = None) -> bool:
    """Take an import up where it stands and bring it to its end.

    Returns:
        Whether this call stored an end. `False` when it does not wait (delivered twice, ended),
        when it was cancelled or overtaken, or when database or storage went away: then it is
        taken up again later.
    """
    claim = import_claim(import_id=import_id, worker=worker)
    if claim is None:
        return False
    try:
        with _source(claim) as source:
            _work(claim, source, progress or _silent)
    except Overtaken:
        return False
    except (SourceRefused, ItemRefused) as refused:
        return import_fail(claim=claim, code=refused.code, sentence=refused.sentence)
    except StorageUnavailable as error:
        log.warning("import %s waits until the storage is back: %s", import_id, error)
        _give_back(claim)
        return False
    except (OperationalError, InterfaceError) as error:
        log.warning("import %s stopped, it is taken up again later: %s", import_id, error)
        return False
    return _end(claim, state=Work.FINISHED)


def import_claim(*, import_id: int, worker: str) -> DatasetImport | None:
    """Take the import if it is waiting; of several workers exactly one succeeds."""
    now = timezone.now()
    waiting = DatasetImport.objects.filter(pk=import_id, state=Work.QUEUED)
    is_mine = waiting.update(
        state=Work.RUNNING,
        started_at=now,
        heartbeat_at=now,
        worker=worker,
        attempts=F("attempts") + 1,
    )
    if not is_mine:
        return None
    mine = DatasetImport.objects.select_related("dataset", "requested_by")
    return mine.filter(pk=import_id, started_at=now).first()


def import_fail(*, claim: DatasetImport, code: str, sentence: str) -> bool:
    """End a claimed import with a reason; what was imported stays."""
    log.warning("import %s failed: %s: %s", claim.pk, code, sentence)
    return _end(claim, state=Work.FAILED, error_code=code, error_sentence=sentence[:500])


def claimed_by(*, import_id: int, worker: str) -> DatasetImport | None:
    """Return the import if this worker holds it, for the task that has to end it."""
    return DatasetImport.objects.held_by(worker).filter(pk=import_id).first()


@contextmanager
def _source(claim: DatasetImport) -> Iterator[ImageSource]:
    """Open what is to be imported; an upload out of an object storage is copied to disk first.

    Raises:
        SourceRefused: When it cannot be.
        StorageUnavailable: When the storage is away.
    """
    limits = image_sources.SourceLimits(
        settings.MAX_UPLOAD_BYTES, settings.IMPORT_MAX_UNPACKED_BYTES, settings.IMPORT_MAX_FILES
    )
    if claim.path:
        with image_sources.opened(Path(claim.path), limits) as source:
            yield source
        return
    name = str(claim.archive.name)
    try:
        with local_file(name) as place, image_sources.opened(place, limits) as source:
            yield source
    except FileNotFoundError as error:
        raise SourceRefused("missing_source", "The upload is gone: send it once more.") from error


def _work(claim: DatasetImport, source: ImageSource, progress: Progress) -> None:
    claim.total = len(source)
    for batch in _batches(claim, source.entries(start=claim.done)):
        _take(claim, batch)
        progress(claim)


def _batches(claim: DatasetImport, entries: Iterator[Entry]) -> Iterator[Batch]:
    batch, size, began = Batch([], []), 0, time.monotonic()
    for entry in entries:
        batch.read += 1
        try:
            batch.drafts.append(_draft(claim, entry))
            size += len(batch.drafts[-1].content)
        except (EntryRefused, ImageRejected) as refused:
            batch.refusals.append((entry.path, refused.code, refused.sentence))
        is_long = time.monotonic() - began > BATCH_SECONDS
        if batch.read == BATCH_FILES or size > BATCH_BYTES or is_long:
            yield batch
            batch, size, began = Batch([], []), 0, time.monotonic()
    yield batch


def _draft(claim: DatasetImport, entry: Entry) -> Draft:
    label = claim.label or entry.label
    if not label:
        raise UNLABELLED
    return draft_make(content=entry.read(), file_name=entry.name, label=label)


def _take(claim: DatasetImport, batch: Batch) -> None:
    """Store a batch and how far the import is, together or not at all.

    Raises:
        Overtaken: When the row is not held by this very claim any more.
    """
    drafts = batch.drafts
    for attempt in range(3):
        batch.drafts = drafts
        refused, copies = list(batch.refusals), batch.copies
        try:
            _sort(claim.dataset, batch)
            progress = _progress(claim, batch)
            with files_stored(batch.drafts) as note, transaction.atomic():
                if not _held(claim).update(**progress):
                    raise Overtaken
                Item.objects.bulk_create(_items(claim, batch.drafts, note.names))
                note.settle()
        except IntegrityError:
            # Somebody added one of these files meanwhile: look once more what is there.
            if attempt == 2:
                raise
            batch.refusals, batch.copies = refused, copies
        else:
            for field, value in progress.items():
                setattr(claim, field, value)
            return


def _sort(dataset: Dataset, batch: Batch) -> None:
    """Leave in the batch what is new, and count or list the rest."""
    known = known_among((draft.sha256 for draft in batch.drafts), dataset=dataset)
    fresh = []
    for draft in batch.drafts:
        refusal = draft_refusal(draft, dataset=dataset, known=known)
        if refusal is None:
            fresh.append(draft)
            known.here[draft.sha256] = draft.label
        elif refusal.code == "copy_in_dataset":
            batch.copies += 1
        else:
            batch.refusals.append((draft.file_name, refusal.code, refusal.sentence))
    batch.drafts = fresh


def _items(claim: DatasetImport, drafts: list[Draft], names: list[str]) -> list[Item]:
    items = []
    for draft, name in zip(drafts, names, strict=True):
        item = draft.item(claim.dataset, name)
        item.state = ItemState.ACCEPTED if claim.is_reviewed else ItemState.PENDING
        item.source, item.added_by = claim.source, claim.requested_by
        items.append(item)
    return items


def _progress(claim: DatasetImport, batch: Batch) -> dict[str, Any]:
    """Return the row's columns as they are once the batch is stored."""
    listed = claim.refusals + [
        {"file": display_name(path), "code": code, "sentence": sentence}
        for path, code, sentence in batch.refusals
    ]
    return {
        "total": claim.total,
        "done": claim.done + batch.read,
        "added": claim.added + len(batch.drafts),
        "copies": claim.copies + batch.copies,
        "refused": claim.refused + len(batch.refusals),
        "refusals": listed[:KEPT_REFUSALS],
        "heartbeat_at": timezone.now(),
        # It gets on: whatever took its worker down before, it was nothing in these files.
        "attempts": 1,
    }


def _held(claim: DatasetImport) -> Any:
    """Return the row as long as this very claim holds it."""
    return DatasetImport.objects.filter(
        pk=claim.pk, state=Work.RUNNING, worker=claim.worker, started_at=claim.started_at
    )


def _give_back(claim: DatasetImport) -> None:
    """Let it wait, as if it had not been started; the sweep enqueues it once its lease is over."""
    _held(claim).update(state=Work.QUEUED, attempts=F("attempts") - 1, enqueued_at=timezone.now())


def _end(claim: DatasetImport, **fields: Any) -> bool:
    """Store the end, if the row is still held by this very claim; the upload is needed no more."""
    archive = claim.archive.name
    with transaction.atomic():
        is_stored = bool(_held(claim).update(finished_at=timezone.now(), archive="", **fields))
        if is_stored:
            counts = {name: getattr(claim, name) for name in ("added", "copies", "refused")}
            audit_record(
                user=claim.requested_by,
                action=f"import_{fields['state']}",
                subject=claim.dataset,
                **counts,
            )
            files_forget([archive] if archive else [])
    return is_stored


def _silent(claim: DatasetImport) -> None:
    """Tell nobody: the row tells it."""
