"""Tells before certificates end by which the installation's own servers are trusted."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from django.conf import settings
from django.utils import timezone

# Time enough to have new ones issued by somebody else.
SOON = dt.timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Ending:
    """A file whose certificate ends soon, or cannot be read.

    Attributes:
        path: Which one.
        ends_at: When; `None` where nobody can tell.
    """

    path: str
    ends_at: dt.datetime | None

    @property
    def sentence(self) -> str:
        """What is wrong with it."""
        if self.ends_at is None:
            return "it cannot be read as a certificate"
        tense = "ends" if self.ends_at > timezone.now() else "ended"
        return f"it {tense} on {self.ends_at:%Y-%m-%d}, and servers are refused from then on"


def certificates_ending(*, now: dt.datetime | None = None) -> list[Ending]:
    """Return those of this process's certificates that end within 90 days.

    A file that this process is not given, such as the web service's own, is for others to tell of.
    """
    until = (now or timezone.now()) + SOON
    ends = [(path, _end(path)) for path in settings.TLS_CERTIFICATES if Path(path).is_file()]
    return [Ending(path, end) for path, end in ends if end is None or end < until]


def _end(path: str) -> dt.datetime | None:
    """Return when what a file is for ends: of authorities the last one, else the server's own."""
    try:
        first, *others = x509.load_pem_x509_certificates(Path(path).read_bytes())
        if not _is_authority(first):
            return first.not_valid_after_utc
    except (OSError, ValueError):
        return None
    return max(one.not_valid_after_utc for one in (first, *others))


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
