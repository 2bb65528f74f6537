"""gunicorn's threads, each watched while it waits for the head of a request."""

import socket
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from portal.patience import watch


class PatientWorker(ThreadWorker):
    """See `portal.patience`; the body is watched where the application reads it."""

    def handle(self, conn: Any) -> Any:
        """Serve one request."""
        plain = conn.sock
        # A second handle on the same connection: while the head is waited for, the handshake of TLS
        # puts another object in the place of this one, and takes its descriptor away.
        with (
            socket.fromfd(plain.fileno(), plain.family, plain.type) as same,
            watch.waiting(same),
        ):
            return super().handle(conn)
