"""How often one person may ask: counted by the minute in the cache that all processes share."""

import hashlib
import logging
import math
import time
from dataclasses import dataclass

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from rest_framework.request import Request

from detection.services.workers import CACHE_ERRORS

log = logging.getLogger(__name__)

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much of this minute's requests is left.

    `reset` is the number of seconds until all of them are there again.
    """

    limit: int
    remaining: int
    reset: int
    is_spent: bool

    @property
    def headers(self) -> dict[str, str]:
        """The headers that tell it, with each answer."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


def allowance_take(request: Request) -> Allowance:
    """Count a request, by person, or by address where nobody is known.

    All tokens of a person count together, else a second token would double what they may.
    """
    now = time.time()
    minute = int(now) // MINUTE
    try:
        taken = _counted(f"api:{_who(request)}:{minute}")
    except CACHE_ERRORS as error:
        # Images are taken in while Redis is away; so nobody is counted then.
        log.warning("requests are not counted, as the cache is away: %s", error)
        taken = 0
    limit = settings.API_RATE_PER_MINUTE
    reset = max(1, math.ceil((minute + 1) * MINUTE - now))
    return Allowance(limit, max(0, limit - taken), reset, taken > limit)


def _counted(key: str) -> int:
    cache.add(key, 0, timeout=2 * MINUTE)
    try:
        return int(cache.incr(key))
    except ValueError:
        # It ran out between the two calls.
        return 1


def _who(request: Request) -> str:
    if request.user and request.user.is_authenticated:
        return f"user-{request.user.pk}"
    # The address comes from allauth, as it knows the proxies; the cache holds a hash of it.
    try:
        address = get_adapter().get_client_ip(request._request)
    except PermissionDenied:
        # It cannot be told, as behind a socket file: they all count as one.
        address = ""
    return f"place-{hashlib.sha256(address.encode()).hexdigest()[:32]}"
