"""How often the same place may ask for what needs no account."""

import hashlib
import time

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest

MINUTE = 60


def is_too_often(request: HttpRequest, action: str, *, per_minute: int) -> bool:
    """Count a request, and tell whether its address has made more than so many this minute.

    allauth's own limits pass over requests that only read. The address comes from it, as it
    knows the proxies; the cache holds a hash of it.
    """
    address = get_adapter().get_client_ip(request)
    place = hashlib.sha256(address.encode()).hexdigest()[:32]
    key = f"throttle:{action}:{place}:{int(time.time()) // MINUTE}"
    cache.add(key, 0, timeout=2 * MINUTE)
    try:
        return cache.incr(key) > per_minute
    except ValueError:
        # It ran out between the two calls.
        return False
