"""A connection to one looked-at address, every step of which keeps to one clock."""

import http.client
import io
import socket
import ssl
from functools import lru_cache
from typing import Any, BinaryIO

from detection.outbound.addresses import IP, Address
from detection.outbound.contract import Clock, OutboundRefused, Rules


class PinnedConnection(http.client.HTTPConnection):
    """Speaks HTTP with the address that was checked, under the name that was asked for.

    Python's own client, with nothing but the opening of the socket replaced: so the name is not
    resolved a second time, by when somebody might answer otherwise. It follows no redirects, knows
    no proxies and unpacks nothing.
    """

    def __init__(self, address: Address, chosen: IP, rules: Rules, clock: Clock) -> None:
        """Nothing is opened yet."""
        super().__init__(address.host, address.port)
        self._address, self._chosen = address, chosen
        self._rules, self._clock = rules, clock
        self._raw: socket.socket | None = None

    def connect(self) -> None:
        """Open the socket; with TLS, to a server that can prove the name."""
        seconds = self._clock.left(self._rules.connect_seconds)
        raw = socket.create_connection((str(self._chosen), self._address.port), timeout=seconds)
        try:
            if self._address.scheme == "https":
                # The handshake as a whole has this long.
                raw.settimeout(self._clock.left(self._rules.connect_seconds))
                raw = _context(self._rules.ca_file).wrap_socket(
                    raw, server_hostname=self._address.host
                )
        except BaseException:
            raw.close()
            raise
        self._raw = raw
        self.sock: Any = _TimedSocket(raw, self._clock)

    def end(self) -> None:
        """Close the socket, once the answer is read."""
        self.close()
        if self._raw is not None:
            self._raw.close()


class _TimedSocket:
    """As much of a socket as an HTTP client needs; each call gets the time that is left."""

    def __init__(self, raw: socket.socket, clock: Clock) -> None:
        self._raw, self._clock = raw, clock

    def sendall(self, data: Any) -> None:
        """Send all of it."""
        self._raw.settimeout(self._clock.left())
        self._raw.sendall(data)

    def makefile(self, mode: str) -> BinaryIO:
        """Return a reader; a reader that were the socket's own would wait anew for each byte."""
        return io.BufferedReader(_TimedReader(self._raw, self._clock))

    def close(self) -> None:
        """Leave it open: the client lets go of it before the answer is read to its end."""


class _TimedReader(io.RawIOBase):
    def __init__(self, raw: socket.socket, clock: Clock) -> None:
        self._raw, self._clock = raw, clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._raw.settimeout(self._clock.left())
        return self._raw.recv_into(buffer)


@lru_cache(maxsize=4)
def _context(ca_file: str) -> ssl.SSLContext:
    """Return what verifies servers; reading some hundred certificates takes longer than asking."""
    return ssl.create_default_context(cafile=ca_file or None)


def trouble(error: Exception, address: Address, clock: Clock) -> OutboundRefused:
    """Say in our words what went wrong with a connection."""
    host = address.host
    match error:
        case TimeoutError():
            return clock.ran_out()
        case ssl.SSLCertVerificationError():
            return OutboundRefused(
                "certificate_not_trusted", f"{host} has no certificate that is trusted here."
            )
        case http.client.HTTPException():
            return OutboundRefused(
                "answer_not_understood", f"{host} did not answer as HTTP asks.", is_temporary=True
            )
        case _:
            return OutboundRefused("unreachable", f"{host} cannot be reached.", is_temporary=True)
