"""Databases as `migrate` leaves them: made once in a process, then copied into empty ones.

All migrations take ten to thirty seconds on MariaDB, a copy takes one. What ships still runs on
the copy, and finds it up to date.
"""

import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from tests.servers import program

# By engine, what a database of it holds after all migrations: statements, or a file.
_KEPT: dict[str, bytes] = {}


def fill(variables: Mapping[str, str], folder: Path, migrate: Callable[[], object]) -> None:
    """Bring an empty database of an installation into the state after all migrations.

    One that holds something is left to the migrations of the installation itself, and so is one
    that asks for TLS.

    Args:
        variables: The environment of the installation; without a DATABASE_URL it is on SQLite.
        folder: Where it keeps its files.
        migrate: Runs all migrations; only called for the first database of an engine.
    """
    url = urlsplit(variables.get("DATABASE_URL", ""))
    database = _MariaDB(url) if url.scheme else _SQLite(folder / "veripix.sqlite3")
    if url.query or not database.is_empty():
        return
    if url.scheme in _KEPT:
        database.write(_KEPT[url.scheme])
    else:
        migrate()
        _KEPT[url.scheme] = database.read()


class _SQLite:
    """A database in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def is_empty(self) -> bool:
        return not self._file.exists()

    def read(self) -> bytes:
        with closing(sqlite3.connect(self._file)) as connection:
            return connection.serialize()

    def write(self, content: bytes) -> None:
        self._file.write_bytes(content)


class _MariaDB:
    """A database on a server that takes whoever has the password."""

    def __init__(self, url: SplitResult) -> None:
        self._who = ["--no-defaults", f"--host={url.hostname}", f"--port={url.port}"]
        self._who += [f"--user={url.username}", f"--password={url.password}"]
        self._name = url.path.lstrip("/")

    def is_empty(self) -> bool:
        return not self._run("mariadb", "--execute=SHOW TABLES")

    def read(self) -> bytes:
        return self._run("mariadb-dump", "--skip-comments", "--routines")

    def write(self, content: bytes) -> None:
        self._run("mariadb", given=content)

    def _run(self, client: str, *options: str, given: bytes | None = None) -> bytes:
        command = [program(client), *self._who, *options, self._name]
        return subprocess.run(command, input=given, check=True, capture_output=True).stdout
