"""Certificates for the installation's own servers, made by an authority that is then forgotten.

Processes of one installation talk to its database, its broker and its web server by TLS. Whom they
trust is this one authority; its key signs these certificates and is kept nowhere, so nobody can
make another one later. All are made anew together, and only when somebody asks for it: servers that
run go on with the old ones until they are started again, and nobody who starts meanwhile would
trust them.
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY = "ca.crt"
CERTIFICATE, KEY = "server.crt", "server.key"
# Ten years: their end would be an outage, and they are worth no more than the disk they lie on.
DAYS = 3650
# Of a machine whose clock is a little behind.
EARLIER = dt.timedelta(hours=1)
# Where health checks ask, from inside of the container.
LOCAL = ("localhost", "127.0.0.1")


class NamesMissing(Exception):
    """Good certificates are there, and lack a name by which a server is to be known."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server, and the names under which others reach it.

    Attributes:
        name: Of its folder, and within its own network.
        also: Names or numbers under which other machines know it.
    """

    name: str
    also: tuple[str, ...] = ()

    @classmethod
    def read(cls, told: str) -> "Server":
        """Read `mysql`, or `mysql=db.internal,10.0.0.5`."""
        name, _, also = told.partition("=")
        return cls(name, tuple(filter(None, also.split(","))))

    @property
    def addresses(self) -> list[x509.GeneralName]:
        """All of them, as a certificate holds them."""
        return [_address(one) for one in dict.fromkeys((self.name, *self.also, *LOCAL))]


def certificates_ensure(
    folder: Path, servers: Sequence[str], *, days: int = DAYS, renew: bool = False
) -> bool:
    """Make certificates unless good ones are there.

    Each server gets a folder of its own, so that it can be given its own key alone: `server.crt`,
    `server.key` and `ca.crt`. Below `ca` lies what clients need, `ca.crt`.

    Args:
        folder: Where they lie.
        servers: Each as `Server.read` takes it.
        days: How long new ones hold.
        renew: Make them although good ones are there.

    Returns:
        Whether they were made now; all programs then have to be started anew.

    Raises:
        NamesMissing: Good ones are there, which a new name would make useless.
    """
    wanted = [Server.read(told) for told in servers]
    if not renew and _are_good(folder, wanted):
        return False
    now = dt.datetime.now(dt.UTC)
    until = now + dt.timedelta(days=days)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Veripix, this installation")])
    authority = (
        _begun(subject, subject, authority_key.public_key(), now, until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_uses(key_cert_sign=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    pem = authority.public_bytes(Encoding.PEM)
    for server in wanted:
        key = ec.generate_private_key(ec.SECP256R1())
        own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, server.name)])
        signed = (
            _begun(own, subject, key.public_key(), now, until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_uses(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(server.addresses), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write(folder / server.name / KEY, secret)
        _write(folder / server.name / CERTIFICATE, signed.public_bytes(Encoding.PEM))
        _write(folder / server.name / AUTHORITY, pem)
    # Last: where this was broken off, they do not fit together and are made once more.
    _write(folder / "ca" / AUTHORITY, pem)
    return True


def certificates_end(folder: Path) -> dt.datetime:
    """Return when those in this folder end; all of them do so together."""
    pem = (folder / "ca" / AUTHORITY).read_bytes()
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc


def _are_good(folder: Path, servers: Sequence[Server]) -> bool:
    """Tell whether all are there and whole, of one authority, and have not ended."""
    now = dt.datetime.now(dt.UTC)
    lacking: list[str] = []
    try:
        pem = (folder / "ca" / AUTHORITY).read_bytes()
        authority = x509.load_pem_x509_certificate(pem)
        for server in servers:
            own = folder / server.name
            certificate = x509.load_pem_x509_certificate((own / CERTIFICATE).read_bytes())
            certificate.verify_directly_issued_by(authority)
            key = load_pem_private_key((own / KEY).read_bytes(), None)
            is_its_own = key.public_key() == certificate.public_key()
            if not is_its_own or (own / AUTHORITY).read_bytes() != pem:
                return False
            if certificate.not_valid_after_utc <= now:
                return False
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            known = set(names.value)
            lacking += [str(one.value) for one in server.addresses if one not in known]
    except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    if lacking:
        raise NamesMissing(", ".join(lacking))
    return True


def _address(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: dt.datetime,
    until: dt.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _uses(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, content: bytes) -> None:
    """Write a whole file or none. Others may read it: only its server is given the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_bytes(content)
    draft.chmod(0o644)
    draft.replace(path)
