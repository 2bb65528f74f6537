"""What the storage holds and what rows name, each as a stream: neither is ever in memory whole."""

import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from django.apps import apps
from django.core.files.storage import default_storage
from django.db import models

from detection.services.storage import storage_errors

ROWS_AT_ONCE = 2000
# Where a row says how large its file is and what its sha256 is, and the name of the file.
SIZES = {"original": "byte_size", "file": "byte_size"}
HASHES = {"original": "sha256", "file": "sha256"}


class Stored(NamedTuple):
    """A file in the storage; encrypted ones are larger there than what they hold."""

    name: str
    byte_size: int
    modified_at: dt.datetime


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column that names files, and the columns beside it that tell size and hash."""

    model: type[models.Model]
    field: str
    size: str = ""
    sha256: str = ""

    @property
    def label(self) -> str:
        """How it is told, such as `SubmittedImage.original`."""
        return f"{self.model.__name__}.{self.field}"

    @property
    def rows(self) -> Any:
        """All rows of its table, whatever a manager would leave out."""
        return self.model._base_manager


@dataclass(frozen=True, slots=True)
class Named:
    """A file as one row names it; size and hash are empty where the row does not tell."""

    column: FileColumn
    pk: int
    name: str
    byte_size: int | None = None
    sha256: str = ""

    @property
    def subject(self) -> str:
        """Which row and which of its files, as people read it."""
        return f"{self.column.label} of row {self.pk}"


def file_columns() -> list[FileColumn]:
    """Return every column that names stored files, found from the models: none is forgotten."""
    return [
        _column(model, field)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.FileField) and field.storage is default_storage
    ]


def _column(model: type[models.Model], field: models.FileField) -> FileColumn:
    known = {other.name for other in model._meta.concrete_fields}
    size = SIZES.get(field.name, "")
    if size not in known and field.name in SIZES:
        size = "size"
    sha256 = HASHES.get(field.name, "")
    return FileColumn(
        model,
        field.name,
        size if size in known else "",
        sha256 if sha256 in known else "",
    )


def named_files() -> Iterator[Named]:
    """Yield every file that a row names, column by column, in bounded memory."""
    for column in file_columns():
        wanted = ["pk", column.field, *filter(None, (column.size, column.sha256))]
        rows = column.rows.exclude(**{column.field: ""}).order_by("pk")
        last = 0
        # By the primary key: a cursor over all rows would be one transaction for minutes, and
        # MySQL's client takes the whole answer into memory.
        while batch := list(rows.filter(pk__gt=last).values_list(*wanted)[:ROWS_AT_ONCE]):
            for pk, name, *told in batch:
                size = told.pop(0) if column.size else None
                yield Named(column, pk, name, size, told.pop(0) if column.sha256 else "")
            last = batch[-1][0]


def still_named(names: list[str]) -> set[str]:
    """Return those of these names that a row names at this moment."""
    found: set[str] = set()
    for column in file_columns():
        rows = column.rows.filter(**{f"{column.field}__in": names}).order_by()
        found |= set(rows.values_list(column.field, flat=True))
    return found


def is_still_named(named: Named) -> bool:
    """Tell whether this row is there and names this file at this moment."""
    here = {"pk": named.pk, named.column.field: named.name}
    return bool(named.column.rows.filter(**here).exists())


def stored_files(prefix: str = "") -> Iterator[Stored]:
    """Yield every file in the storage below a folder, whichever storage it is.

    Raises:
        StorageUnavailable: The storage is away.
    """
    entries = getattr(default_storage, "entries", None)
    with storage_errors():
        if entries is not None:
            yield from (Stored(*entry) for entry in entries(prefix))
            return
        # Where files lie, encrypted or not: `path` is for those who would read them there.
        root = Path(default_storage.location)  # type: ignore[attr-defined] # of folders
        yield from _below(root, root / prefix)


def _below(root: Path, folder: Path) -> Iterator[Stored]:
    """Walk a folder; what vanishes meanwhile is gone, and no error."""
    try:
        found = os.scandir(folder)
    except FileNotFoundError:
        return
    with found:
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(root, Path(entry.path))
                continue
            try:
                stat = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            name = Path(entry.path).relative_to(root).as_posix()
            yield Stored(name, stat.st_size, dt.datetime.fromtimestamp(stat.st_mtime, dt.UTC))
