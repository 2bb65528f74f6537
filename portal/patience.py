"""Ends connections that hold a thread of the web process with next to nothing.

A thread reads a request, and the sender decides how fast: with a byte a second, as many senders as
there are threads would leave none for anybody else. So each wait for bytes is watched, for a head
and for each piece of a body, and the reading side of the connection is shut when it lasts too
long. A proxy that takes requests in whole before it passes them on protects better still.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

# In seconds, for one head, or for one piece of a body: Django asks for 64 kB at a time, so that
# 3 kB a second are fast enough.
PATIENCE = 20.0
# As long as hardly a thread is free for others: 22 kB a second.
IN_A_HURRY = 3.0
# How often it is looked.
TICK = 0.25

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class TooSlow(OSError):
    """The body did not come, or not fast enough; Django makes `UnreadablePostError` of it."""


class Watch:
    """Shuts sockets that are waited for longer than patience lasts.

    Args:
        busy: From so many waits on, patience is short.
    """

    def __init__(self, busy: int, *, patience: float = PATIENCE, hurry: float = IN_A_HURRY) -> None:
        self._busy, self._patience, self._hurry = busy, patience, hurry
        self._since: dict[socket.socket, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def begin(self, connection: socket.socket) -> None:
        """A thread waits for bytes of this connection from now on."""
        with self._changed:
            self._since[connection] = time.monotonic()
            if self._thread is None:
                # Not before the first request: threads do not survive the fork.
                self._thread = threading.Thread(target=self._run, name="patience", daemon=True)
                self._thread.start()
            self._changed.notify()

    def end(self, connection: socket.socket) -> None:
        """It waits no more."""
        with self._changed:
            self._since.pop(connection, None)

    @contextmanager
    def waiting(self, connection: socket.socket) -> Iterator[None]:
        """Watch while this lasts."""
        self.begin(connection)
        try:
            yield
        finally:
            self.end(connection)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._since)
                late = self._late()
            for connection in late:
                _shut(connection)
            time.sleep(TICK)

    def _late(self) -> list[socket.socket]:
        """Take those out for which patience has ended; the longest waits come first."""
        patience = self._hurry if len(self._since) >= self._busy else self._patience
        before = time.monotonic() - patience
        late = [connection for connection, since in self._since.items() if since <= before]
        for connection in late:
            del self._since[connection]
        return late


# The one of this process. Of the eight threads in gunicorn.conf.py, two are for the others.
watch = Watch(busy=6)


class WatchedBody:
    """A request's body that is watched while it is read; a short one is an error.

    Without that, a form whose second half never came would be taken for a whole one.
    """

    def __init__(self, body: Any, connection: socket.socket, length: int, watch: Watch) -> None:
        self._body, self._connection, self._watch = body, connection, watch
        self._left = length

    def read(self, size: int | None = None) -> bytes:
        """Return so many bytes, or all that are left.

        Raises:
            TooSlow: They did not come.
        """
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        with self._watch.waiting(self._connection):
            piece: bytes = self._body.read(wanted)
        return self._counted(piece, wanted)

    def readline(self, size: int | None = None) -> bytes:
        """Return a line."""
        with self._watch.waiting(self._connection):
            line: bytes = self._body.readline(self._left if size is None else size)
        return self._counted(line, 1 if self._left else 0)

    def readlines(self, hint: int | None = None) -> list[bytes]:
        """Return all lines."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        """Yield line by line."""
        while line := self.readline():
            yield line

    def _counted(self, piece: bytes, wanted: int) -> bytes:
        self._left -= len(piece)
        if len(piece) < wanted:
            raise TooSlow("the rest of the request did not come")
        return piece


def patient(application: Application, watch: Watch) -> Application:
    """Return the application with watched bodies, where gunicorn serves it."""

    def serve(environ: Environ, start_response: Any) -> Iterable[bytes]:
        connection = environ.get("gunicorn.socket")
        if connection is not None:
            # The head is there.
            watch.end(connection)
            length = environ.get("CONTENT_LENGTH") or "0"
            if length.isdecimal() and int(length):
                body = environ["wsgi.input"]
                environ["wsgi.input"] = WatchedBody(body, connection, int(length), watch)
        return application(environ, start_response)

    return serve


def _shut(connection: socket.socket) -> None:
    try:
        # Not TLS's own way: that would also stop the answer that is still to be sent.
        socket.socket.shutdown(connection, socket.SHUT_RD)
    except OSError:
        # It is gone already.
        return
