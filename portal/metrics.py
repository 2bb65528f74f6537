"""Hands metrics to Prometheus: what the processes measured, and what the database knows of queues.

`METRICS_TOKEN` turns all of it on. The web process speaks for every process that writes into the
same folder; where workers have a machine of their own, these answer themselves on `METRICS_PORT`.
"""

import contextlib
import logging
import socket
import threading
from collections.abc import Iterable, Iterator
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from celery.signals import worker_init
from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from detection import telemetry

log = logging.getLogger(__name__)


def measure() -> bool:
    """Have this process measure, where the installation asks for it.

    Returns:
        Whether it does.
    """
    if not settings.METRICS_TOKEN:
        return False
    return telemetry.configure(settings.METRICS_ROOT)


@worker_init.connect
def measure_work(**_: Any) -> None:
    """Have a worker measure; and serve what its machine measured, where no web process does."""
    if measure() and settings.METRICS_PORT:
        serve(settings.METRICS_PORT)


# -- asked for ---------------------------------------------------------------------------------


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer Prometheus, if it brings the token; without one to bring there is no such page."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("Not found\n", status=404, content_type="text/plain")
    if not is_allowed(request.headers.get("Authorization", "")):
        denied = HttpResponse("Bring the token\n", status=401, content_type="text/plain")
        denied["WWW-Authenticate"] = "Bearer"
        return denied
    body, content_type = exposition(*measured(), *queues())
    return HttpResponse(body, content_type=content_type)


def is_allowed(authorization: str) -> bool:
    """Tell whether a header brings the token."""
    scheme, _, token = authorization.partition(" ")
    return scheme.lower() == "bearer" and constant_time_compare(token, settings.METRICS_TOKEN)


def exposition(*metrics: Any) -> tuple[bytes, str]:
    """Return metrics as text, and its content type."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

    class Collected:
        def collect(self) -> Iterable[Any]:
            return metrics

    registry = CollectorRegistry()
    registry.register(Collected())
    return generate_latest(registry), CONTENT_TYPE_LATEST


def measured() -> list[Any]:
    """Return the sums of all processes that write into the folder."""
    from prometheus_client.multiprocess import MultiProcessCollector

    return list(MultiProcessCollector(None, path=str(settings.METRICS_ROOT)).collect())


def queues() -> Iterator[Any]:
    """Yield what waits, as the database knows it; without a database only that it is away."""
    from prometheus_client.core import GaugeMetricFamily

    from detection.models import Priority
    from detection.services import workers, workload

    is_up = GaugeMetricFamily("veripix_database_up", "Whether the database answers.")
    depth = GaugeMetricFamily(
        "veripix_queue_depth", "Analyses that wait.", labels=("queue", "priority")
    )
    running = GaugeMetricFamily("veripix_queue_running", "Analyses in work.", labels=("queue",))
    oldest = GaugeMetricFamily(
        "veripix_queue_oldest_seconds", "How long the oldest one has waited.", labels=("queue",)
    )
    waiting = GaugeMetricFamily(
        "veripix_waiting", "What waits beside analyses, counted to 10,000.", labels=("kind",)
    )
    alive = GaugeMetricFamily("veripix_workers", "Workers that are alive.", labels=("queue",))
    memory = GaugeMetricFamily(
        "veripix_worker_memory_bytes", "What a worker holds in memory.", labels=("worker",)
    )
    try:
        figures, others = workload.queue_figures(), workload.others_waiting()
    except DatabaseError as error:
        log.warning("no figures of the queues: %s", type(error).__name__)
        is_up.add_metric((), 0)
        yield is_up
        return
    is_up.add_metric((), 1)
    for one in figures:
        for priority in Priority:
            depth.add_metric((one.queue, priority.name.lower()), one.waiting.get(priority, 0))
        running.add_metric((one.queue,), one.running)
        oldest.add_metric((one.queue,), one.oldest_seconds or 0)
    for kind, count in others.items():
        waiting.add_metric((kind,), count)
    by_queue: dict[str, int] = {}
    with contextlib.suppress(*workers.CACHE_ERRORS):
        for sign in workers.workers_alive():
            memory.add_metric((sign.name,), sign.memory_bytes)
            for queue in sign.queues:
                by_queue[queue] = by_queue.get(queue, 0) + 1
    for queue, count in sorted(by_queue.items()):
        alive.add_metric((queue,), count)
    yield from (is_up, depth, running, oldest, waiting, alive, memory)


# -- a port of its own -------------------------------------------------------------------------


class _Server(ThreadingMixIn, WSGIServer):
    """Shares its port with the other workers of the machine: each can answer for all."""

    daemon_threads = True
    allow_reuse_port = True

    def server_bind(self) -> None:
        """Bind without asking the name service who we are."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "metrics", self.server_address[1]
        self.setup_environ()


class _Quiet(WSGIRequestHandler):
    """Logs no request, and gives up on those that send nothing."""

    timeout = 5

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def answer(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer what comes to the port, by the same rule as the page of the web process."""
    if not is_allowed(environ.get("HTTP_AUTHORIZATION", "")):
        start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer")])
        return [b"Bring the token\n"]
    body, content_type = exposition(*measured())
    start_response("200 OK", [("Content-Type", content_type)])
    return [body]


def serve(port: int) -> WSGIServer | None:
    """Answer on a port, from a thread, until the process ends.

    Returns:
        The server; `None` where the port cannot be had, without which work goes on.
    """
    try:
        server = _Server(("", port), _Quiet)
    except OSError as error:
        log.warning("no metrics on port %s: %s", port, error.strerror)
        return None
    server.set_app(answer)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def forget() -> None:
    """Delete what processes that are gone have measured; call it while none is running."""
    for file in settings.METRICS_ROOT.glob("*.db"):
        file.unlink(missing_ok=True)
