"""Tasks on images that wait for a verdict: analyses, heatmaps, and the sweep."""

import logging
import time
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_ready
from django.conf import settings
from django.db import InterfaceError, OperationalError

from detection import ml_gateway
from detection.models import ModelVersion, Queue, Track
from detection.services import analysis, audit, explanations, feedback, sweeper
from detection.services.signatures import version_verify
from detection.services.storage import StorageUnavailable
from detection.services.turns import MICRO_BATCH
from detection.tasks.boundary import task_boundary

log = logging.getLogger(__name__)


class _Company:
    """Whether it pays to wait a moment for others before a claim: they share queries and commits.

    It does while images come one close after the other. Whoever comes alone waits for nobody, and
    where many wait already nothing more is waited for.
    """

    # Of what was ended less than this ago, the next one is a neighbour.
    near_seconds = 0.05
    # At most this long; the whole of a lone image takes twice as long.
    wait_seconds = 0.02
    enough = MICRO_BATCH // 4

    def __init__(self) -> None:
        self._ended_at, self._count = 0.0, 0

    def gather(self) -> None:
        """Wait, where it pays."""
        is_near = time.monotonic() - self._ended_at < self.near_seconds
        if is_near and self._count < self.enough:
            time.sleep(self.wait_seconds)

    def ended(self, count: int) -> None:
        """Note how many were ended together, and when."""
        if count:
            self._ended_at, self._count = time.monotonic(), count


_company = _Company()


@shared_task(name=analysis.ANALYSE_IMAGES, bind=True)
def analyse_images(self: Task, waiting: list[int], queue: str) -> None:
    """Analyse whoever is next in a queue. Delivered twice, the second time takes others or none."""
    worker = self.request.hostname or ""
    if queue == Queue.FACES:
        # Before the claim: loading takes long on a busy machine, and is no part of an image's time.
        _load(Track.FACE)

    def fail(sentence: str) -> None:
        sweeper.claims_fail(worker=worker, code="internal", sentence=sentence)

    with task_boundary(f"analyses {waiting}", fail):
        try:
            if queue == Queue.INFERENCE:
                _company.gather()
            _company.ended(analysis.analyses_run(waiting=waiting, queue=queue, worker=worker))
        except (OperationalError, InterfaceError) as error:
            # The database's trouble is no image's fault.
            log.warning("analyses %s are given back: %s", waiting, error)
            sweeper.worker_gives_back(worker=worker)


@shared_task(name=explanations.EXPLAIN_ANALYSIS)
def explain_analysis(explanation_id: int) -> None:
    """Draw another heatmap. Delivered twice, the second time does nothing."""

    def fail(sentence: str) -> None:
        explanations.explanation_fail(
            explanation_id=explanation_id, code="internal", sentence=sentence
        )

    with task_boundary(f"explanation {explanation_id}", fail):
        explanations.explanation_run(explanation_id=explanation_id)


@shared_task(name="detection.tasks.sweep")
def sweep() -> None:
    """Put back on the road what fell between the processes, and seal what was recorded since."""
    sweeper.sweep()
    audit.audit_seal()
    # Decodes and writes: what goes wrong there keeps nothing of the above from being done.
    with task_boundary("bringing reported images in", log.warning):
        feedback.feedback_sweep()


@worker_ready.connect
def take_up_analyses(sender: Any, **_: Any) -> None:
    """Take back what this worker left behind; before the first image, load its champion."""
    queues = sender.app.amqp.queues.consume_from
    if set(Queue.values) & set(queues):
        sweeper.worker_gives_back(worker=sender.hostname)
    if "inference" in queues:
        _load(Track.THUMBNAIL)
        _load(Track.PHOTO)
    # Faces are rare, and what finds them is large: it is loaded when the first image comes.


def _load(track: Track) -> None:
    """Load a track's champion; where that fails, its analyses will say so."""
    champion = ModelVersion.objects.champion_of(track)
    if champion is None:
        # For photographs that is how every installation starts: their analyses say so.
        if track != Track.PHOTO:
            log.warning("no model is registered; analyses will fail until one is")
        return
    warm_up = ml_gateway.warm_up_faces if track == Track.FACE else ml_gateway.warm_up
    try:
        # Also brings it here from the storage, where it was registered on another machine.
        version_verify(version=champion)
        warm_up(champion.directory, champion.spec, threads=settings.INFERENCE_THREADS)
    except (ml_gateway.GatewayError, StorageUnavailable) as error:
        log.warning("%s cannot be loaded: %s", champion.label, error.sentence)
    else:
        # For faces this is asked before each image, and true from the first one on.
        level = logging.DEBUG if track == Track.FACE else logging.INFO
        log.log(level, "%s is loaded", champion.label)
