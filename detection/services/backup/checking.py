"""Reads a backup from end to end and compares all of it with what it says of itself."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from detection.services.backup.archive import archive_read
from detection.services.backup.contract import (
    ABOUT,
    FILES,
    FORMAT,
    INDEX,
    MANIFEST,
    ROWS,
    About,
    BackupFailed,
    Manifest,
)

CHUNK = 1 << 20
# Names as the portal gives them; nothing that leads out of a folder.
SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*(/[A-Za-z0-9_][A-Za-z0-9_.\-]*)*")


class Checked(NamedTuple):
    """What a whole backup says of itself."""

    about: About
    manifest: Manifest


def backup_check(*, path: Path, identity: Path | None = None) -> Checked:
    """Read all of a backup and compare every part and every file with its hash.

    Raises:
        BackupFailed: `unreadable`, `encrypted`, `wrong_identity`, `newer_format` or `damaged`.
    """
    about: About | None = None
    manifest: Manifest | None = None
    seen = _Seen()
    with archive_read(path, identity) as parts:
        for name, content in parts:
            if about is None and name != ABOUT:
                raise BackupFailed(
                    "damaged", "This is no backup of Veripix: it says nothing of itself."
                )
            require_safe(name)
            if name.startswith(FILES):
                seen.file(name.removeprefix(FILES), content)
            elif name == MANIFEST:
                manifest = manifest_read(content.read())
            else:
                kept = seen.part(name, content, is_kept=name == ABOUT or name.startswith(INDEX))
                if name == ABOUT:
                    about = about_read(kept)
                elif name.startswith(INDEX):
                    seen.index(kept)
    if about is None or manifest is None:
        raise BackupFailed("damaged", "The backup is cut off: its end is missing.")
    seen.require(manifest)
    return Checked(about, manifest)


def about_read(content: bytes) -> About:
    """Return what a backup says of itself at its beginning.

    Raises:
        BackupFailed: `newer_format` or `damaged`.
    """
    try:
        values = json.loads(content)
        if values["format"] > FORMAT:
            raise BackupFailed(
                "newer_format", "The backup was made by a newer Veripix: restore it with that one."
            )
        return About(**values)
    except (ValueError, KeyError, TypeError) as error:
        raise BackupFailed("damaged", "What the backup says of itself cannot be read.") from error


def manifest_read(content: bytes) -> Manifest:
    """Return what a backup says of itself at its end.

    Raises:
        BackupFailed: `damaged`.
    """
    try:
        return Manifest(**json.loads(content))
    except (ValueError, TypeError) as error:
        raise BackupFailed("damaged", "The manifest of the backup cannot be read.") from error


def index_read(content: bytes) -> Iterator[dict[str, Any]]:
    """Yield what an index says of some files."""
    for line in content.splitlines():
        try:
            told: dict[str, Any] = json.loads(line)
        except ValueError as error:
            raise BackupFailed("damaged", "An index of the backup cannot be read.") from error
        yield told


def require_safe(name: str) -> None:
    """Let no name of a part lead out of the folder that it is for.

    Raises:
        BackupFailed: `damaged`.
    """
    if not SAFE.fullmatch(name):
        raise BackupFailed(
            "damaged", f"The backup holds a part with an unsafe name: {name[:80]!r}."
        )


class _Seen:
    """What was read so far: a hash for each part, and the files since the last index."""

    def __init__(self) -> None:
        self._parts: dict[str, str] = {}
        self._files: dict[str, tuple[int, str]] = {}
        self._rows: dict[str, int] = {}
        self._count = self._bytes = 0

    def file(self, name: str, content: IO[bytes]) -> None:
        digest, size = hashlib.sha256(), 0
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
        self._files[name] = (size, digest.hexdigest())
        self._count += 1
        self._bytes += size

    def part(self, name: str, content: IO[bytes], *, is_kept: bool) -> bytes:
        digest, kept, lines = hashlib.sha256(), [], 0
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            lines += chunk.count(b"\n")
            if is_kept:
                kept.append(chunk)
        self._parts[name] = digest.hexdigest()
        if name.startswith(ROWS):
            table = name.split("/")[1]
            self._rows[table] = self._rows.get(table, 0) + lines
        return b"".join(kept)

    def index(self, content: bytes) -> None:
        for line in index_read(content):
            if "gone" in line:
                continue
            name, told = str(line.get("name")), (line.get("size"), line.get("sha256"))
            if self._files.pop(name, None) != told:
                raise BackupFailed("damaged", f"The file {name[:100]} in the backup is damaged.")
        if self._files:
            raise BackupFailed("damaged", "The backup holds files that its index does not name.")

    def require(self, manifest: Manifest) -> None:
        if self._parts != manifest.parts:
            differing = sorted(self._parts.items() ^ manifest.parts.items())
            raise BackupFailed("damaged", f"The part {differing[0][0]} of the backup is damaged.")
        rows = {table: count for table, count in manifest.rows.items() if count}
        if self._rows != rows or self._files:
            raise BackupFailed("damaged", "The backup does not hold what its manifest says.")
        if (self._count, self._bytes) != (manifest.files, manifest.file_bytes):
            raise BackupFailed("damaged", "The backup does not hold the files its manifest says.")
