"""What a check is: its name, what it means, how damage is found, and how it is mended."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.conf import settings
from django.utils import timezone

from detection.services.doctor.files import GRACE, Comparison, files_compare

# So many leases work may be late before that is damage: until then the sweep sees to it.
LEASES = 5


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is wrong.

    Attributes:
        subject: Which row, file or place.
        sentence: What is wrong with it.
        what: What `repair` needs to know.
    """

    subject: str
    sentence: str
    what: Any = None


@dataclass
class Look:
    """One look at the installation, and what its checks share.

    Attributes:
        grace: What is younger is on its way, and no damage.
        deep: Whether files are read whole.
    """

    grace: dt.timedelta = GRACE
    deep: bool = False
    now: dt.datetime = field(default_factory=timezone.now)

    @cached_property
    def files(self) -> Comparison:
        """Rows against the storage: one pass for all checks that need it."""
        return files_compare(grace=self.grace, now=self.now)

    @property
    def lease(self) -> dt.datetime:
        """Work that was taken up before then is beyond any patience."""
        return self.now - LEASES * dt.timedelta(seconds=settings.ANALYSIS_LEASE_SECONDS)

    def close(self) -> None:
        """Let go of what was written down."""
        if "files" in self.__dict__:
            self.files.ledger.close()


Find = Callable[[Look], Iterator[Damage]]
# Takes some of what was found; returns in a sentence each what it did.
Repair = Callable[[Look, list[Damage]], Iterator[str]]
# Tells whether `repair` can do anything about this one.
Mends = Callable[[Damage], bool]


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of damage.

    Attributes:
        name: For programs.
        means: What it means where something is found, for people.
        find: Looks, and changes nothing.
        repair: Mends; only where that is safe.
        left: What people do about what is not mended.
        mends: What of it can be mended, where that is not all.
    """

    name: str
    means: str
    find: Find
    repair: Repair | None = None
    left: str = ""
    mends: Mends = lambda damage: True

    def can_mend(self, damage: Damage) -> bool:
        """Tell whether this damage can be mended without people."""
        return self.repair is not None and self.mends(damage)
