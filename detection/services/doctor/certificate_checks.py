"""A check of the certificates by which the installation's own servers are trusted."""

from collections.abc import Iterator

from detection.services.certificates import certificates_ending
from detection.services.doctor.contract import Check, Damage, Look


def _ending(look: Look) -> Iterator[Damage]:
    for ending in certificates_ending(now=look.now):
        yield Damage(ending.path, ending.sentence)


CHECKS = (
    Check(
        "certificate",
        "Certificates end within 90 days; then no program talks to database, broker or web.",
        _ending,
        left="Have them made anew: see TLS in docs/operations.md.",
    ),
)
