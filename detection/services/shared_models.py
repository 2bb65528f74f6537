"""Keeps model versions in the object storage too, and fetches one that this machine lacks.

Machines then share nothing but database, queue and storage. Where files are kept in a folder
nothing of this happens: there `MODELS_ROOT` is one folder for all.
"""

import hashlib
import json
import logging
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage

from detection import ml_gateway
from detection.ml_gateway import GatewayError
from detection.models import ModelVersion
from detection.services.storage import storage_errors
from detection.services.version_packing import (
    ImportRefused,
    copy_whole,
    version_pack,
    version_unpack,
)

log = logging.getLogger(__name__)

# More than any version takes: how large one may be for its promotion is another question.
MOST_BYTES = 10_000_000_000


def shared_name(version: ModelVersion) -> str:
    """Return under which name the storage has a version: another spec or weights, another name."""
    spec = json.dumps(version.spec, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(spec.encode()).hexdigest()[:16]
    return f"models/{version.model.name}/{version.number}-{digest}.zip"


def version_publish(*, version: ModelVersion) -> bool:
    """Put a version, whose files were verified, where other machines find it.

    Returns:
        Whether it was put there now; `False` where it is there, or the storage is a folder.

    Raises:
        StorageUnavailable: The storage is away.
    """
    if not settings.IS_STORAGE_REMOTE:
        return False
    name = shared_name(version)
    with storage_errors():
        if default_storage.exists(name):
            return False
        with tempfile.TemporaryFile() as packed:
            version_pack(version=version, target=packed)
            packed.seek(0)
            default_storage.save(name, File(packed))
    log.info("%s: put into the storage for other machines", version.label)
    return True


def version_fetch(*, version: ModelVersion) -> bool:
    """Bring a version's files from the storage to this machine, verified.

    Returns:
        Whether the storage had them; `False` also where it is a folder.

    Raises:
        GatewayError: What the storage has is not what was registered, or the disk is full.
        StorageUnavailable: The storage is away.
    """
    if not settings.IS_STORAGE_REMOTE:
        return False
    name = shared_name(version)
    with tempfile.TemporaryDirectory(prefix="veripix-fetch-") as draft:
        folder = Path(draft) / "version"
        folder.mkdir()
        try:
            with storage_errors(), default_storage.open(name) as packed:
                source = packed.file or packed
                version_unpack(source=source, folder=folder, most_bytes=MOST_BYTES)
        except FileNotFoundError:
            return False
        except ImportRefused as refused:
            raise GatewayError(refused.code, refused.sentence) from refused
        if not _is_registered(folder, version):
            raise GatewayError(
                "wrong_model", "The model in the storage is not the one that was registered."
            )
        try:
            copy_whole(folder, version.directory)
        except GatewayError:
            # Another process of this machine was faster, or the disk is full.
            if not _is_registered(version.directory, version):
                raise
    log.info("%s: fetched from the storage", version.label)
    return True


def versions_publish() -> int:
    """Put every version into the storage whose files this machine has; whole ones alone.

    Returns:
        How many were put there now.

    Raises:
        StorageUnavailable: The storage is away.
    """
    if not settings.IS_STORAGE_REMOTE:
        return 0
    versions = ModelVersion.objects.select_related("model")
    return sum(
        version_publish(version=version)
        for version in versions
        if _is_registered(version.directory, version)
    )


def _is_registered(folder: Path, version: ModelVersion) -> bool:
    try:
        spec = ml_gateway.read_verified_spec(folder)
    except GatewayError:
        return False
    return spec == ml_gateway.spec_in_full(version.spec)
