"""Files come before the rows that name them; until these are there a note says which they are.

A process may be killed at any moment, also between a file and its row. Nobody would ever find such
a file: to compare all files with all rows takes hours where there are millions. So their names are
noted before the first is written, in one row for all of them, and the note goes in the transaction
that makes their rows. A note that stays is swept, and its files with it.

The note is a fence too: a writer that was only slow finds it gone when it makes its rows, and makes
none. So a clock that is wrong costs a try, and never an image.

Workers that analyse need no note: their claim is one, and says what their files are called
(`services.claimed`).
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction

from detection.models import PendingFiles
from detection.services import clock
from detection.services.storage import StorageUnavailable, files_note, noted_delete

log = logging.getLogger(__name__)

# After so many leases without a sign of life a writer is taken to be dead: ten minutes by default.
LEASES = 5
AT_ONCE = 1000
# As text: they are asked with every image, and building them takes longer than answering them.
_INSERT = "INSERT INTO detection_pendingfiles (names, seen_at) VALUES (%s, %s)"
_DELETE = "DELETE FROM detection_pendingfiles WHERE id = %s"


class NoteGone(StorageUnavailable):
    """The files were swept as their writer seemed dead; they have to be sent again."""


class Note:
    """What a writer holds while its files have no rows."""

    def __init__(self, names: Iterable[str]) -> None:
        """Note these names, before the first of the files is written; without any it is none."""
        self.names = [name for name in names if name]
        # Settled without rows: they go once that is committed.
        self.unwanted: list[str] = []
        self._seen_at = clock.now()
        if not self.names:
            return
        with connection.cursor() as cursor:
            seen_at = connection.ops.adapt_datetimefield_value(self._seen_at)
            cursor.execute(_INSERT, ["\n".join(self.names), seen_at])
            self._key = cursor.lastrowid

    def renew(self) -> None:
        """Say that the writer goes on, where it takes long.

        Raises:
            NoteGone: When it was given up already.
        """
        now = clock.now()
        lease = timedelta(seconds=settings.ANALYSIS_LEASE_SECONDS)
        if not self.names or abs(now - self._seen_at) < lease:
            return
        self._seen_at = now
        if not PendingFiles.objects.filter(pk=self._key).update(seen_at=now):
            raise NoteGone("files were given up while they were written")

    def settle(self, *, with_rows: bool = True) -> None:
        """Take the note away, in the transaction that makes the rows of its files, or does not.

        Raises:
            NoteGone: When its files are given up: no row may name them.
        """
        if not self._taken_away():
            raise NoteGone("files were given up before they had rows")
        if not with_rows:
            self.unwanted = files_note(self.names)

    def drop(self) -> None:
        """Delete the files, as they get no rows.

        Only where the note is still there: a database that went away during a commit may have
        carried it out, and then the rows are there. Where it is still away, the sweep decides.
        """
        try:
            with transaction.atomic():
                names = files_note(self.names) if self._taken_away() else []
            noted_delete(names)
        except (DatabaseError, InterfaceError) as error:
            log.warning("%s files are left to the sweep: %s", len(self.names), error)

    def _taken_away(self) -> bool:
        if not self.names:
            return True
        with connection.cursor() as cursor:
            cursor.execute(_DELETE, [self._key])
            return bool(cursor.rowcount)


@contextmanager
def noted(names: Iterable[str]) -> Iterator[Note]:
    """Note files that are written within, and dropped if anything goes wrong there.

    The note is to be settled within.
    """
    note = Note(names)
    try:
        yield note
    except BaseException:
        note.drop()
        raise
    noted_delete(note.unwanted)


def pending_sweep(*, now: datetime | None = None) -> int:
    """Give up files whose writer gave no sign of life for long; they become leftovers.

    Returns:
        How many files were given up.
    """
    before = (now or clock.now()) - timedelta(seconds=LEASES * settings.ANALYSIS_LEASE_SECONDS)
    old = PendingFiles.objects.filter(seen_at__lt=before)
    if not old.exists():
        return 0
    with transaction.atomic():
        # Locked: a writer that settles one of them just now either has done so or finds it gone.
        notes = list(old.select_for_update()[:AT_ONCE])
        names = [name for note in notes for name in note.listed]
        files_note(names)
        PendingFiles.objects.filter(pk__in=[note.pk for note in notes]).delete()
    if names:
        log.warning("%s files have no rows, as their writer is gone, and are deleted", len(names))
    return len(names)
