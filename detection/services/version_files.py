"""Hands a version to another installation as one file, and takes such a file in, verified."""

import tempfile
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from detection import ml_gateway
from detection.ml_gateway import GatewayError
from detection.models import ModelVersion
from detection.services.audit import audit_record
from detection.services.registry import version_register
from detection.services.signatures import version_verify
from detection.services.version_packing import ImportRefused, version_pack, version_unpack

__all__ = ["ImportRefused", "file_name_of", "version_export", "version_import"]


def version_export(*, version: ModelVersion, target: IO[bytes], user: Any = None) -> None:
    """Write a version as one file: the same version makes the same bytes.

    Raises:
        GatewayError: When the version is not what was registered.
    """
    version_verify(version=version)
    version_pack(version=version, target=target)
    audit_record(user=user, action="version_export", subject=version.label)


def version_import(*, source: IO[bytes], user: Any = None) -> ModelVersion:
    """Take in a version that another installation has exported, as the next of its name.

    Raises:
        ImportRefused: `not_a_version`, `newer_format`, `unsafe_entry`, `too_large`, `damaged_file`,
            `known_version`, or a code of `version_register`. Nothing is kept of such a file.
    """
    with tempfile.TemporaryDirectory(prefix="veripix-import-") as draft:
        folder = Path(draft) / "version"
        folder.mkdir()
        try:
            most = settings.GATE_MAX_MEGABYTES * 1_000_000
            manifest = version_unpack(source=source, folder=folder, most_bytes=most)
            return _registered(folder, manifest, user)
        except GatewayError as error:
            raise ImportRefused(error.code, error.sentence) from error
        except OSError as error:
            raise ImportRefused(
                "not_stored",
                f"The file cannot be unpacked: {error.strerror or 'the disk is full'}.",
            ) from error


def file_name_of(version: ModelVersion) -> str:
    """Return what an exported version is called."""
    return f"{version.model.name}-{version.number}.veripix.zip"


def _registered(folder: Path, manifest: dict[str, Any], user: Any) -> ModelVersion:
    spec = ml_gateway.read_verified_spec(folder)
    if (spec["name"], spec["track"]) != (manifest["name"], manifest["track"]):
        raise ImportRefused("damaged_file", "The file's manifest and its spec disagree.")
    origin = f"{manifest['name']} {manifest['number']}, registered {manifest['registered_at']}"
    version, is_new = version_register(directory=folder, user=user, origin=origin[:200])
    if not is_new:
        raise ImportRefused("known_version", f"This version is here already, as {version.label}.")
    return version
