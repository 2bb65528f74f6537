"""Gives every machine the trust list that one of them has installed, by way of the bucket.

It is signed as model versions are: whoever may write to the bucket must not decide who is trusted.
"""

import hashlib
import hmac
import logging
import os
import tempfile
import threading
import time
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from detection.services.signatures import signing_key
from detection.services.storage import storage_errors

log = logging.getLogger(__name__)

NAME = "trust/c2pa-trust-list.pem"
# A new list is taken up within so many seconds.
LOOK_SECONDS = 300.0
_looked: dict[str, float] = {}
_looking = threading.Lock()


def trust_list_publish() -> bool:
    """Put the list of this machine where the others find it.

    Returns:
        Whether it was put there; `False` where files lie in a folder.

    Raises:
        StorageUnavailable: The storage is away.
    """
    if not settings.IS_STORAGE_REMOTE:
        return False
    pem = Path(settings.C2PA_TRUST_LIST).read_bytes()
    with storage_errors():
        default_storage.save(NAME, ContentFile(_signature(pem) + b"\n" + pem))
    return True


def trust_list_here() -> Path:
    """Return the list of this machine, brought up to date where machines share a bucket."""
    path = Path(settings.C2PA_TRUST_LIST)
    if settings.IS_STORAGE_REMOTE and _is_due(str(path)):
        try:
            with storage_errors(), default_storage.open(NAME) as stored:
                _take(stored.read(), path)
        except FileNotFoundError:
            log.debug("the storage holds no trust list")
        except OSError as error:
            log.warning("the trust list stays what it was: %s", error)
    return path


def _is_due(path: str) -> bool:
    with _looking:
        now = time.monotonic()
        if now - _looked.get(path, -LOOK_SECONDS) < LOOK_SECONDS:
            return False
        _looked[path] = now
    return True


def _take(stored: bytes, path: Path) -> None:
    """Write the list beside and put it in place, so that nobody reads half of one."""
    signature, _, pem = stored.partition(b"\n")
    if not hmac.compare_digest(signature, _signature(pem)):
        log.error("the trust list in the storage has no signature of ours and is left there")
        return
    if path.is_file() and path.read_bytes() == pem:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(draft, "wb") as file:
        file.write(pem)
    Path(name).replace(path)
    log.info("took the trust list of another machine")


def _signature(pem: bytes) -> bytes:
    return hmac.new(signing_key(), b"trust list\n" + pem, hashlib.sha256).hexdigest().encode()
