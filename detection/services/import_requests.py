"""Imports asked for, cancelled, and put back on the road when their worker is lost."""

import logging
import tempfile
import zipfile
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from detection.image_files import display_name
from detection.models import Dataset, DatasetImport, Work
from detection.models.datasets import archive_name
from detection.models.imports import DatasetImportQuerySet
from detection.services.audit import audit_record
from detection.services.beating import beating
from detection.services.imports import import_fail
from detection.services.items import NO_ROOM
from detection.services.pending import noted
from detection.services.queueing import task_send
from detection.services.storage import StorageUnavailable, files_forget

log = logging.getLogger(__name__)

IMPORT_IMAGES = "detection.tasks.background.import_images"


class ImportRefused(Exception):
    """Nothing is imported; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def import_request(
    *,
    dataset: Dataset,
    user: Any,
    path: str = "",
    archive: File | None = None,
    label: str = "",
    source: str = "",
    is_reviewed: bool = False,
    is_run_here: bool = False,
) -> DatasetImport:
    """Have a folder or zip on the server, or an uploaded zip, imported in the background.

    Args:
        label: What all images are; empty: their folders say so.
        is_reviewed: Whether the user vouches for the labels; else each waits for a review.
        is_run_here: The caller runs it; no worker is asked to.

    Raises:
        ImportRefused: `disk_full`, `storage_failed` or `storage_unavailable`, where the upload
            cannot be kept.
        StorageUnavailable: When the upload was given up while it was written.
    """
    job = DatasetImport(
        dataset=dataset,
        path=path,
        file_name=display_name(archive.name or "") if archive else "",
        label=label,
        source=source,
        is_reviewed=is_reviewed,
        requested_by=user,
    )
    with noted([archive_name(job, "")] if archive else []) as note:
        if archive:
            (job.archive.name,) = note.names
            with beating(note.renew, what=f"an upload for dataset {dataset.pk}"):
                _keep(archive, job.archive.name)
        with transaction.atomic():
            job.save()
            audit_record(
                user=user,
                action="import_request",
                subject=dataset,
                origin=path or job.file_name,
                is_reviewed=is_reviewed,
            )
            note.settle()
            if not is_run_here:
                transaction.on_commit(lambda: import_enqueue(import_id=job.pk), robust=True)
    return job


def uploads_import(
    *, dataset: Dataset, user: Any, files: Iterable[File], label: str, **options: Any
) -> list[DatasetImport]:
    """Import what was uploaded: each zip by itself, and the single images together.

    Raises:
        ImportRefused: `no_label` for images of which nobody says what they are, and the reasons
            of `import_request`.
    """
    files = list(files)
    archives = [file for file in files if (file.name or "").lower().endswith(".zip")]
    images = [file for file in files if file not in archives]
    if images and not label:
        raise ImportRefused(
            "no_label", "Say what the images are, or hand in a zip with folders REAL and FAKE."
        )
    with tempfile.TemporaryFile() as packed:
        if images:
            _pack(images, packed)
            archives.append(File(packed, name=f"{len(images)} images"))
        return [
            import_request(dataset=dataset, user=user, archive=file, label=label, **options)
            for file in archives
        ]


def import_path(relative: str) -> Path:
    """Return the place below `DATASETS_ROOT` that is meant.

    Raises:
        ImportRefused: `outside_root` or `missing_source`.
    """
    root = Path(settings.DATASETS_ROOT).resolve()
    place = (root / relative).resolve()
    if not place.is_relative_to(root):
        raise ImportRefused(
            "outside_root", f"Only what lies in {root} can be imported in the administration."
        )
    if not place.exists():
        raise ImportRefused("missing_source", f"There is nothing named {relative} in {root}.")
    return place


def import_cancel(*, job: DatasetImport, user: Any) -> bool:
    """Stop an import that waits or runs; what was imported stays.

    Returns:
        Whether there was anything to stop.
    """
    with transaction.atomic():
        active = DatasetImport.objects.active().filter(pk=job.pk)
        is_stopped = bool(
            active.update(state=Work.CANCELLED, finished_at=timezone.now(), archive="")
        )
        if is_stopped:
            audit_record(user=user, action="import_cancel", subject=job.dataset)
            names = [job.archive.name] if job.archive.name else []
            files_forget(names)
    return is_stopped


def import_enqueue(*, import_id: int) -> bool:
    """Hand an import to the worker; if the broker is away, the sweeper does it later."""
    now = timezone.now()
    waiting = DatasetImport.objects.filter(pk=import_id, state=Work.QUEUED)
    waiting.update(enqueued_at=now)
    is_sent = task_send(IMPORT_IMAGES, import_id)
    if not is_sent:
        waiting.filter(enqueued_at=now).update(enqueued_at=None)
    return is_sent


def imports_sweep(*, now: datetime | None = None) -> int:
    """Give back what its worker has left, and enqueue what no worker has heard of.

    Returns:
        How many imports were put back on the road.
    """
    lease = (now or timezone.now()) - timedelta(seconds=settings.ANALYSIS_LEASE_SECONDS)
    count = _give_back(DatasetImport.objects.abandoned(lease))
    for pk in DatasetImport.objects.lost_in_queue(lease).values_list("pk", flat=True):
        # The first refusal means that the broker is away, so the rest waits.
        if not import_enqueue(import_id=pk):
            break
        count += 1
    return count


def worker_started(*, worker: str) -> int:
    """Give back what a worker of this name held: it cannot be working on it, as it only starts."""
    return _give_back(DatasetImport.objects.held_by(worker))


def _give_back(imports: DatasetImportQuerySet) -> int:
    count = 0
    for job in imports:
        if job.attempts >= settings.ANALYSIS_MAX_ATTEMPTS:
            import_fail(
                claim=job,
                code="worker_lost",
                sentence=f"The worker was lost {job.attempts} times at the same images, after "
                f"{job.done:,} of {job.total:,}.",
            )
            continue
        held = DatasetImport.objects.held_by(job.worker)
        count += held.filter(pk=job.pk, started_at=job.started_at).update(
            state=Work.QUEUED, enqueued_at=None
        )
        import_enqueue(import_id=job.pk)
    if count:
        log.warning("%s imports returned to the queue", count)
    return count


def _keep(archive: File, name: str) -> None:
    """Store an upload until it is imported.

    Raises:
        ImportRefused: `disk_full`, `storage_failed` or `storage_unavailable`.
    """
    try:
        default_storage.save(name, archive)
    except StorageUnavailable as away:
        raise ImportRefused(away.code, away.sentence) from away
    except OSError as error:
        is_full = error.errno in NO_ROOM
        raise ImportRefused(
            "disk_full" if is_full else "storage_failed",
            "The disk is full: make room, then try again."
            if is_full
            else f"The upload cannot be stored: {error.strerror}.",
        ) from None


def _pack(images: list[File], packed: Any) -> None:
    """Put single images into one archive, uncompressed; equal names are told apart by number."""
    with zipfile.ZipFile(packed, "w") as archive:
        for number, image in enumerate(images, start=1):
            path = f"{number:05d}/{display_name(image.name or '')}"
            with archive.open(path, "w") as target:
                for chunk in image.chunks():
                    target.write(chunk)
