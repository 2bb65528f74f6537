"""Makes the zip: into a file of its own first, then into the storage, then into the row."""

import errno
import logging
import shutil
import smtplib
import tempfile
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from detection.models import DataExport, Work
from detection.models.data_exports import data_export_name
from detection.services.beating import beating
from detection.services.data_exports.asking import export_claim, extent_of, held
from detection.services.data_exports.contents import everything_write
from detection.services.pending import Note, noted
from detection.services.storage import StorageUnavailable, files_forget, storage_errors

log = logging.getLogger(__name__)

# Beside the originals: heatmaps, views and texts, and some air.
AIR = 1.3
AIR_BYTES = 50_000_000
# No room on the disk, or in the quota.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class NoRoom(Exception):
    """The zip would not fit on this machine's disk."""

    code = "no_room"
    sentence = "There is no room on the server to pack your data; ask its administrators."


class Overtaken(Exception):
    """Somebody else has the export now, or nobody wants it any more."""


def export_run(*, export_id: int, worker: str) -> bool:
    """Make a zip that waits, store it, and tell its owner.

    Returns:
        Whether this call stored it. `False` when it does not wait any more: delivered twice,
        deleted or ended.
    """
    claim = export_claim(export_id=export_id, worker=worker)
    if claim is None:
        return False

    def live() -> None:
        held(claim).update(started_at=timezone.now())

    try:
        with (
            beating(live, what=f"data export {claim.pk}"),
            tempfile.NamedTemporaryFile(prefix="veripix-export-", suffix=".zip") as made,
        ):
            size = _pack(claim, made)
            is_stored = _store(claim, made, size)
    except Overtaken:
        return False
    except (NoRoom, StorageUnavailable) as error:
        _end(claim, code=error.code, sentence=error.sentence)
        return False
    if is_stored:
        _mail(claim, size)
    return is_stored


def export_fail(*, export_id: int, worker: str, code: str, sentence: str) -> None:
    """End what this worker holds with a reason."""
    running = DataExport.objects.filter(pk=export_id, state=Work.RUNNING, worker=worker)
    for claim in running:
        _end(claim, code=code, sentence=sentence)


def _pack(claim: DataExport, made: Any) -> int:
    """Write the zip to a temporary file and return its size."""
    needed = extent_of(owner=claim.owner).bytes * AIR + AIR_BYTES
    if shutil.disk_usage(tempfile.gettempdir()).free < needed:
        raise NoRoom

    def still_wanted() -> None:
        if not held(claim).exists():
            raise Overtaken

    try:
        everything_write(made, owner=claim.owner, still_wanted=still_wanted)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise NoRoom from error
        raise
    made.flush()
    return int(made.tell())


def _store(claim: DataExport, made: Any, size: int) -> bool:
    """Put the zip into the storage, and its name into the row if it is still wanted there."""
    made.seek(0)
    with noted([data_export_name(claim, "")]) as note:
        with storage_errors(), beating(note.renew, what=f"the zip of data export {claim.pk}"):
            default_storage.save(note.names[0], File(made))
        return _finish(claim, note, size)


def _finish(claim: DataExport, note: Note, size: int) -> bool:
    now = timezone.now()
    with transaction.atomic():
        is_stored = bool(
            held(claim).update(
                state=Work.FINISHED,
                file=note.names[0],
                byte_size=size,
                finished_at=now,
                expires_at=now + timedelta(days=settings.DATA_EXPORT_DAYS),
            )
        )
        if is_stored:
            _earlier_delete(claim)
        note.settle(with_rows=is_stored)
    return is_stored


def _earlier_delete(claim: DataExport) -> None:
    """Delete the zips before this one: the newest holds all that they did."""
    earlier = DataExport.objects.visible_to(claim.owner).filter(state=Work.FINISHED)
    rows = list(earlier.exclude(pk=claim.pk).select_for_update())
    names = [row.file.name for row in rows if row.file]
    now = timezone.now()
    DataExport.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=Work.CANCELLED, file="", expires_at=now
    )
    files_forget(names)


def _end(claim: DataExport, *, code: str, sentence: str) -> None:
    log.warning("data export %s failed: %s: %s", claim.pk, code, sentence)
    now = timezone.now()
    held(claim).update(
        state=Work.FAILED,
        error_code=code,
        error_sentence=sentence[:500],
        finished_at=now,
        expires_at=now,
    )


def size_told(size: int) -> str:
    """Return a size as pages tell it, without their spaces that never break."""
    return filesizeformat(size).replace("\N{NO-BREAK SPACE}", " ")


def _mail(claim: DataExport, size: int) -> None:
    """Tell the owner; a mail that cannot be sent is given up, as the page tells the same."""
    owner: Any = claim.owner
    days = settings.DATA_EXPORT_DAYS
    text = (
        "Everything that Veripix keeps of you is packed into one zip "
        f"({size_told(size)}).\n\n"
        "Sign in and open “My account”, “Your data” to take it along; your password is asked for "
        f"once more. It is kept for {days} day{'' if days == 1 else 's'}.\n\n"
        "If you have not asked for it, change your password: somebody else is signed in.\n"
    )
    try:
        EmailMessage("[Veripix] Your data is ready", text, to=[owner.email]).send()
    except (OSError, smtplib.SMTPException) as error:
        log.warning("the mail on data export %s was not sent: %s", claim.pk, error)
