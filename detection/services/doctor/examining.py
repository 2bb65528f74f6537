"""Runs the checks, tells what they found, and has mended what may be."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from django.db import transaction

from detection.services.audit import audit_record
from detection.services.doctor import (
    certificate_checks,
    file_checks,
    machine_checks,
    work_checks,
)
from detection.services.doctor.contract import Check, Damage, Look

# The schema comes first: nothing else can be asked where it is another one.
CHECKS: tuple[Check, ...] = (
    *machine_checks.CHECKS,
    *certificate_checks.CHECKS,
    *work_checks.CHECKS,
    *file_checks.CHECKS,
)
MENDED_AT_ONCE = 1000

Told = Callable[[Check, Damage], None]


@dataclass(slots=True)
class Finding:
    """What one check found and what was done about it.

    Attributes:
        check: Which one.
        count: How much it found.
        mendable: How much of that `repair` mends.
        done: What `repair` did, in a sentence each.
    """

    check: Check
    count: int = 0
    mendable: int = 0
    done: list[str] = field(default_factory=list)


def examine(
    *,
    look: Look,
    checks: Sequence[Check] = CHECKS,
    repair: bool = False,
    tell: Told = lambda check, damage: None,
) -> Iterator[Finding]:
    """Yield what each check found; with `repair` what is safe to mend is mended.

    Args:
        look: What the checks share; closed at the end.
        checks: Which ones.
        repair: Whether to mend.
        tell: Is told of each damage when it is found.

    Raises:
        StorageUnavailable: The storage is away.
        DatabaseError: The database is.
    """
    try:
        for check in checks:
            finding = Finding(check)
            found = check.find(look)
            while batch := list(islice(found, MENDED_AT_ONCE)):
                finding.count += len(batch)
                for damage in batch:
                    finding.mendable += check.can_mend(damage)
                    tell(check, damage)
                if repair and check.repair is not None:
                    done = list(check.repair(look, batch))
                    finding.done += done
                    _record(check, batch, done)
            yield finding
            if check.name == "migration" and finding.count:
                return
    finally:
        look.close()


def _record(check: Check, batch: list[Damage], done: list[str]) -> None:
    if not done:
        return
    with transaction.atomic():
        audit_record(
            user=None,
            action="doctor_repair",
            subject=check.name,
            found=len(batch),
            done=done[:100],
        )
