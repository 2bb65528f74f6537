"""The two things that are asked: an image, and that a message be taken."""

import contextlib
import http.client
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import unquote, urljoin, urlsplit

from detection.outbound.addresses import (
    Address,
    Resolver,
    address_parse,
    addresses_of,
    system_resolver,
)
from detection.outbound.connection import PinnedConnection, trouble
from detection.outbound.contract import Clock, OutboundRefused, Rules

CHUNK = 1 << 16
REDIRECTS = (301, 302, 303, 307, 308)
# With these the same request may be answered otherwise in a while.
TEMPORARY = (408, 425, 429, 500, 502, 503, 504)
# What storages call a file of which they know nothing; what it is, its content tells.
UNSPECIFIC_TYPES = ("", "application/octet-stream", "binary/octet-stream")
DOCUMENT_TYPES = ("image/svg+xml",)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: from where in the end, under which name, how large in bytes."""

    url: str
    name: str
    byte_size: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said to a message, and after how many milliseconds."""

    status: int
    milliseconds: int


def fetch_image(
    url: str, target: BinaryIO, rules: Rules, *, resolver: Resolver = system_resolver
) -> Fetched:
    """Write what is at an address into a file, if it says that it is an image.

    Redirects are followed by hand, each under the same rules. What is in the file is not looked at.

    Raises:
        OutboundRefused: With the codes of `address_parse` and `addresses_of`, and `unreachable`,
            `certificate_not_trusted`, `answer_not_understood`, `too_slow`, `too_large`,
            `too_many_redirects`, `bad_status`, `not_an_image`, `compressed`.
    """
    clock = Clock(rules.seconds)
    headers = {"Accept": "image/*,*/*;q=0.1"}
    for _ in range(rules.redirects + 1):
        address = address_parse(url, rules)
        with _asked("GET", address, rules, clock, resolver, headers) as response:
            location = response.headers.get("Location")
            if response.status not in REDIRECTS or location is None:
                size = _kept(response, target, rules)
                return Fetched(address.url, _name(address), size)
            url = urljoin(address.url, location)
    raise OutboundRefused(
        "too_many_redirects", f"The address leads on more than {rules.redirects} times."
    )


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    rules: Rules,
    *,
    resolver: Resolver = system_resolver,
) -> Answer:
    """Hand a message over; of the answer only the status is read, and no redirect is followed.

    Raises:
        OutboundRefused: With the codes of `fetch_image` that have to do with reaching a server,
            `redirected`, and `bad_status` with any other answer but one of success.
    """
    clock, started = Clock(rules.seconds), time.monotonic()
    address = address_parse(url, rules)
    with _asked("POST", address, rules, clock, resolver, headers, body) as response:
        status = response.status
    if status in REDIRECTS:
        raise OutboundRefused(
            "redirected",
            f"{address.host} leads on to another address, which is not followed.",
            status=status,
        )
    if not 200 <= status < 300:
        raise _bad_status(address.host, status)
    return Answer(status, round(1000 * (time.monotonic() - started)))


@contextlib.contextmanager
def _asked(
    method: str,
    address: Address,
    rules: Rules,
    clock: Clock,
    resolver: Resolver,
    headers: Mapping[str, str],
    body: bytes | None = None,
) -> Iterator[http.client.HTTPResponse]:
    """Make one request and let its answer be read; all trouble is told as `OutboundRefused`."""
    connection = _opened(address, rules, clock, resolver)
    sent = {
        "Host": address.host_header,
        "User-Agent": rules.user_agent,
        # What comes packed could be small on its way and without end when unpacked.
        "Accept-Encoding": "identity",
        "Connection": "close",
        **headers,
    }
    try:
        connection.request(method, address.target, body, sent)
        yield connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        raise trouble(error, address, clock) from error
    finally:
        connection.end()


def _opened(address: Address, rules: Rules, clock: Clock, resolver: Resolver) -> PinnedConnection:
    """Connect to the first of the name's addresses that lets itself be connected to."""
    told = OutboundRefused("unreachable", f"{address.host} cannot be reached.", is_temporary=True)
    for chosen in addresses_of(address, rules, clock, resolver):
        connection = PinnedConnection(address, chosen, rules, clock)
        try:
            connection.connect()
        except TimeoutError:
            clock.left()  # Where that is used up too, it ends here.
        except OSError as error:
            told = trouble(error, address, clock)
        else:
            return connection
    raise told


def _kept(response: http.client.HTTPResponse, target: BinaryIO, rules: Rules) -> int:
    """Write an answer's body down, if it is one that may be, and return its size."""
    if response.status != http.client.OK:
        raise _bad_status("The server", response.status)
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    is_image = kind.startswith("image/") and kind not in DOCUMENT_TYPES
    if not is_image and kind not in UNSPECIFIC_TYPES:
        raise OutboundRefused("not_an_image", f"What is there is no image, but {kind[:80]}.")
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise OutboundRefused(
            "compressed", "The server sends the image packed once more, which is not unpacked."
        )
    if response.length is not None and response.length > rules.max_bytes:
        raise _too_large(rules)
    expected, size = response.length, 0
    while chunk := response.read1(CHUNK):
        size += len(chunk)
        if size > rules.max_bytes:
            raise _too_large(rules)
        target.write(chunk)
    if expected is not None and size < expected:
        raise http.client.IncompleteRead(b"", expected - size)
    return size


def _name(address: Address) -> str:
    """Return what a file from there is called."""
    return unquote(urlsplit(address.url).path.rpartition("/")[2]) or address.host


def _too_large(rules: Rules) -> OutboundRefused:
    return OutboundRefused(
        "too_large", f"What is there is larger than {rules.max_bytes / 1e6:g} MB."
    )


def _bad_status(who: str, status: int) -> OutboundRefused:
    return OutboundRefused(
        "bad_status",
        f"{who} answered with status {status}.",
        is_temporary=status in TEMPORARY,
        status=status,
    )
