"""The stages of a run that fits heads to features of photographs: pictures are read, then judged.

Nothing is held back from it: every picture is judged by heads that never saw it. What was read of
a picture is kept until the run ends, so that a run that lost its worker goes on from there.
"""

import time
from pathlib import Path

from django.conf import settings

from detection import ml_gateway
from detection.ml_gateway import FitStep
from detection.models import Stage, TrainingRun
from detection.services.training.lines import photo_items, withdrawn_count
from detection.services.training.reporter import Reporter, Stopped, persist

FEATURES_FOLDER = "features"
STAGES = {"reading": Stage.PREPARING, "validating": Stage.VALIDATING}


def fit_make(claim: TrainingRun, out_dir: Path, reporter: Reporter) -> None:
    """Fit a model to the run's snapshot and store it, validated.

    Raises:
        Stopped: When the run is to end.
        GatewayError: With the code of the science: it fits nothing on nonsense.
    """
    items, gone = persist(lambda: (photo_items(claim.snapshot), withdrawn_count(claim.snapshot)))
    reporter.log("Making the network ready.")
    if gone:
        reporter.log(f"Deleted since the snapshot and left out: {gone:,} images.")
    is_fitted = ml_gateway.photo_fit(
        items,
        claim.directory / FEATURES_FOLDER,
        out_dir,
        name=claim.model_name,
        source=str(claim.snapshot),
        threads=settings.TRAINING_THREADS,
        false_alarms=claim.config["false_alarms"],
        seed=claim.config["seed"],
        progress=_Progress(reporter),
        should_stop=reporter.should_stop,
    )
    if not is_fitted:
        raise Stopped


class _Progress:
    """Tells the row where a fit stands, and how fast pictures are read."""

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self.stage: Stage | None = None
        self.first, self.began = 0, 0.0

    def __call__(self, step: FitStep) -> None:
        stage = STAGES[step.stage]
        if stage != self.stage:
            self.stage, self.first, self.began = stage, step.done, time.monotonic()
            if stage == Stage.PREPARING:
                self.reporter.log(f"Reading {step.of:,} pictures.")
            if stage == Stage.VALIDATING:
                self.reporter.log("Judging each picture by models that never saw it.")
        self.reporter.tell(stage=stage, step=step.done, steps=step.of)
        seconds = time.monotonic() - self.began
        if stage == Stage.PREPARING and step.done > self.first and seconds > 0:
            self.reporter.tell(images_per_second=(step.done - self.first) / seconds)
