"""One page for staff on what the installation is doing, which keeps itself up to date."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from detection.models import Queue, Track
from detection.services import installation, workers, workload
from detection.services.certificates import certificates_ending
from detection.services.workload import COUNTED, QueueFigures

# After so many sweeps that did not come nobody sweeps any more.
MISSED_SWEEPS = 4
SLOWEST_GAP = 30
CACHE_AWAY = "The cache cannot be reached, so nobody knows which workers are alive."
# What waits beside analyses: its name, and the queue of the workers that do it.
OTHERS = {
    "batches": ("Batches to unpack", "errands"),
    "fetches": ("Addresses to fetch", "errands"),
    "webhooks": ("Messages to webhooks", "errands"),
    "views": ("Views to draw", "pictures"),
    "heatmaps": ("Heatmaps to draw", "pictures"),
    "training": ("Training runs", "training"),
}


@never_cache
@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """Show the page to staff with any right; asked by htmx, only what changes on it."""
    user: Any = request.user
    if not user.has_module_perms("detection"):
        raise PermissionDenied
    if request.headers.get("HX-Request"):
        return render(request, "admin/status/_status.html", figures())
    context = {**admin.site.each_context(request), "title": "Status", **figures()}
    return render(request, "admin/status/page.html", context)


def figures() -> dict[str, Any]:
    """Return what the page shows."""
    queues, states = workload.queue_figures(), installation.worker_states()
    is_cache_away = states is None
    states = states or []
    swept = None if is_cache_away else workers.seconds_since_sweep()
    storage = installation.storage_state()
    lately = workload.done_lately()
    named = {*Queue.values, *(queue for _, queue in OTHERS.values())}
    on_queue = {queue: sum(queue in state.sign.queues for state in states) for queue in named}
    waiting = workload.others_waiting()
    return {
        "queues": [(one, on_queue[one.queue]) for one in queues],
        "workers": states,
        "can_ping": settings.HAS_REDIS,
        "lately": lately,
        "rates": [(track.label, lately.per_minute.get(track.value, 0.0)) for track in Track],
        "failures": workload.failures_lately(),
        "others": [
            (name, queue, waiting[kind], waiting[kind] == COUNTED, on_queue[queue])
            for kind, (name, queue) in OTHERS.items()
        ],
        "database": installation.database_state(),
        "storage": storage,
        "champions": installation.champions(),
        "seconds_since_sweep": swept,
        "version": settings.VERSION,
        "troubles": [
            *([CACHE_AWAY] if is_cache_away else _missing(queues, on_queue, swept)),
            *_full(storage),
            *(f"{one.path}: {one.sentence}." for one in certificates_ending()),
        ],
    }


def _missing(
    queues: list[QueueFigures], on_queue: dict[str, int], swept: float | None
) -> Iterator[str]:
    """Yield in a sentence each who is not at work and should be."""
    for one in queues:
        if one.depth and not on_queue[one.queue]:
            waiting = "1 image waits" if one.depth == 1 else f"{one.depth:,} images wait"
            yield f"{waiting} in the queue {one.label}, and no worker is there."
    if swept is None or swept > MISSED_SWEEPS * settings.SWEEP_SECONDS + SLOWEST_GAP:
        yield "Nobody has swept lately: beat does not run, or no worker takes its tasks."


def _full(storage: installation.StorageState) -> Iterator[str]:
    """Yield what is wrong with where files are kept."""
    if not storage.is_reachable:
        yield "The file storage cannot be reached."
    elif storage.is_almost_full:
        yield "The disk is almost full."


urlpatterns = [path("", admin.site.admin_view(status), name="status")]
