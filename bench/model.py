"""The model alone, in a process of its own: one image, one image with heatmap, a full batch.

Run as `python -m bench.model FOLDER COUNT`, it prints its figures as JSON.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench.sample import cifake_sample
from ml.inference import Detector
from ml.preprocessing import prepare

THREADS = 2  # What the portal's worker uses by default.
BATCH = 64
BATCHES = 20
ROUNDS = 3


@dataclass(frozen=True)
class ModelFigures:
    """Medians in milliseconds for one prepared image, and images a second."""

    milliseconds_plain: float
    milliseconds_with_heatmap: float
    images_per_second_batched: float
    images_per_second_bare: float

    @property
    def heatmap_factor(self) -> float:
        """How many times as long a prediction takes with its heatmap."""
        return self.milliseconds_with_heatmap / self.milliseconds_plain


def median_milliseconds(act: Callable[[int], object], count: int) -> float:
    """The median time of `act(0) … act(count - 1)`, one after the other."""
    durations = []
    for number in range(count):
        started = time.perf_counter()
        act(number)
        durations.append(time.perf_counter() - started)
    return 1000 * statistics.median(durations)


def measure(folder: Path, count: int) -> ModelFigures:
    """Measure the model in `folder` on `count` real CIFAKE files."""
    detector = Detector.load(folder, threads=THREADS)
    detector.warm_up()
    files = [content for _, content in cifake_sample(count)]
    images = np.stack([prepare(content, detector.spec.preprocessing) for content in files])
    batch = np.resize(images, (BATCH, *images.shape[1:]))
    # The two are measured in turns, so that whatever else the machine does meets both alike.
    plain, explained = [], []
    for _ in range(ROUNDS):
        plain.append(median_milliseconds(lambda n: detector.predict_arrays(images[n, None]), count))
        explained.append(
            median_milliseconds(lambda n: detector.explain_arrays(images[n, None]), count)
        )
    started = time.perf_counter()
    for _ in range(BATCHES):
        detector.predict_arrays(batch)
    batched = BATCH * BATCHES / (time.perf_counter() - started)
    started = time.perf_counter()
    for content in files:
        detector.predict([content], with_heatmap=True)
    bare = count / (time.perf_counter() - started)
    return ModelFigures(statistics.median(plain), statistics.median(explained), batched, bare)


if __name__ == "__main__":
    print(json.dumps(asdict(measure(Path(sys.argv[1]), int(sys.argv[2])))))
