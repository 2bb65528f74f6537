"""Tells which addresses may be asked: taken apart, resolved, and every answer looked at."""

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, urlsplit

from detection.outbound.contract import Clock, OutboundRefused, Rules

IP = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
PORTS = {"http": 80, "https": 443}
MAX_LENGTH = 2000
# Of a name with many addresses this many are tried.
MOST_ADDRESSES = 4
# Beyond what Python knows to be private, which differs between its versions: protocol
# assignments, the relays of 6to4, and, of IPv6, everything outside of what is given out.
NOT_PUBLIC_4 = [ipaddress.IPv4Network(net) for net in ("192.0.0.0/24", "192.88.99.0/24")]
GIVEN_OUT_6 = ipaddress.IPv6Network("2000::/3")
NOT_PUBLIC_6 = [
    ipaddress.IPv6Network(net)
    for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16")
]
# Here an IPv4 address is the last 32 bits: a network without IPv4 reaches all of IPv4 by it.
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Address:
    """An address in its parts.

    Attributes:
        url: As it is asked for, with nothing in it that only a browser needs.
        scheme: `http` or `https`.
        host: A name, or an address in digits.
        port: Given, or the scheme's own.
        target: Path and query, as a request says them.
    """

    url: str
    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        """The server's name as a request says it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def address_parse(url: str, rules: Rules) -> Address:
    """Take an address apart; nothing is asked of anybody.

    Raises:
        OutboundRefused: `address_malformed`, `scheme_not_allowed`, `user_info_not_allowed`,
            `port_not_allowed`, and `address_not_allowed` for digits that are not public.
    """
    url = url.strip()
    if len(url) > MAX_LENGTH or any(c <= " " or c in "\\\x7f" for c in url):
        raise _malformed()
    try:
        parts = urlsplit(url)
        given, host = parts.port, parts.hostname or ""
        host = host if ":" in host else host.encode("idna").decode("ascii")
    except ValueError:
        raise _malformed() from None
    if parts.scheme not in PORTS:
        raise OutboundRefused(
            "scheme_not_allowed", "Only addresses with http:// or https:// are opened."
        )
    if not host:
        raise _malformed()
    if "@" in parts.netloc:
        raise OutboundRefused(
            "user_info_not_allowed", "An address with a user name or a password is not opened."
        )
    port = PORTS[parts.scheme] if given is None else given
    if port not in rules.ports:
        raise OutboundRefused("port_not_allowed", f"Port {port} is not opened.")
    digits = _as_digits(host)
    if digits is not None and not is_allowed(digits, rules):
        raise _not_allowed(host)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    query = "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~?[]") if parts.query else ""
    target = path + query
    address = Address("", parts.scheme, host, port, target)
    whole = f"{parts.scheme}://{address.host_header}{target}"
    return Address(whole, parts.scheme, host, port, target)


def addresses_of(address: Address, rules: Rules, clock: Clock, resolver: Resolver) -> list[IP]:
    """Return where a name leads, every one of the answers public; these alone may be asked.

    Raises:
        OutboundRefused: `name_unknown`, `too_slow`, or `address_not_allowed` when any of them lies
            in a network that is not public: who answers with both may answer with one next time.
    """
    try:
        answers = _resolved(address, clock, resolver)
    except socket.gaierror as error:
        is_temporary = error.errno == socket.EAI_AGAIN
        raise OutboundRefused(
            "name_unknown", f"{address.host} is not found.", is_temporary=is_temporary
        ) from None
    except (OSError, UnicodeError):
        raise OutboundRefused("name_unknown", f"{address.host} is not found.") from None
    found = [ipaddress.ip_address(answer) for answer in dict.fromkeys(answers)]
    if not found:
        raise OutboundRefused("name_unknown", f"{address.host} is not found.")
    if not all(is_allowed(one, rules) for one in found):
        raise _not_allowed(address.host)
    return found[:MOST_ADDRESSES]


def is_allowed(address: IP, rules: Rules) -> bool:
    """Tell whether an address is public, or exempt from having to be."""
    plain = embedded(address) or address
    return any(plain in network for network in rules.networks) or is_public(address)


def is_public(address: IP) -> bool:
    """Tell whether an address lies in the public internet, whatever form it is written in."""
    inner = embedded(address)
    if inner is not None:
        return is_public(inner)
    if isinstance(address, IPv6Address):
        if address not in GIVEN_OUT_6 or any(address in net for net in NOT_PUBLIC_6):
            return False
    elif any(address in net for net in NOT_PUBLIC_4):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def embedded(address: IP) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for: mapped, or behind NAT64."""
    if not isinstance(address, IPv6Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else None


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Ask the system for all addresses of a name; digits in any form become what they mean."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


def _resolved(address: Address, clock: Clock, resolver: Resolver) -> Sequence[str]:
    """Resolve beside this thread: the system's own patience cannot be set."""
    answers: queue.SimpleQueue[Sequence[str] | BaseException] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(address.host, address.port))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True, name="resolver").start()
    try:
        answer = answers.get(timeout=clock.left())
    except queue.Empty:
        raise clock.ran_out() from None
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _as_digits(host: str) -> IP | None:
    """Return a host that is an address in digits, as they are usually written; else nothing."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _malformed() -> OutboundRefused:
    return OutboundRefused(
        "address_malformed", "That is no address such as https://example.org/image.jpg."
    )


def _not_allowed(host: str) -> OutboundRefused:
    return OutboundRefused(
        "address_not_allowed", f"{host} lies in a network that is not opened from here."
    )
