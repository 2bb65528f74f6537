"""gunicorn's threads, each watched while it waits for the head of a request."""

from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from portal.patience import watch


class PatientWorker(ThreadWorker):
    """See `portal.patience`; the body is watched where the application reads it."""

    def handle(self, conn: Any) -> Any:
        """Serve one request."""
        with watch.waiting(conn.sock):
            return super().handle(conn)
