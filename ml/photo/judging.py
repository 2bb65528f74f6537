"""One pass over labelled pictures, as they are and degraded, by a model of the photo track.

Unlike images for a network, pictures keep their size, so they are never held together; degradations
are applied to the whole picture.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.contract import Prediction
from ml.datasets import Progress, Readable, check_readable
from ml.degradation import Tier
from ml.errors import DatasetError, ImageReadError
from ml.evaluation.judging import KEPT, SEED, Judged, Kept
from ml.photo.degraded import TIERS as SENTENCES
from ml.photo.degraded import degrade
from ml.photo.detector import PhotoDetector
from ml.preprocessing import open_upright

__all__ = ["PICTURE_TIERS", "judge_pictures"]

# Longer side of what is kept to be looked at.
SHOWN_SIDE = 224
TOO_SMALL = "too_small"


def _applied(name: str, pixels: npt.NDArray[np.uint8], rng: object) -> npt.NDArray[np.uint8]:
    """Degrade a batch of pictures of one size (n, h, w, 3)."""
    return np.stack([np.asarray(degrade(Image.fromarray(picture), name)) for picture in pixels])


PICTURE_TIERS = tuple(
    Tier(name, sentence, partial(_applied, name)) for name, sentence in SENTENCES.items()
)


@dataclass(frozen=True, slots=True, eq=False)
class _Looked:
    """What came of one picture: an answer for it and for each tier, or why there is none."""

    name: str
    label: int
    sha256: str = ""
    seconds: float = 0.0
    answer: Prediction | None = None
    tiers: tuple[float, ...] = ()
    shown: npt.NDArray[np.uint8] | None = None
    error: str = ""
    is_damaged: bool = False


@dataclass(slots=True)
class _Answers:
    """What has been answered so far."""

    unreadable: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    looked: list[tuple[int, str, Prediction, tuple[float, ...]]] = field(default_factory=list)
    mistakes: list[tuple[float, str, Kept]] = field(default_factory=list)
    sample: list[tuple[str, Kept]] = field(default_factory=list)


def judge_pictures(
    detector: PhotoDetector,
    files: Sequence[Readable],
    title: str,
    *,
    tiers: Sequence[Tier] = (),
    progress: Progress | None = None,
    seed: int = SEED,
) -> Judged:
    """Let a detector answer for labelled pictures.

    Args:
        detector: The model; it looks at as many pictures at a time as it was given threads.
        files: Name, class and how to read each.
        title: What messages call them.
        tiers: Degradations under which the same pictures are judged once more; where one makes a
            picture too small to be looked at, its logit there is not a number.
        progress: Called with (done, all) after each picture.
        seed: Of the degradations' noise, drawn for each picture by itself.

    Raises:
        DatasetError: `too_few_images` when there is none that can be judged, `too_many_unreadable`
            when more than 1 % are damaged or gone; those that are too small are only listed.
    """
    look = partial(_look, detector, tiers, seed)
    answers = _Answers()
    seconds = 0.0
    for done, one in enumerate(_in_order(look, files, detector.threads), 1):
        _note(answers, one, detector)
        if one.is_damaged:
            check_readable(len(files), answers.damaged, title)
        seconds += one.seconds / detector.threads
        if progress:
            progress(done, len(files))
    if not answers.looked:
        first = f", the first of them {answers.unreadable[0]}" if answers.unreadable else ""
        raise DatasetError(
            "too_few_images",
            f"{title} must have pictures that can be judged. Received: {len(files)} files{first}",
        )
    return _judged(answers, tiers, seconds, seed)


def _in_order(
    look: "partial[_Looked]", files: Sequence[Readable], threads: int
) -> Iterator[_Looked]:
    """Look at several pictures at a time, but yield them in their order and hold few of them."""
    waiting = iter(files)
    with ThreadPoolExecutor(threads) as pool:
        while some := list(islice(waiting, 2 * threads)):
            yield from pool.map(look, some)


def _look(detector: PhotoDetector, tiers: Sequence[Tier], seed: int, file: Readable) -> _Looked:
    name, label, read = file
    started = time.perf_counter()
    try:
        content = read()
        image = open_upright(content)
        answer = detector.look(image)
    except FileNotFoundError:
        return _Looked(name, label, error="The file is gone.", is_damaged=True)
    except ImageReadError as error:
        is_damaged = error.code != TOO_SMALL
        return _Looked(name, label, error=error.sentence, is_damaged=is_damaged)
    sha256 = hashlib.sha256(content).hexdigest()
    seconds = time.perf_counter() - started
    degraded = [
        _degraded_logit(
            detector, image, tier, np.random.default_rng([seed, place, int(sha256, 16)])
        )
        for place, tier in enumerate(tiers)
    ]
    small = image.copy()
    small.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    return _Looked(name, label, sha256, seconds, answer, tuple(degraded), np.asarray(small))


def _degraded_logit(
    detector: PhotoDetector, image: Image.Image, tier: Tier, rng: np.random.Generator
) -> float:
    (pixels,) = tier.apply(np.asarray(image)[None], rng)
    try:
        return detector.look(Image.fromarray(pixels)).logit
    except ImageReadError:
        return float("nan")


def _note(answers: _Answers, one: _Looked, detector: PhotoDetector) -> None:
    """Remember an answer, and the picture where it is among the surest mistakes or the sample."""
    if one.answer is None or one.shown is None:
        line = f"{one.name}: {one.error}"
        answers.unreadable.append(line)
        if one.is_damaged:
            answers.damaged.append(line)
        return
    answers.looked.append((one.label, one.sha256, one.answer, one.tiers))
    kept = Kept(one.shown, one.label, one.answer.p_fake, one.name)
    if (one.answer.p_fake >= detector.spec.threshold) != (one.label == 1):
        answers.mistakes.append((-abs(one.answer.logit), one.sha256, kept))
        answers.mistakes = sorted(answers.mistakes, key=lambda entry: entry[:2])[:KEPT]
    answers.sample.append((one.sha256, kept))
    answers.sample = sorted(answers.sample, key=lambda entry: entry[0])[:KEPT]


def _judged(answers: _Answers, tiers: Sequence[Tier], seconds: float, seed: int) -> Judged:
    labels, hashes, predictions, degraded = zip(*answers.looked, strict=True)
    return Judged(
        logits=np.array([one.logit for one in predictions]),
        labels=np.array(labels, np.uint8),
        hashes=hashes,
        unreadable=tuple(answers.unreadable),
        tiers={
            tier.name: np.array([logits[place] for logits in degraded])
            for place, tier in enumerate(tiers)
        },
        seconds=seconds,
        mistakes=tuple(kept for _, _, kept in answers.mistakes),
        sample=tuple(kept for _, kept in answers.sample),
        seed=seed,
        novelties=np.array([np.nan if one.novelty is None else one.novelty for one in predictions]),
    )
