"""How fast a network trains on this machine: a few steps on noise, the first ones not counted."""

import time

import numpy as np

from ml.contract import TrainingConfig
from ml.datasets import LabelledImages
from ml.training.batches import Batches
from ml.training.learner import Learner

WARM_UP_STEPS = 2


def images_per_second(config: TrainingConfig, size: tuple[int, int], *, steps: int = 10) -> float:
    """Return how many images a second a run of this configuration would go through.

    Args:
        config: What to build, and how it is moved.
        size: (width, height) of the images.
        steps: How many are measured.

    Raises:
        ContractError, ArtifactError, TrainingError: As `Learner`.
    """
    learner = Learner(config, size, WARM_UP_STEPS + steps)
    batches = Batches(config, _noise(config.batch_size * (WARM_UP_STEPS + steps), size)).epoch(1)
    learner.begin_epoch(1)
    started = 0.0
    for number, (pixels, targets) in enumerate(batches):
        if number == WARM_UP_STEPS:
            learner.mean_totals(1)  # waits for the device
            started = time.perf_counter()
        learner.step(pixels, targets)
    learner.mean_totals(1)
    return steps * config.batch_size / (time.perf_counter() - started)


def _noise(count: int, size: tuple[int, int]) -> LabelledImages:
    width, height = size
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, height, width, 3), np.uint8)
    names = tuple(map(str, range(count)))
    return LabelledImages(pixels, (np.arange(count) % 2).astype(np.uint8), names, names)
