"""Tasks on images that wait for a verdict: analyses, heatmaps, and the sweep."""

import logging
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_ready
from django.conf import settings

from detection import ml_gateway
from detection.models import ModelVersion, Track
from detection.services import analysis, explanations, sweeper
from detection.tasks.boundary import task_boundary

log = logging.getLogger(__name__)


@shared_task(name=analysis.ANALYSE_IMAGE, bind=True)
def analyse_image(self: Task, analysis_id: int) -> None:
    """Analyse one image. Delivered twice, the second time does nothing."""
    _analyse(analysis_id, self.request.hostname or "")


@shared_task(name=analysis.ANALYSE_FACES, bind=True)
def analyse_faces(self: Task, analysis_id: int) -> None:
    """Find and judge the faces in one image. Delivered twice, the second time does nothing."""
    # Before the claim: loading takes long on a busy machine, and is no part of this image's time.
    _load(Track.FACE)
    _analyse(analysis_id, self.request.hostname or "")


def _analyse(analysis_id: int, worker: str) -> None:
    def fail(sentence: str) -> None:
        claim = analysis.claimed_by(analysis_id=analysis_id, worker=worker)
        if claim:
            analysis.analysis_fail(claim=claim, code="internal", sentence=sentence)

    with task_boundary(f"analysis {analysis_id}", fail):
        analysis.analysis_run(analysis_id=analysis_id, worker=worker)


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
    """Put back on the road what fell between the processes."""
    sweeper.sweep()


@worker_ready.connect
def take_up_analyses(sender: Any, **_: Any) -> None:
    """Take back what this worker left behind; before the first image, load its champion."""
    queues = sender.app.amqp.queues.consume_from
    if {"inference", "faces", "background"} & set(queues):
        sweeper.worker_started(worker=sender.hostname)
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
        warm_up(champion.directory, champion.spec, threads=settings.INFERENCE_THREADS)
    except ml_gateway.GatewayError as error:
        log.warning("%s cannot be loaded: %s", champion.label, error.sentence)
    else:
        # For faces this is asked before each image, and true from the first one on.
        level = logging.DEBUG if track == Track.FACE else logging.INFO
        log.log(level, "%s is loaded", champion.label)
