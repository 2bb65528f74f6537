"""Checks of what the portal stands on: models, schema, keys, clock, folders, room."""

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import F, Q
from django.utils import timezone

from detection.ml_gateway import GatewayError
from detection.models import ModelVersion, RegisteredModel, SubmittedImage, Track
from detection.services.audit import audit_verify
from detection.services.doctor.contract import Check, Damage, Look
from detection.services.installation import LEAST_FREE_SHARE
from detection.services.signatures import version_verify
from detection.services.storage import unopened

# Leases and waits are counted in tens of seconds.
MOST_SKEW = 5.0
# What only this user may read, and folders that hold such files.
SECRETS = ("secret-key", "veripix.sqlite3")
OTHERS, ENTER = 0o077, 0o011


def _versions(look: Look) -> Iterator[Damage]:
    for version in ModelVersion.objects.select_related("model"):
        try:
            version_verify(version=version)
        except GatewayError as error:
            yield Damage(version.label, f"{error.code}: {error.sentence}")


def _champions(look: Look) -> Iterator[Damage]:
    foreign = ~Q(champion__model=F("pk")) & Q(champion__isnull=False)
    foreign |= ~Q(challenger__model=F("pk")) & Q(challenger__isnull=False)
    for model in RegisteredModel.objects.filter(foreign):
        yield Damage(model.name, "its champion or challenger is a version of another model")
    if ModelVersion.objects.champion_of(Track.THUMBNAIL) is None:
        yield Damage(str(Track.THUMBNAIL.label), "nobody answers: no model has a champion")


def _migrations(look: Look) -> Iterator[Damage]:
    executor = MigrationExecutor(connection)
    graph = executor.loader.graph
    for migration, _ in executor.migration_plan(graph.leaf_nodes()):
        yield Damage(f"{migration.app_label}.{migration.name}", "was not applied")
    for app, name in sorted(set(executor.loader.applied_migrations) - set(graph.nodes)):
        if app in executor.loader.migrated_apps:
            yield Damage(f"{app}.{name}", "was applied, and this version does not know it")


def _keys(look: Look) -> Iterator[Damage]:
    """Ask of the newest few files whether a key opens them."""
    found = unopened()
    if found is not None:
        name, reason = found
        yield Damage(name, f"it cannot be read: {reason}")


def _clock(look: Look) -> Iterator[Damage]:
    if connection.vendor == "sqlite":
        return  # the clock of this very machine
    with connection.cursor() as cursor:
        cursor.execute("SELECT UTC_TIMESTAMP(6)")
        (there,) = cursor.fetchone()
    skew = (timezone.now() - there.replace(tzinfo=dt.UTC)).total_seconds()
    if abs(skew) > MOST_SKEW:
        how = "behind" if skew > 0 else "ahead of"
        yield Damage("clock", f"the database's is {abs(skew):.0f} s {how} this machine's")


def _private(look: Look) -> Iterator[Damage]:
    places = [Path(settings.VAR_ROOT) / name for name in SECRETS]
    places += [Path(settings.MODELS_ROOT), Path(settings.RUNS_ROOT), Path(settings.DATASETS_ROOT)]
    if not settings.IS_STORAGE_REMOTE:
        places.append(Path(settings.MEDIA_ROOT))
        # One file tells of all: the storage gives each the same rights.
        for name in SubmittedImage.objects.exclude(original="").values_list("original", flat=True)[
            :1
        ]:
            places.append(Path(settings.MEDIA_ROOT) / name)
    for path in places:
        if path.exists() and _is_open(path):
            rights = path.stat().st_mode & 0o777
            yield Damage(str(path), f"others on this machine may open it ({rights:o})", path)


def _is_open(path: Path) -> bool:
    """Tell whether others may open it: a folder above that lets nobody in is enough."""
    if not path.stat().st_mode & OTHERS:
        return False
    return all(folder.stat().st_mode & ENTER for folder in path.absolute().parents)


def _private_mend(look: Look, found: list[Damage]) -> Iterator[str]:
    for damage in found:
        path: Path = damage.what
        path.chmod(path.stat().st_mode & 0o700)
        yield f"{path} is for this user alone"


def _room(look: Look) -> Iterator[Damage]:
    places = [settings.MODELS_ROOT, settings.RUNS_ROOT]
    places += [] if settings.IS_STORAGE_REMOTE else [settings.MEDIA_ROOT]
    for path in sorted({str(Path(place).absolute()) for place in places}):
        if not Path(path).is_dir():
            continue
        usage = shutil.disk_usage(path)
        if usage.free < LEAST_FREE_SHARE * usage.total:
            yield Damage(path, f"{usage.free:,} bytes are free, of {usage.total:,}")


def _audit(look: Look) -> Iterator[Damage]:
    for sentence in audit_verify().breaks:
        yield Damage("audit", sentence)


CHECKS = (
    Check(
        "migration",
        "The schema is not the one of this version.",
        _migrations,
        left="manage.py migrate; what only a newer version knows is taken back by that version.",
    ),
    Check(
        "model_version",
        "A model version is not what was registered, and answers no longer.",
        _versions,
        left="Where SECRET_KEY or MODEL_SIGNING_KEY is another one, and it was you: manage.py "
        "register_models --sign-again. Otherwise restore MODELS_ROOT and the rows from a backup.",
    ),
    Check(
        "champion",
        "Which version answers is not as it has to be.",
        _champions,
        left="Promote a version on its page in the administration.",
    ),
    Check(
        "audit",
        "The record of acts was changed.",
        _audit,
        left="Find out by whom: see The audit in docs/operations.md.",
    ),
    Check(
        "key",
        "Stored files cannot be opened.",
        _keys,
        left="Give every process the keys that they were encrypted with, by MEDIA_KEYS.",
    ),
    Check(
        "clock",
        "Clocks disagree: work is taken for lost too early or too late.",
        _clock,
        left="Have all machines keep their clocks by NTP.",
    ),
    Check(
        "rights",
        "Others on this machine may open what only the portal should.",
        _private,
        _private_mend,
    ),
    Check(
        "room",
        "Uploads will soon find no room.",
        _room,
        left="Delete what is not needed there, or give it a larger disk.",
    ),
)
