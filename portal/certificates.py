"""Certificates for the installation's own servers, made by an authority that is then forgotten.

Processes of one installation talk to its database, its broker and its web server by TLS. Whom they
trust is this one authority; its key signs these certificates and is kept nowhere, so nobody can
make another one later. All are made anew together, long before they end.
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY = "ca.crt"
CERTIFICATE, KEY = "server.crt", "server.key"
DAYS = 730
# Of a machine whose clock is a little behind.
EARLIER = dt.timedelta(hours=1)
# Where health checks ask, from inside of the container.
LOCAL = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


def certificates_ensure(folder: Path, names: Sequence[str], *, days: int = DAYS) -> bool:
    """Make certificates unless good ones are there.

    Each server gets a folder of its own, so that it can be given its own key alone: `server.crt`,
    `server.key` and `ca.crt`. Below `ca` lies what clients need, `ca.crt`.

    Args:
        folder: Where they lie.
        names: Under which the servers are known in their network.
        days: How long they hold; from half of that on they are made anew.

    Returns:
        Whether they were made now; servers then have to be started anew.
    """
    if _are_good(folder, names, days):
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
    for name in names:
        key = ec.generate_private_key(ec.SECP256R1())
        own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        addresses = [x509.DNSName(name), *(one for one in LOCAL if one.value != name)]
        signed = (
            _begun(own, subject, key.public_key(), now, until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_uses(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write(folder / name / KEY, secret)
        _write(folder / name / CERTIFICATE, signed.public_bytes(Encoding.PEM))
        _write(folder / name / AUTHORITY, pem)
    # Last: where this was broken off, they do not fit together and are made once more.
    _write(folder / "ca" / AUTHORITY, pem)
    return True


def _are_good(folder: Path, names: Sequence[str], days: int) -> bool:
    """Tell whether all are there, of one authority, and still hold for half of their time."""
    half = dt.datetime.now(dt.UTC) + dt.timedelta(days=days) / 2
    try:
        authority = x509.load_pem_x509_certificate((folder / "ca" / AUTHORITY).read_bytes())
        for name in names:
            certificate = x509.load_pem_x509_certificate((folder / name / CERTIFICATE).read_bytes())
            certificate.verify_directly_issued_by(authority)
            is_whole = (folder / name / KEY).exists() and (folder / name / AUTHORITY).exists()
            if not is_whole or certificate.not_valid_after_utc < half:
                return False
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    return authority.not_valid_after_utc >= half


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
