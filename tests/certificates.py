"""Makes certificates that may sign Content Credentials: an authority, and those it vouches for."""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

from c2pa import C2paSignerInfo, C2paSigningAlg, Signer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

DAY = dt.timedelta(days=1)
NOW = dt.datetime.now(dt.UTC)
KEY_USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Authority:
    """Somebody who vouches for signers, with a root certificate."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=_key)

    def __post_init__(self) -> None:
        """Make the root certificate."""
        self.certificate = (
            self._begun(self.name, self.key, NOW - 400 * DAY, NOW + 3650 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_uses("key_cert_sign", "crl_sign"), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """The root certificate, as a trust list holds it."""
        return self.certificate.public_bytes(Encoding.PEM)

    def signing(self, name: str, *, asks: str = "") -> "Signing":
        """Somebody whose certificate is good for a month; `asks` is where revocations are told."""
        key = _key()
        return Signing(key, self._issued(name, key, NOW - DAY, asks), self.pem)

    def signing_expired(self, name: str) -> "Signing":
        """Somebody whose certificate ended a year ago, and who signs all the same."""
        key = _key()
        good = self._issued(name, key, NOW - DAY)
        while True:  # the two have to be of one length, and a signature's own varies by a byte
            expired = self._issued(name, key, NOW - 390 * DAY)
            if len(_der(expired)) == len(_der(good)):
                return Signing(key, good, self.pem, _der(expired))

    def _issued(
        self, name: str, key: ec.EllipticCurvePrivateKey, begin: dt.datetime, asks: str = ""
    ) -> x509.Certificate:
        begun = (
            self._begun(name, key, begin, begin + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_uses("digital_signature"), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
        )
        if asks:
            place = x509.AccessDescription(
                AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(asks)
            )
            begun = begun.add_extension(x509.AuthorityInformationAccess([place]), critical=False)
        return begun.sign(self.key, hashes.SHA256())

    def _begun(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        begin: dt.datetime,
        end: dt.datetime,
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
        )


@dataclass(frozen=True)
class Signing:
    """A certificate and its key; `shown` is another certificate that is shown in its place.

    The library refuses to sign with an expired certificate. So a good one of the same key and
    length is given to it, and exchanged in what is signed and in the file.
    """

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    issuer_pem: bytes
    shown: bytes = b""

    def signer(self) -> Signer:
        """What the library signs with; good for one file."""
        chain = self.certificate.public_bytes(Encoding.PEM) + self.issuer_pem
        if self.shown:
            return Signer.from_callback(self._sign, C2paSigningAlg.ES256, chain.decode())
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Signer.from_info(C2paSignerInfo(C2paSigningAlg.ES256, chain, key, None))

    def finish(self, content: bytes) -> bytes:
        """The signed file, with the certificate that is to be shown."""
        return content.replace(_der(self.certificate), self.shown) if self.shown else content

    def _sign(self, data: bytes) -> bytes:
        signature = self.key.sign(self.finish(data), ec.ECDSA(hashes.SHA256()))
        return b"".join(part.to_bytes(32, "big") for part in decode_dss_signature(signature))


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _name(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"{name} Ltd"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _uses(*uses: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{use: use in uses for use in KEY_USES})


def web_certificate(folder: Path, name: str) -> Path:
    """Key and certificate of a web server of that name, in one file; it vouches for itself."""
    key = _key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 30 * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    return path
