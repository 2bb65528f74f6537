"""One pass over labelled images, as they are and degraded, that keeps answers and not pixels."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml import datasets
from ml.contract import ModelSpec
from ml.datasets import LabelledImages, LabelledItem
from ml.degradation import TIERS, Tier
from ml.errors import DatasetError
from ml.evaluation.metrics import Floats, Labels
from ml.inference import AnyDetector, Detector

__all__ = ["KEPT", "SEED", "Judged", "Kept", "judge", "judge_chunks", "judge_items", "tiers_of"]

SEED = 7
KEPT = 24


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """An image that was kept to be looked at, and what the model said of it."""

    pixels: npt.NDArray[np.uint8]
    label: int
    p_fake: float
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a model answered for each image of a set.

    Attributes:
        logits, labels: (n,); labels are 1 for FAKE.
        hashes: The n files' sha256.
        tiers: Degradation -> logits (n,) of the degraded images; not a number where a picture got
            too small to be judged.
        seconds: For reading, decoding and judging the images as they are.
        mistakes: The images that were wrong with the highest confidence, surest first.
        sample: Some images, chosen by their content hash: the same ones for every model.
        seed: Of the degradations' noise.
        novelties: (n,), above 1 where the model takes an image for unlike those it was validated
            on; `None` of models that cannot tell.
    """

    logits: Floats
    labels: Labels
    hashes: tuple[str, ...]
    unreadable: tuple[str, ...]
    tiers: dict[str, Floats]
    seconds: float
    mistakes: tuple[Kept, ...]
    sample: tuple[Kept, ...]
    seed: int
    novelties: Floats | None = None

    def p_fake(self, spec: ModelSpec) -> Floats:
        """Return calibrated P(FAKE) in [0, 1], (n,)."""
        return spec.calibration.probability(self.logits)


def tiers_of(detector: AnyDetector) -> tuple[Tier, ...]:
    """Return the degradations that a model of this kind is judged under."""
    if isinstance(detector, Detector):
        return TIERS
    from ml.photo.judging import PICTURE_TIERS

    return PICTURE_TIERS


def judge(
    detector: AnyDetector,
    data_path: Path,
    *,
    tiers: Sequence[Tier] = (),
    limit: int | None = None,
    progress: datasets.Progress | None = None,
    seed: int = SEED,
) -> Judged:
    """Let a detector answer for labelled images.

    The degradations are applied to the decoded pixels in the network's size, which then go to the
    network as they are, without another JPEG compression. Noise is drawn in the order of the
    images' names. For a model of the photo track they are applied to the whole picture.

    Args:
        detector: The model.
        data_path: A folder or zip with REAL/ and FAKE/ at any depth.
        tiers: Degradations under which the same images are judged once more, from `tiers_of`.
        limit: At most this many images, evenly spread over each class.
        progress: Called with (done, all) now and then.
        seed: Of the degradations' noise.

    Raises:
        DatasetError: As `ml.datasets.stream`.
    """
    if isinstance(detector, Detector):
        form = detector.spec.preprocessing
        chunks = datasets.stream(data_path, form, limit=limit, progress=progress)
        return judge_chunks(detector, chunks, tiers=tiers, seed=seed)
    from ml.photo.judging import judge_pictures

    title = data_path.name
    with datasets.listed(data_path, limit=limit) as files:
        judged = judge_pictures(detector, files, title, tiers=tiers, progress=progress, seed=seed)
    datasets.check_both(set(judged.labels.tolist()), title)
    return judged


def judge_items(
    detector: AnyDetector,
    items: Iterable[LabelledItem],
    title: str,
    *,
    tiers: Sequence[Tier] = (),
    progress: datasets.Progress | None = None,
    seed: int = SEED,
) -> Judged:
    """Let a detector answer for items that lie anywhere; one class alone will do.

    Args:
        items: In the order of the answers.
        title: What messages call them.

    The other args are those of `judge`.

    Raises:
        DatasetError: `too_few_images`, `too_many_unreadable` or `unknown_label`.
    """
    if isinstance(detector, Detector):
        form = detector.spec.preprocessing
        chunks = datasets.stream_items(items, form, progress=progress, source=title)
        judged = judge_chunks(detector, chunks, tiers=tiers, seed=seed)
        if not len(judged.labels):
            raise DatasetError("too_few_images", f"{title} has no image that can be read.")
        return judged
    from ml.photo.judging import judge_pictures

    files = datasets.readable_items(items)
    return judge_pictures(detector, files, title, tiers=tiers, progress=progress, seed=seed)


def judge_chunks(
    detector: Detector,
    chunks: Iterable[LabelledImages],
    *,
    tiers: Sequence[Tier] = (),
    seed: int = SEED,
) -> Judged:
    """Let a detector answer for labelled images that come in chunks, prepared for it.

    Args and the way of degrading are those of `judge`.
    """
    answers = _Answers(
        detector, [_Degraded(tier, seed, number) for number, tier in enumerate(tiers)]
    )
    started = time.perf_counter()
    for chunk in chunks:
        logits = detector.predict_arrays(chunk.pixels)[1]
        answers.seconds += time.perf_counter() - started
        answers.add(chunk, logits)
        started = time.perf_counter()
    return answers.judged(seed)


@dataclass(slots=True)
class _Degraded:
    """One degradation with its own stream of noise, so that none depends on another."""

    tier: Tier
    seed: int
    number: int
    logits: list[Floats] = field(default_factory=list)
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng([self.seed, self.number])


@dataclass(slots=True)
class _Answers:
    """What has been answered so far."""

    detector: Detector
    degraded: list[_Degraded]
    seconds: float = 0.0
    logits: list[Floats] = field(default_factory=list)
    labels: list[Labels] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    mistakes: list[tuple[float, Kept]] = field(default_factory=list)
    sample: list[tuple[str, Kept]] = field(default_factory=list)

    def add(self, chunk: LabelledImages, logits: Floats) -> None:
        self.logits.append(logits)
        self.labels.append(chunk.labels)
        self.hashes.extend(chunk.hashes)
        self.unreadable.extend(chunk.unreadable)
        for one in self.degraded:
            pixels = one.tier.apply(chunk.pixels, one.rng)
            one.logits.append(self.detector.predict_arrays(pixels)[1])
        self._keep(chunk, logits)

    def _keep(self, chunk: LabelledImages, logits: Floats) -> None:
        """Remember the surest mistakes and the sample, with a bounded number of pixels."""
        spec = self.detector.spec
        p_fake = spec.calibration.probability(logits)
        right = (p_fake >= spec.threshold) == (chunk.labels == 1)
        wrongness = np.where(right, -1.0, np.abs(logits))
        surest = [int(i) for i in np.argsort(-wrongness, kind="stable")[:KEPT] if not right[i]]
        self.mistakes += [(-float(wrongness[i]), _kept(chunk, i, p_fake)) for i in surest]
        smallest = sorted(range(len(chunk)), key=chunk.hashes.__getitem__)[:KEPT]
        self.sample += [(chunk.hashes[i], _kept(chunk, i, p_fake)) for i in smallest]
        self.mistakes = sorted(self.mistakes, key=lambda pair: pair[0])[:KEPT]
        self.sample = sorted(self.sample, key=lambda pair: pair[0])[:KEPT]

    def judged(self, seed: int) -> Judged:
        return Judged(
            np.concatenate(self.logits),
            np.concatenate(self.labels),
            tuple(self.hashes),
            tuple(self.unreadable),
            {one.tier.name: np.concatenate(one.logits) for one in self.degraded},
            self.seconds,
            _pictures(self.mistakes),
            _pictures(self.sample),
            seed,
        )


def _kept(chunk: LabelledImages, index: int, p_fake: Floats) -> Kept:
    # A copy: a view would hold the pixels of the whole chunk.
    pixels = chunk.pixels[index].copy()
    return Kept(pixels, int(chunk.labels[index]), float(p_fake[index]), chunk.names[index])


def _pictures(ranked: Iterable[tuple[object, Kept]]) -> tuple[Kept, ...]:
    return tuple(kept for _, kept in ranked)
