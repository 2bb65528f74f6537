"""No row without its files, no file without a row, and each file as its row says it is."""

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from django.core.files.storage import default_storage
from django.utils import timezone

from detection.models import Leftover, ModelVersion, PendingFiles
from detection.services import shared_models, shared_trust
from detection.services.doctor.ledger import AT_ONCE, Ledger
from detection.services.doctor.stored import (
    Named,
    Stored,
    file_columns,
    is_still_named,
    named_files,
    still_named,
    stored_files,
)
from detection.services.storage import storage_errors

# Files are written before their rows: what is younger may still get one.
GRACE = dt.timedelta(hours=1)
PNG_END = b"IEND\xaeB`\x82"


@dataclass
class Comparison:
    """One pass over rows and one over the storage, and what differs.

    Attributes:
        grace: A file without a row is damage only when it is older.
        began_at: When the rows were begun to be read.
    """

    ledger: Ledger
    grace: dt.timedelta
    began_at: dt.datetime

    def missing(self) -> Iterator[Named]:
        """Yield files that a row names and that are gone; each asked for once more."""
        for named in self.ledger.missing():
            with storage_errors():
                if default_storage.exists(named.name):
                    continue
            if is_still_named(named):
                yield named

    def unnamed(self) -> Iterator[Stored]:
        """Yield files that no row names, each asked for once more, and that are past the grace."""
        coming = self.ledger.unnamed()
        while batch := list(islice(coming, AT_ONCE)):
            named = still_named([one.name for one in batch])
            yield from (one for one in batch if one.name not in named)

    def damaged(self, *, deep: bool = False) -> Iterator[tuple[Named, str]]:
        """Yield files that are empty or of another size than told.

        With `deep` also those of another hash, and pictures of ours that end in the middle.
        """
        for named in self.ledger.suspicious():
            why = _wrong_size(named)
            if why and is_still_named(named):
                yield named, why
        if deep:
            for named in self.ledger.hashed():
                why = _is_another(named)
                if why and is_still_named(named):
                    yield named, why
            for named in self.ledger.pictures():
                why = _is_broken_off(named)
                if why and is_still_named(named):
                    yield named, why


def files_compare(*, grace: dt.timedelta = GRACE, now: dt.datetime | None = None) -> Comparison:
    """Read all rows, then the whole storage; the answer holds a file on disk until it is closed.

    Raises:
        StorageUnavailable: The storage is away.
    """
    began_at = now or timezone.now()
    compared = Comparison(Ledger(file_columns()), grace, began_at)
    try:
        compared.ledger.take(named_files())
        skipped = names_of_no_row()
        compared.ledger.look(stored_files(), skip=skipped, oldest=began_at - grace)
    except BaseException:
        compared.ledger.close()
        raise
    return compared


def rows_without_file() -> list[Named]:
    """Return every file that a row names and the storage does not have; for few of them."""
    compared = files_compare()
    with compared.ledger:
        return list(compared.missing())


def files_without_row(*, grace: dt.timedelta = GRACE) -> list[str]:
    """Return every stored file that no row names and that is older than the grace; for few."""
    compared = files_compare(grace=grace)
    with compared.ledger:
        return [one.name for one in compared.unnamed()]


def names_of_no_row() -> set[str]:
    """Return what is in the storage beside the files of rows, and belongs there."""
    versions = ModelVersion.objects.select_related("model")
    shared = {shared_models.shared_name(version) for version in versions}
    # Noted to be deleted: the sweep sees to them, and a check of its own tells of them.
    left = set(Leftover.objects.values_list("name", flat=True))
    # Being written just now, or given up by the sweep in a while.
    pending = {name for note in PendingFiles.objects.all() for name in note.listed}
    return {shared_trust.NAME} | shared | left | pending


def _wrong_size(named: Named) -> str:
    """Return what is wrong with a file's size, asked of the storage itself: it may be encrypted."""
    try:
        with storage_errors():
            size = default_storage.size(named.name)
    except FileNotFoundError:
        return ""
    if size == 0:
        return "it is empty"
    if named.byte_size is not None and size != named.byte_size:
        return f"it has {size:,} bytes where {named.byte_size:,} were stored"
    return ""


def _is_another(named: Named) -> str:
    """Return what is wrong with a file's content."""
    digest = hashlib.sha256()
    try:
        with storage_errors(), default_storage.open(named.name, "rb") as file:
            for chunk in file.chunks():
                digest.update(chunk)
    except FileNotFoundError:
        # What is encrypted and was changed is as good as gone.
        return "it cannot be read" if default_storage.exists(named.name) else ""
    if digest.hexdigest() != named.sha256:
        return "its content is another one than was stored"
    return ""


def _is_broken_off(named: Named) -> str:
    """Return what is wrong with a picture that was drawn here; its formats tell where they end."""
    try:
        with storage_errors(), default_storage.open(named.name, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return "it cannot be read" if default_storage.exists(named.name) else ""
    if content.startswith(b"RIFF"):
        is_whole = int.from_bytes(content[4:8], "little") + 8 == len(content)
    else:
        is_whole = content.startswith(b"\x89PNG") and content.endswith(PNG_END)
    return "" if is_whole else "it is no whole picture"
