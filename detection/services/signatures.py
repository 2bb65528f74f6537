"""Signs what a version was registered with, and lets none answer that is not that any more."""

import hashlib
import hmac
import json
import logging
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.crypto import constant_time_compare

from detection import ml_gateway
from detection.ml_gateway import GatewayError
from detection.models import ModelVersion
from detection.services.audit import audit_record
from detection.services.shared_models import version_fetch
from detection.services.storage import StorageUnavailable

log = logging.getLogger(__name__)

# Names of the files of a version, with what changes when one is written: see `_stamp`.
Stamp = tuple[tuple[str, int, int, int], ...]

# What each process has verified already, and the files as they were then.
_verified: dict[tuple[int, str, str], Stamp] = {}


def signature_of(version: ModelVersion) -> str:
    """Return the HMAC-SHA256 over the version's name and number, hashes and whole spec."""
    signed = json.dumps(
        [
            version.model.name,
            version.number,
            version.weights_sha256,
            version.spec.get("graph_sha256", ""),
            version.spec,
        ],
        sort_keys=True,
        separators=(",", ":"),
    )
    return hmac.new(signing_key(), signed.encode(), hashlib.sha256).hexdigest()


def version_sign(*, version: ModelVersion) -> None:
    """Sign a version that was just registered, or whose graph or measurement was added."""
    version.signature = signature_of(version)
    version.save(update_fields=["signature"])


def has_own_signature(version: ModelVersion) -> bool:
    """Tell whether a version's row is the one that was signed; of its files this says nothing."""
    return bool(version.signature) and constant_time_compare(
        version.signature, signature_of(version)
    )


def version_verify(*, version: ModelVersion) -> None:
    """Make sure that row and files are those that were signed; cheap as long as no file changes.

    Where machines share an object storage, files that are missing here come from there.

    Raises:
        GatewayError: `unsigned`, `bad_signature`, `wrong_model`, or as `read_verified_spec` when
            weights, graph or spec on disk are missing or others.
        StorageUnavailable: They have to be fetched, and the storage is away.
    """
    if not version.signature:
        raise GatewayError(
            "unsigned",
            f"{version.label} has no signature: an administrator has to run "
            "`manage.py register_models`.",
        )
    if not has_own_signature(version):
        raise GatewayError(
            "bad_signature",
            f"{version.label} is not what was registered: its signature does not fit.",
        )
    key, stamp = (version.pk, str(version.directory), version.signature), _stamp(version)
    if stamp and _verified.get(key) == stamp:
        return
    try:
        _require_files(version)
    except GatewayError:
        # Registered on another machine, or damaged on this one.
        if not version_fetch(version=version):
            raise
        _require_files(version)
        stamp = _stamp(version)
    _verified[key] = stamp


def version_is_at_hand(*, version: ModelVersion) -> bool:
    """Tell whether a version's files are on this machine and whole, fetched first if need be."""
    try:
        version_verify(version=version)
    except (GatewayError, StorageUnavailable) as error:
        log.warning("%s is not at hand: %s", version.label, error)
        return False
    return True


@transaction.atomic
def versions_sign(*, user: Any = None, again: bool = False) -> int:
    """Sign versions from before there were signatures.

    That is a single act: once a version is signed, another one that is not must have lost its
    signature, and is not trusted again. After a change of the key, `again` signs all anew. One
    whose files are not what was registered is left out, and answers no longer.

    Returns:
        How many were signed.
    """
    versions = ModelVersion.objects.select_for_update().select_related("model")
    if not again and versions.exclude(signature="").exists():
        return 0
    signed = sum(_signed(version) for version in versions)
    if signed:
        audit_record(user=user, action="versions_sign", subject=f"{signed} versions")
        log.info("signed %s versions", signed)
    return signed


def _signed(version: ModelVersion) -> bool:
    try:
        _require_files(version)
    except GatewayError as error:
        log.warning("%s is not signed: %s", version.label, error.sentence)
        return False
    version_sign(version=version)
    return True


def _require_files(version: ModelVersion) -> None:
    spec = ml_gateway.read_verified_spec(version.directory)
    if spec != ml_gateway.spec_in_full(version.spec):
        raise GatewayError(
            "wrong_model",
            "The model on disk is not the one that this version was registered with.",
        )


def _stamp(version: ModelVersion) -> Stamp:
    """Return what tells that a file was written since: name, size, time and inode of each."""
    try:
        files = sorted(version.directory.iterdir())
        seen = [(path.name, path.stat()) for path in files]
    except OSError:
        return ()
    return tuple((name, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in seen)


def signing_key() -> bytes:
    """Return the key: a setting of its own, or one that is derived from the installation's."""
    own = settings.MODEL_SIGNING_KEY
    secret = own or f"veripix.models:{settings.SECRET_KEY}"
    return hashlib.sha256(secret.encode()).digest()
