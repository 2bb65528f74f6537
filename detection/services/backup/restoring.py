"""Puts a backup into an empty installation: files and models first, then all rows at once.

The rows come in one transaction at the end, so an installation is empty or whole. Whoever is
interrupted begins anew: the files that are there already are written once more.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from detection.models import ModelVersion, SubmittedImage
from detection.services.audit import audit_record, audit_verify
from detection.services.backup import rows
from detection.services.backup.archive import archive_read
from detection.services.backup.checking import Checked, backup_check, index_read
from detection.services.backup.contract import (
    FILES,
    INDEX,
    KEYS,
    MODELS,
    ROWS,
    TRUST,
    About,
    BackupFailed,
    Tell,
)
from detection.services.intake import images_delete
from detection.services.shared_models import versions_publish
from detection.services.shared_trust import trust_list_publish
from detection.services.signatures import has_own_signature
from detection.services.storage import storage_errors

TOLD_EVERY = 10_000
IN_MEMORY = 8_000_000
# Beside the files themselves: rows, their indexes, logs.
ROOM_BESIDE = 500_000_000


@dataclass(slots=True)
class Restored:
    """What was put where, and what is left to do.

    Attributes:
        rows: How many.
        files: How many.
        deleted: Images that were deleted while the backup was made, and so are again.
        missing: Files that were missing already when the backup was made.
        unsigned: Versions whose signature does not fit the keys of this installation.
        audit_breaks: Where the chain of the audit does not hold by them.
    """

    rows: int = 0
    files: int = 0
    deleted: int = 0
    missing: list[str] = field(default_factory=list)
    unsigned: list[str] = field(default_factory=list)
    audit_breaks: list[str] = field(default_factory=list)


def backup_restore(
    *,
    path: Path,
    identity: Path | None = None,
    keys_to: Path | None = None,
    tell: Tell = print,
) -> Restored:
    """Restore a backup into this installation, which has to be empty.

    Args:
        path: The backup.
        identity: The file with the private key, where it is encrypted.
        keys_to: Where the keys in it go; without it they stay in the backup.
        tell: Is told how far it is.

    Raises:
        BackupFailed: `not_empty`, `newer_migrations`, `no_room`, `rows_refused`, or as
            `backup_check`. Rows are there all or none.
        StorageUnavailable: The storage is away.
    """
    _require_empty()
    tell("checking the backup")
    checked = backup_check(path=path, identity=identity)
    _require_known(checked.about)
    _require_room(checked)
    restoring = _Restoring(checked, keys_to, tell)
    with tempfile.TemporaryFile(prefix="veripix-restore-") as drafts:
        with archive_read(path, identity) as parts:
            for name, content in parts:
                restoring.part(name, content, drafts)
        tell("schema as it was when the backup was made")
        historical = _schema_of(checked.about)
        drafts.seek(0)
        restoring.rows(historical, drafts)
    call_command("migrate", interactive=False, verbosity=0)
    ContentType.objects.clear_cache()
    restoring.finish()
    return restoring.restored


def _require_empty() -> None:
    used = rows.tables_in_use()
    if used:
        told = ", ".join(f"{table} ({count:,} rows)" for table, count in sorted(used.items())[:3])
        raise BackupFailed(
            "not_empty",
            f"This installation is in use: {told}. A backup is restored into an empty one: with "
            "another VERIPIX_VAR, or another database and storage.",
        )


def _require_known(about: About) -> None:
    graph = MigrationExecutor(connection).loader.graph
    unknown = [
        f"{app}.{name}"
        for app, names in about.migrations.items()
        for name in names
        if (app, name) not in graph.nodes
    ]
    if unknown:
        raise BackupFailed(
            "newer_migrations",
            f"The backup was made by another version of Veripix ({about.version}): this one does "
            f"not know the migration {unknown[0]}. Restore it with that version, then update.",
        )


def _require_room(checked: Checked) -> None:
    if settings.IS_STORAGE_REMOTE:
        return
    free = shutil.disk_usage(settings.MEDIA_ROOT).free
    needed = checked.manifest.file_bytes + ROOM_BESIDE
    if free < needed:
        raise BackupFailed(
            "no_room",
            f"The backup needs {needed:,} bytes in {settings.MEDIA_ROOT}, where {free:,} are free.",
        )


def _schema_of(about: About) -> Any:
    """Bring the empty database to the schema of the backup; return the models of that time."""
    executor = MigrationExecutor(connection)
    graph = executor.loader.graph
    applied = {(app, name) for app, names in about.migrations.items() for name in names}
    applied &= set(graph.nodes)
    targets = [
        node
        for node in sorted(applied)
        if not any(
            child in applied and child[0] == node[0] for child in graph.node_map[node].children
        )
    ]
    later = {app for app, _ in graph.nodes} - {app for app, _ in applied}
    executor.migrate([*targets, *((app, None) for app in sorted(later))])
    return executor.loader.project_state(targets).apps


class _Restoring:
    """How far it is."""

    def __init__(self, checked: Checked, keys_to: Path | None, tell: Tell) -> None:
        self._checked = checked
        self._keys_to = keys_to
        self._tell = tell
        self._gone: list[dict[str, Any]] = []
        self.restored = Restored()

    def part(self, name: str, content: IO[bytes], drafts: IO[bytes]) -> None:
        """Put one part where it belongs; rows wait in `drafts` until all files are there."""
        if name.startswith(ROWS):
            header = {"table": name.split("/")[1], "bytes": 0}
            body = content.read()
            header["bytes"] = len(body)
            drafts.write(json.dumps(header).encode() + b"\n" + body)
        elif name.startswith(FILES):
            self._file(name.removeprefix(FILES), content)
        elif name.startswith(INDEX):
            self._gone += [line for line in index_read(content.read()) if "gone" in line]
        elif name.startswith(MODELS):
            _written(Path(settings.MODELS_ROOT) / name.removeprefix(MODELS), content)
        elif name == TRUST:
            _written(Path(settings.C2PA_TRUST_LIST), content)
        elif name == KEYS and self._keys_to is not None:
            values = json.loads(content.read())
            with self._keys_to.open("x") as file:
                self._keys_to.chmod(0o600)
                file.writelines(f"{key}={value}\n" for key, value in values.items())

    def rows(self, historical: Any, drafts: IO[bytes]) -> None:
        """Store all rows in one transaction, in place of those that a new installation has."""
        models = rows.tables(historical)
        about = self._checked.about
        try:
            with connection.constraint_checks_disabled(), transaction.atomic():
                for model in models.values():
                    rows.rows_clear(model)
                for table, lines in _drafted(drafts):
                    self.restored.rows += rows.rows_store(
                        models[table], about.columns[table], lines
                    )
                connection.check_constraints()
        except DatabaseError as error:
            raise BackupFailed(
                "rows_refused", f"The database does not take the rows; none was kept: {error}."
            ) from error
        self._tell(f"rows: {self.restored.rows:,}")

    def finish(self) -> None:
        """See to what went while the backup was made, and look at what signs models."""
        database = connection.settings_dict["NAME"]
        if connection.vendor == "sqlite" and Path(database).is_file():
            # Whoever made the folder may have let others in.
            Path(database).chmod(0o600)
        self._mend()
        versions = ModelVersion.objects.select_related("model")
        self.restored.unsigned = [one.label for one in versions if not has_own_signature(one)]
        self.restored.audit_breaks = audit_verify().breaks
        versions_publish()
        if Path(settings.C2PA_TRUST_LIST).is_file():
            trust_list_publish()
        audit_record(
            user=None,
            action="backup_restore",
            subject=f"backup of {self._checked.about.made_at}",
            rows=self.restored.rows,
            files=self.restored.files,
            deleted=self.restored.deleted,
            missing=len(self.restored.missing),
        )

    def _file(self, name: str, content: IO[bytes]) -> None:
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as copy, storage_errors():
            shutil.copyfileobj(content, copy)
            copy.seek(0)
            if default_storage.exists(name):
                default_storage.delete(name)
            stored = default_storage.save(name, File(copy, name))
        if stored != name:
            raise BackupFailed("not_stored", f"The storage names {name} otherwise: {stored}.")
        self.restored.files += 1
        if self.restored.files % TOLD_EVERY == 0:
            self._tell(f"files: {self.restored.files:,} of {self._checked.manifest.files:,}")

    def _mend(self) -> None:
        """Delete what was deleted meanwhile; let rows that have another file by now name none."""
        images = [
            line["pk"]
            for line in self._gone
            if line["gone"] == "deleted" and line["model"] == SubmittedImage._meta.label
        ]
        self.restored.deleted = images_delete(images=SubmittedImage.objects.filter(pk__in=images))
        for line in self._gone:
            if line["gone"] == "missing":
                self.restored.missing.append(line["name"])
                continue
            row = apps.get_model(line["model"])._base_manager.filter(
                pk=line["pk"], **{line["field"]: line["name"]}
            )
            if line["gone"] == "deleted":
                row.delete()
            else:
                row.update(**{line["field"]: ""})


def _drafted(drafts: IO[bytes]) -> Iterator[tuple[str, Iterator[bytes]]]:
    while header := drafts.readline():
        told = json.loads(header)
        body = drafts.read(told["bytes"])
        yield told["table"], iter(body.splitlines())


def _written(path: Path, content: IO[bytes]) -> None:
    """Write a file of ours beside its place and put it there, so that half of one is never read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{PurePosixPath(path.name)}.draft")
    with draft.open("wb") as file:
        shutil.copyfileobj(content, file)
    draft.replace(path)
