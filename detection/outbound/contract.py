"""What a request may at most, and why one was given up."""

import time
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

Network = IPv4Network | IPv6Network


class OutboundRefused(Exception):
    """A request was not made, or its answer is not taken.

    Attributes:
        code: For programs.
        sentence: For people.
        is_temporary: Whether the same may succeed in a while.
        status: What the server answered, where it did.
    """

    def __init__(
        self, code: str, sentence: str, *, is_temporary: bool = False, status: int | None = None
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.is_temporary = is_temporary
        self.status = status


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits of one request.

    Attributes:
        ports: To which it may go.
        networks: That are exempt from the rule that an address be public.
        seconds: For all of it together: names, connection, redirects, answer.
        connect_seconds: For one connection.
        redirects: How many are followed, where any are.
        max_bytes: Of an answer that is kept.
        user_agent: How it introduces itself.
        ca_file: Certificates to trust instead of the system's; empty for the system's.
    """

    ports: frozenset[int] = frozenset({80, 443})
    networks: tuple[Network, ...] = ()
    seconds: float = 20
    connect_seconds: float = 5
    redirects: int = 3
    max_bytes: int = 20_000_000
    user_agent: str = "Veripix"
    ca_file: str = ""


class Clock:
    """Counts one request's time down, whatever it is spent on."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._started = time.monotonic()

    def left(self, most: float | None = None) -> float:
        """Return the seconds that are left, at most this many.

        Raises:
            OutboundRefused: `too_slow`, when there are none.
        """
        left = self._started + self._seconds - time.monotonic()
        if left <= 0:
            raise self.ran_out()
        return left if most is None else min(left, most)

    def ran_out(self) -> OutboundRefused:
        """Return the error of a request that took too long."""
        return OutboundRefused(
            "too_slow",
            f"The server did not answer to the end within {self._seconds:g} seconds.",
            is_temporary=True,
        )
