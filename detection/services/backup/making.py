"""Makes a backup while the portal runs: rows of one moment first, then the files that they name."""

import hashlib
import io
import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from detection.models import ModelVersion
from detection.services.backup import rows
from detection.services.backup.archive import ArchiveWriter, archive_written
from detection.services.backup.contract import (
    ABOUT,
    FILES,
    FORMAT,
    INDEX,
    KEYS,
    MANIFEST,
    MODELS,
    ROWS,
    TRUST,
    About,
    BackupFailed,
    Manifest,
    Tell,
)
from detection.services.signatures import version_is_at_hand
from detection.services.storage import storage_errors

IN_MEMORY = 8_000_000
FILES_AN_INDEX = 1000
TOLD_EVERY = 10_000


def backup_make(
    *, target: IO[bytes], recipients: list[str], with_keys: bool = False, tell: Tell = print
) -> Manifest:
    """Write a backup of this installation.

    Args:
        target: Where it goes; never read and never sought in.
        recipients: Public keys of age that may read it; none: everybody may.
        with_keys: Whether the keys of the installation go with it.
        tell: Is told how far it is.

    Raises:
        BackupFailed: `not_migrated`, `keys_in_the_open`, `bad_recipient`.
        StorageUnavailable: The storage is away.
        OSError: The target takes no more.
    """
    if with_keys and not recipients:
        raise BackupFailed("keys_in_the_open", "Keys go into an encrypted backup alone.")
    about = _about(with_keys)
    with _Names() as names, archive_written(target, recipients) as writer:
        making = _Making(writer, tell)
        making.part(ABOUT, _json(about.as_json()))
        with rows.one_moment():
            for table, model in rows.tables().items():
                making.table(table, model, names)
            versions = list(ModelVersion.objects.select_related("model"))
        names.settle()
        for version in versions:
            making.version(version)
        trust = Path(settings.C2PA_TRUST_LIST)
        if trust.is_file():
            making.part(TRUST, trust.read_bytes())
        if with_keys:
            making.part(KEYS, _json(keys()))
        making.files(names)
        making.part(MANIFEST, _json(making.manifest.as_json()))
    return making.manifest


def keys() -> dict[str, str]:
    """Return what another installation needs to be this one: never told without being asked."""
    names = ("SECRET_KEY", "MODEL_SIGNING_KEY")
    return {name: str(value) for name in names if (value := getattr(settings, name, ""))}


def _about(with_keys: bool) -> About:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise BackupFailed("not_migrated", "Migrations are missing: `manage.py migrate` first.")
    applied: dict[str, list[str]] = {}
    for app, name in sorted(executor.loader.applied_migrations):
        applied.setdefault(app, []).append(name)
    return About(
        format=FORMAT,
        version=settings.VERSION,
        made_at=timezone.now().isoformat(),
        engine=connection.vendor,
        migrations=applied,
        columns={table: rows.columns(model) for table, model in rows.tables().items()},
        left_out=rows.LEFT_OUT,
        has_keys=with_keys,
    )


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode()


class _Names:
    """The files that the rows name, on disk: there may be millions."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="veripix-backup-")
        self._rows = sqlite3.connect(Path(self._folder.name) / "names.sqlite3")
        self._rows.execute("PRAGMA journal_mode=OFF")
        self._rows.execute("PRAGMA synchronous=OFF")
        self._rows.execute("CREATE TABLE names (name TEXT, place TEXT, field TEXT, pk)")

    def __enter__(self) -> "_Names":
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()
        self._folder.cleanup()

    def take(self, model: type[models.Model], batch: list[tuple[Any, ...]]) -> None:
        """Note what some rows of a table name."""
        names = rows.columns(model)
        pk = names.index(str(model._meta.pk.attname))
        for field in model._meta.concrete_fields:
            if isinstance(field, models.FileField):
                place = names.index(field.attname)
                self._rows.executemany(
                    "INSERT INTO names VALUES (?, ?, ?, ?)",
                    [
                        (row[place], model._meta.label, field.name, row[pk])
                        for row in batch
                        if row[place]
                    ],
                )

    def settle(self) -> None:
        """Make them ready to be read, each once."""
        self._rows.execute("CREATE INDEX by_name ON names (name)")

    def __iter__(self) -> Iterator[tuple[str, str, str, int]]:
        yield from self._rows.execute(
            "SELECT name, place, field, MIN(pk) FROM names GROUP BY name ORDER BY name"
        )

    def __len__(self) -> int:
        return int(self._rows.execute("SELECT COUNT(DISTINCT name) FROM names").fetchone()[0])


class _Making:
    """The parts that were written so far."""

    def __init__(self, writer: ArchiveWriter, tell: Tell) -> None:
        self._writer = writer
        self._tell = tell
        self.manifest = Manifest()

    def part(self, name: str, content: bytes) -> None:
        """Write a part whose hash the manifest tells."""
        self.manifest.parts[name] = hashlib.sha256(content).hexdigest()
        self._writer.add(name, io.BytesIO(content), len(content))

    def table(self, table: str, model: type[models.Model], names: _Names) -> None:
        """Write all rows of a table."""
        count = 0
        for number, batch in enumerate(rows.rows_read(model)):
            self.part(f"{ROWS}{table}/{number:06d}.jsonl", rows.rows_packed(batch))
            names.take(model, batch)
            count += len(batch)
        self.manifest.rows[table] = count
        if count:
            self._tell(f"rows: {table} {count:,}")

    def version(self, version: ModelVersion) -> None:
        """Write the files of a model version, fetched first where another machine has them."""
        if not version_is_at_hand(version=version):
            self._tell(f"models: {version.label} is not whole here and is left out")
            return
        for path in sorted(version.directory.iterdir()):
            if path.is_file():
                name = f"{MODELS}{version.model.name}/{version.number}/{path.name}"
                with path.open("rb") as file:
                    digest, size = _copied(file, None)
                    file.seek(0)
                    self._writer.add(name, file, size)
                self.manifest.parts[name] = digest
        self._tell(f"models: {version.label}")

    def files(self, names: _Names) -> None:
        """Write every file that a row names, and after each thousand what they are."""
        total, told = len(names), 0
        lines: list[dict[str, Any]] = []
        for number, (name, place, field, pk) in enumerate(names, 1):
            lines.append(self._file(name, place, field, pk))
            if len(lines) == FILES_AN_INDEX:
                self._index(lines)
                lines = []
            if number - told >= TOLD_EVERY:
                told = number
                self._tell(f"files: {number:,} of {total:,}")
        self._index(lines)
        gone = f", {self.manifest.gone:,} were gone" if self.manifest.gone else ""
        self._tell(f"files: {self.manifest.files:,}, {self.manifest.file_bytes:,} bytes{gone}")

    def _file(self, name: str, place: str, field: str, pk: int) -> dict[str, Any]:
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as copy:
            try:
                with storage_errors(), default_storage.open(name, "rb") as file:
                    digest, size = _copied(file, copy)
            except FileNotFoundError:
                self.manifest.gone += 1
                row = {"name": name, "model": place, "field": field, "pk": pk}
                return {**row, "gone": _why_gone(name, place, field, pk)}
            copy.seek(0)
            self._writer.add(FILES + name, copy, size)
        self.manifest.files += 1
        self.manifest.file_bytes += size
        return {"name": name, "size": size, "sha256": digest}

    def _index(self, lines: list[dict[str, Any]]) -> None:
        if lines:
            number = sum(name.startswith(INDEX) for name in self.manifest.parts)
            content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
            self.part(f"{INDEX}{number:06d}.jsonl", content)


def _why_gone(name: str, place: str, field: str, pk: int) -> str:
    """Tell whether a file went with its row since the rows were read, or is missing as damage."""
    model = apps.get_model(place)
    is_named = model._base_manager.filter(pk=pk, **{field: name}).exists()
    if is_named:
        return "missing"
    return "replaced" if model._base_manager.filter(pk=pk).exists() else "deleted"


def _copied(source: Any, target: Any) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(1 << 20):
        digest.update(chunk)
        size += len(chunk)
        if target is not None:
            target.write(chunk)
    return digest.hexdigest(), size


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Give a file that is there under its name only once it is whole, and only for its owner.

    Raises:
        BackupFailed: `already_there`, or `not_written` where it cannot be made.
    """
    draft = path.with_name(path.name + ".part")
    try:
        if path.exists():
            raise BackupFailed("already_there", f"{path} is there already and stays as it is.")
        handle = draft.open("xb")
    except FileExistsError:
        raise BackupFailed(
            "already_there",
            f"{draft} is there: another backup is being made, or one was broken "
            "off; delete it if none runs.",
        ) from None
    except OSError as error:
        raise BackupFailed("not_written", f"{path} cannot be written: {error.strerror}.") from error
    try:
        with handle:
            draft.chmod(0o600)
            yield handle
            handle.flush()
        draft.rename(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def bytes_expected() -> int:
    """Return about how large the rows and files are together, to tell whether there is room."""
    sizes = [
        model._base_manager.aggregate(sum=models.Sum("byte_size"))["sum"] or 0
        for model in apps.get_models()
        if any(field.name == "byte_size" for field in model._meta.concrete_fields)
    ]
    return sum(sizes)
