"""Compares rows with files on disk, in a SQLite file of its own that is thrown away afterwards.

A million images name four million files: too many to remember, and no column that names a file has
an index by which the database could be asked for each. So all names are written down once.
"""

import datetime as dt
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from detection.services.doctor.stored import FileColumn, Named, Stored

AT_ONCE = 1000


class Ledger:
    """All names that rows hold, and which of these were seen in the storage."""

    def __init__(self, columns: list[FileColumn]) -> None:
        """Open an empty one; about 150 bytes of disk for each name."""
        self._columns = columns
        self._numbers = {column: number for number, column in enumerate(columns)}
        self._folder = tempfile.TemporaryDirectory(prefix="veripix-doctor-")
        self._file = sqlite3.connect(Path(self._folder.name) / "ledger.sqlite3")
        self._file.execute("PRAGMA journal_mode=OFF")
        self._file.execute("PRAGMA synchronous=OFF")
        self._file.execute(
            "CREATE TABLE named (name TEXT, model INTEGER, pk INTEGER, size INTEGER, sha256 TEXT,"
            " seen INTEGER DEFAULT 0, stored INTEGER)"
        )
        self._file.execute("CREATE TABLE unnamed (name TEXT, size INTEGER, modified TEXT)")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Throw it away."""
        self._file.close()
        self._folder.cleanup()

    def take(self, named: Iterable[Named]) -> None:
        """Write down what rows name."""
        rows = (
            (one.name, self._numbers[one.column], one.pk, one.byte_size, one.sha256)
            for one in named
        )
        self._file.executemany(
            "INSERT INTO named (name, model, pk, size, sha256) VALUES (?, ?, ?, ?, ?)", rows
        )
        self._file.execute("CREATE INDEX by_name ON named (name)")

    def look(self, stored: Iterable[Stored], *, skip: set[str], oldest: dt.datetime) -> None:
        """Go through the storage: mark what rows name, write down what none does.

        Left out are names to skip, and what was written after `oldest`.
        """
        coming = iter(stored)
        while batch := list(islice(coming, AT_ONCE)):
            known = self._known([one.name for one in batch])
            self._file.executemany(
                "UPDATE named SET seen = 1, stored = ? WHERE name = ?",
                [(one.byte_size, one.name) for one in batch if one.name in known],
            )
            others = [one for one in batch if one.name not in known and one.name not in skip]
            self._file.executemany(
                "INSERT INTO unnamed VALUES (?, ?, ?)",
                [
                    (one.name, one.byte_size, one.modified_at.isoformat())
                    for one in others
                    if one.modified_at <= oldest
                ],
            )

    def unnamed(self) -> Iterator[Stored]:
        """Yield what was written down of the storage."""
        for name, size, modified in self._file.execute("SELECT * FROM unnamed ORDER BY name"):
            yield Stored(name, size, dt.datetime.fromisoformat(modified))

    def missing(self) -> Iterator[Named]:
        """Yield what rows name and the storage did not show."""
        yield from self._rows("seen = 0")

    def suspicious(self) -> Iterator[Named]:
        """Yield what has another size in the storage than its row says, or none at all."""
        yield from self._rows("seen = 1 AND (stored = 0 OR stored <> size)")

    def hashed(self) -> Iterator[Named]:
        """Yield what was seen and whose row tells its hash."""
        yield from self._rows("seen = 1 AND sha256 <> ''")

    def pictures(self) -> Iterator[Named]:
        """Yield pictures that were drawn, whose rows tell no hash, and that hold something."""
        drawn = "(name LIKE '%.webp' OR name LIKE '%.png')"
        yield from self._rows(f"seen = 1 AND stored <> 0 AND sha256 = '' AND {drawn}")

    def _known(self, names: list[str]) -> set[str]:
        marks = ",".join("?" * len(names))
        query = f"SELECT DISTINCT name FROM named WHERE name IN ({marks})"  # noqa: S608 - only marks
        return {name for (name,) in self._file.execute(query, names)}

    def _rows(self, where: str) -> Iterator[Named]:
        query = f"SELECT name, model, pk, size, sha256 FROM named WHERE {where} ORDER BY rowid"  # noqa: S608
        for name, model, pk, size, sha256 in self._file.execute(query):
            yield Named(self._columns[model], pk, name, size, sha256)
