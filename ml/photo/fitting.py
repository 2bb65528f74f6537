"""Fits a model of the photo track to one's own labelled pictures: reads, judges, learns."""

import dataclasses
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ml import calibration
from ml.contract import FitWarning, PhotoFigures
from ml.photo import network
from ml.photo.doubts import told
from ml.photo.features import Extractor
from ml.photo.figures import band, probability
from ml.photo.heads import PhotoHeads
from ml.photo.intake import LEAST_IMAGES, Intake, check_counts, take_in
from ml.photo.novelty import fit_novelty
from ml.photo.publishing import Fitted, store
from ml.photo.reading import Look, Picture, Reader
from ml.photo.validation import Degraded, Stopped, Validation, validate

__all__ = ["LEAST_IMAGES", "FitProgress", "Fitted", "Picture", "fit", "store"]

# Pictures of each class that are judged degraded as well: each takes three more looks.
DEGRADED = 24


@dataclass(frozen=True, slots=True)
class FitProgress:
    """Where a fit stands: pictures that were read, or small fits of the validation."""

    stage: Literal["reading", "validating"]
    done: int
    of: int


def fit(
    pictures: Sequence[Picture],
    *,
    cache: Path,
    threads: int | None = None,
    false_alarms: float = 0.05,
    seed: int = 7,
    progress: Callable[[FitProgress], None] = lambda step: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Fitted | None:
    """Fit a model to labelled pictures and judge what it is worth.

    Args:
        pictures: At least 20 of each class; those that cannot be read or are too small are left
            out and named.
        cache: Keeps what was measured of each picture, by its content.
        threads: Cores to use; `None` is all there are.
        false_alarms: Share of the REAL pictures that may be called FAKE, and the other way round.
        seed: The same pictures and seed give the same model.
        progress: Told of each step.
        should_stop: Asked between steps.

    Returns:
        The fitted model; `None` when it was stopped.

    Raises:
        PhotoError: `one_class_only`, `too_few_images`, `no_readable_images`, `all_near_copies` or
            `contradictory_labels`.
        ArtifactError: As `ml.photo.network.cached_graph`.
    """
    from threadpoolctl import threadpool_limits

    started = time.perf_counter()
    check_counts([picture.label for picture in pictures])
    graph = network.cached_graph(cache)
    reader = Reader(Extractor(graph), cache)
    with threadpool_limits(1):  # Small matrices, and every core looks at a picture of its own.
        try:
            looks = _read(pictures, reader, threads or _cores(), progress, should_stop)
            taken = take_in(pictures, looks)
            return _fitted(taken, graph, false_alarms, seed, started, progress, should_stop)
        except Stopped:
            return None


def _read(
    pictures: Sequence[Picture],
    reader: Reader,
    threads: int,
    progress: Callable[[FitProgress], None],
    should_stop: Callable[[], bool],
) -> list[Look | str]:
    looks: list[Look | str] = []
    for look in reader.look_all(pictures, _to_degrade(pictures), threads):
        looks.append(look)
        progress(FitProgress("reading", len(looks), len(pictures)))
        if should_stop():
            raise Stopped
    return looks


def _to_degrade(pictures: Sequence[Picture]) -> list[bool]:
    """Choose pictures evenly spread over each class."""
    chosen = np.zeros(len(pictures), np.bool_)
    for label in ("real", "fake"):
        places = np.flatnonzero([picture.label == label for picture in pictures])
        spread = np.linspace(0, len(places) - 1, min(DEGRADED, len(places)))
        chosen[places[np.unique(spread.astype(int))]] = True
    return chosen.tolist()


def _fitted(
    taken: Intake,
    graph: bytes,
    rate: float,
    seed: int,
    started: float,
    progress: Callable[[FitProgress], None],
    should_stop: Callable[[], bool],
) -> Fitted:
    def step(done: int, of: int) -> None:
        progress(FitProgress("validating", done, of))
        if should_stop():
            raise Stopped

    sample = taken.sample
    worth = validate(sample, _degraded(taken), rate=rate, seed=seed, step=step)
    learnt = sample.learn(seed)
    novelty = fit_novelty(sample.features, sample.labels, sample.groups, seed)
    low, high = probability(np.array(band(learnt.held_out, sample.labels, rate)))
    real = probability(learnt.held_out[sample.labels == 0])
    figures = _figures(taken, worth, rate, seed, told(taken, worth, seed))
    return Fitted(
        PhotoHeads(learnt.members, learnt.gain, learnt.offset, novelty),
        (float(low), float(high)),
        dataclasses.replace(figures, seconds=round(time.perf_counter() - started, 1)),
        graph,
        taken.skipped,
        calibration.false_alarms(real),
    )


def _degraded(taken: Intake) -> dict[str, Degraded]:
    """Return tier -> the pictures of which a degraded form was measured."""
    tiers: dict[str, Degraded] = {}
    names = dict.fromkeys(name for look in taken.looks for name in look.tiers)
    for name in names:
        places = np.array([i for i, look in enumerate(taken.looks) if name in look.tiers], np.intp)
        rows = [taken.looks[place].tiers[name] for place in places]
        members = {member: np.stack([row[member] for row in rows]) for member in rows[0]}
        tiers[name] = Degraded(places, members)
    return tiers


def _figures(
    taken: Intake, worth: Validation, rate: float, seed: int, warnings: tuple[FitWarning, ...]
) -> PhotoFigures:
    shorter = [min(look.size) for look in taken.looks]
    return PhotoFigures(
        real=worth.overall.real,
        fake=worth.overall.fake,
        groups=int(sum(count > 1 for count in Counter(taken.copies.tolist()).values())),
        unreadable=len(taken.skipped),
        shortest=min(shorter),
        longest=max(shorter),
        overall=worth.overall,
        members=worth.members,
        sources=worth.sources,
        tiers=worth.tiers,
        curve=worth.curve,
        expected_roc_auc=worth.expected_roc_auc,
        false_alarms=worth.false_alarms,
        false_alarms_interval=worth.false_alarms_interval,
        false_alarms_allowed=rate,
        misses=worth.misses,
        kept_as_known=worth.kept_as_known,
        warnings=warnings,
        seed=seed,
        coverage=worth.coverage,
        selective_accuracy=worth.selective_accuracy,
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
