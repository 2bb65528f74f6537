"""The trust list: certificates of those who vouch for signers of Content Credentials."""

import datetime as dt
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

OFFICIAL = (
    "https://raw.githubusercontent.com/c2pa-org/conformance-public/main/trust-list/"
    "C2PA-TRUST-LIST.pem"
)
# The official list has some dozen certificates of 1 to 2 kB.
MOST_BYTES = 4_000_000


class TrustListRefused(Exception):
    """The file is no trust list; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Anchor:
    """Somebody who vouches for signers; `ends` is when the certificate does."""

    name: str
    organisation: str
    ends: dt.datetime


def anchors(pem: bytes) -> list[Anchor]:
    """Return whose certificates a list holds, those that end first in front.

    Raises:
        TrustListRefused: `too_large`, `private_key` or `no_certificates`.
    """
    if len(pem) > MOST_BYTES:
        raise TrustListRefused("too_large", f"It is larger than {MOST_BYTES / 1e6:g} MB.")
    if b"PRIVATE KEY" in pem:
        raise TrustListRefused(
            "private_key", "There is a private key in it: keep that to yourself."
        )
    try:
        found = [
            Anchor(
                _first(certificate.subject, NameOID.COMMON_NAME),
                _first(certificate.subject, NameOID.ORGANIZATION_NAME),
                certificate.not_valid_after_utc,
            )
            for certificate in x509.load_pem_x509_certificates(pem)
        ]
    except ValueError:
        # What the library says of it is for programmers.
        raise TrustListRefused(
            "no_certificates",
            "It is not a list of certificates in PEM form: each begins with the line "
            "-----BEGIN CERTIFICATE-----, and all must be whole.",
        ) from None
    return sorted(found, key=lambda anchor: anchor.ends)


def install(pem: bytes, path: Path) -> list[Anchor]:
    """Put a list in place at once, or leave what is there; return whose certificates it holds.

    Raises:
        TrustListRefused: As `anchors` does.
        OSError: It cannot be written there.
    """
    found = anchors(pem)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as target:
            target.write(pem)
        # Workers may run as another user, and there is nothing secret in it.
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return found


def _first(name: x509.Name, part: x509.ObjectIdentifier) -> str:
    values = name.get_attributes_for_oid(part)
    return str(values[0].value) if values else ""
