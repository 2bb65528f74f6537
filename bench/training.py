"""How busy training keeps its device: our loop, with all augmentation, beside Keras' bare `fit`.

Run as `python -m bench.training`, it prints its figures as JSON.
"""

import json
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass

import numpy as np

from ml import architectures
from ml.contract import TrainingConfig
from ml.datasets import LabelledImages
from ml.quiet import import_tensorflow

STEPS = 16
ROUNDS = 5
# What the network learns from does not matter for its speed, what is done to the images does.
CONFIG = TrainingConfig(cutmix=0.5, degradation=0.25, label_smoothing=0.0)


@dataclass(frozen=True)
class TrainingFigures:
    """Medians of training images a second, on the same network, optimiser, batch and precision."""

    images_per_second: float
    images_per_second_bare: float

    @property
    def ratio(self) -> float:
        """What our loop reaches of the bare one's speed."""
        return self.images_per_second / self.images_per_second_bare


def measure(config: TrainingConfig = CONFIG, *, steps: int = STEPS) -> TrainingFigures:
    """Measure both in turns, so that whatever else the machine does meets both alike."""
    import_tensorflow()
    images = _images(config, steps * config.batch_size)
    ours, bare = _ours(config, images), _bare(config, images)
    for epoch in (ours, bare):
        epoch()  # compiles
    seconds = [(_seconds(ours), _seconds(bare)) for _ in range(ROUNDS)]
    speeds = (len(images) / statistics.median(column) for column in zip(*seconds, strict=True))
    return TrainingFigures(*speeds)


def _ours(config: TrainingConfig, images: LabelledImages) -> Callable[[], object]:
    """An epoch as `ml.training.fit` runs it, but for validation and checkpoint."""
    from ml.training.batches import Batches, ahead
    from ml.training.learner import Learner

    batches = Batches(config, images)
    learner = Learner(config, architectures.find(config.architecture).input_size, batches.steps)

    def epoch() -> None:
        learner.begin_epoch(1)
        with closing(ahead(batches.epoch(1))) as ready:
            for pixels, targets in ready:
                learner.step(pixels, targets)
        learner.mean_totals(batches.steps)

    return epoch


def _bare(config: TrainingConfig, images: LabelledImages) -> Callable[[], object]:
    """An epoch of Keras' `fit` on arrays in memory, compiled as Keras does by default."""
    import keras

    from ml.training import device
    from ml.training.optimisers import optimiser

    network = architectures.build(
        config.architecture,
        config.architecture_options,
        input_size=architectures.find(config.architecture).input_size,
        precision=device.precision(config),
    )
    network.compile(
        optimiser(config, config.peak_learning_rate, 1000, 0),
        keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
    )
    pixels, labels = images.pixels.astype(np.float32), images.labels.astype(np.float32)[:, None]
    size = config.batch_size
    return lambda: network.fit(pixels, labels, batch_size=size, epochs=1, verbose=0)


def _images(config: TrainingConfig, count: int) -> LabelledImages:
    width, height = architectures.find(config.architecture).input_size
    rng = np.random.default_rng(config.seed)
    pixels = rng.integers(0, 256, (count, height, width, 3), np.uint8)
    names = tuple(f"{index:06}" for index in range(count))
    return LabelledImages(pixels, (np.arange(count) % 2).astype(np.uint8), names, names)


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


if __name__ == "__main__":
    print(json.dumps(asdict(measure())))
