"""The model alone, each way of running it in a process of its own, so that none warms another.

`python -m bench.model FOLDER COUNT RUNTIME` prints the figures of one runtime as JSON,
`python -m bench.model FOLDER COUNT loops` those of the bare loops.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import psutil

from bench.baseline import PlainKeras
from bench.sample import cifake_sample, high_water_mark
from ml import artifacts
from ml.inference import Detector, RuntimeName
from ml.preprocessing import prepare

THREADS = 2  # What the portal's worker uses by default.
BATCH = 64
BATCHES = 20
ROUNDS = 3
RUNTIMES = ("litert", "tensorflow", "keras")

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class RuntimeFigures:
    """One way of running the model.

    Seconds from the start of the process to its first answer with heatmap; medians in milliseconds
    for one prepared image; images a second in batches of 64; peak memory in MB (10^6 bytes).
    """

    seconds_to_first_answer: float
    milliseconds_plain: float
    milliseconds_with_heatmap: float
    images_per_second_batched: float
    peak_megabytes: float


@dataclass(frozen=True)
class LoopFigures:
    """Images a second through the detector, and through loops that do nothing besides.

    Attributes:
        detector: Prepared images in batches of 64.
        bare: The same views of the same batches put through the interpreter alone.
        files: Real files one by one, decoded, judged and explained.
    """

    detector: float
    bare: float
    files: float


@dataclass(frozen=True)
class ModelFigures:
    """The model alone: by each runtime, and in loops."""

    runtimes: dict[str, RuntimeFigures]
    loops: LoopFigures

    @property
    def heatmap_factor(self) -> float:
        """How many times as long a prediction takes with its heatmap."""
        served = self.runtimes["litert"]
        return served.milliseconds_with_heatmap / served.milliseconds_plain

    @property
    def gain(self) -> float:
        """How many times as long Keras' predict with a generic Grad-CAM takes."""
        plain_keras = self.runtimes["keras"].milliseconds_with_heatmap
        return plain_keras / self.runtimes["litert"].milliseconds_with_heatmap

    @property
    def loop_share(self) -> float:
        """What share of the bare loop's throughput the detector reaches."""
        return self.loops.detector / self.loops.bare


class Subject(Protocol):
    """What is measured."""

    def predict_arrays(self, pixels: Pixels) -> object:
        """Answer without heatmaps."""
        ...

    def explain_arrays(self, pixels: Pixels) -> object:
        """Answer with heatmaps."""
        ...


def measure_runtime(folder: Path, count: int, runtime: str) -> RuntimeFigures:
    """Measure one way of running the model on `count` real CIFAKE images."""
    blank = np.zeros((1, *reversed(artifacts.read_spec(folder).input_size), 3), np.uint8)
    subject = _subject(folder, runtime)
    subject.explain_arrays(blank)
    first = time.time() - psutil.Process().create_time()
    images = _images(folder, count)
    batch = np.resize(images, (BATCH, *images.shape[1:]))
    subject.predict_arrays(batch)
    # The two are measured in turns, so that whatever else the machine does meets both alike.
    plain, explained = [], []
    for _ in range(ROUNDS):
        plain.append(median_milliseconds(lambda n: subject.predict_arrays(images[n, None]), count))
        explained.append(
            median_milliseconds(lambda n: subject.explain_arrays(images[n, None]), count)
        )
    return RuntimeFigures(
        seconds_to_first_answer=first,
        milliseconds_plain=statistics.median(plain),
        milliseconds_with_heatmap=statistics.median(explained),
        images_per_second_batched=_rate(lambda: subject.predict_arrays(batch), BATCH),
        peak_megabytes=high_water_mark(psutil.Process().pid),
    )


def measure_loops(folder: Path, count: int) -> LoopFigures:
    """Measure the detector beside the bare interpreter, in turns, and then on whole files."""
    detector = Detector.load(folder, threads=THREADS)
    images = _images(folder, count)
    batch = np.resize(images, (BATCH, *images.shape[1:]))
    bare = _bare_pass(folder, batch)
    rates = [
        (_rate(lambda: detector.predict_arrays(batch), BATCH), _rate(bare, BATCH))
        for _ in range(ROUNDS)
    ]
    through_detector, alone = (statistics.median(rate) for rate in zip(*rates, strict=True))
    files = [content for _, content in cifake_sample(count)]
    detector.warm_up()
    started = time.perf_counter()
    for content in files:
        detector.predict([content])
    return LoopFigures(through_detector, alone, count / (time.perf_counter() - started))


def median_milliseconds(act: Callable[[int], object], count: int) -> float:
    """The median time of `act(0) … act(count - 1)`, one after the other."""
    durations = []
    for number in range(count):
        started = time.perf_counter()
        act(number)
        durations.append(time.perf_counter() - started)
    return 1000 * statistics.median(durations)


def _subject(folder: Path, runtime: str) -> Subject:
    if runtime == "keras":
        return PlainKeras(folder)
    name: RuntimeName = "tensorflow" if runtime == "tensorflow" else "litert"
    return Detector.load(folder, threads=THREADS, runtime=name)


def _images(folder: Path, count: int) -> Pixels:
    form = artifacts.read_spec(folder).preprocessing
    return np.stack([prepare(content, form) for _, content in cifake_sample(count)])


def _rate(act: Callable[[], object], images: int) -> float:
    """Images a second over a number of calls; one goes before, for buffers are made once."""
    act()
    started = time.perf_counter()
    for _ in range(BATCHES):
        act()
    return images * BATCHES / (time.perf_counter() - started)


def _bare_pass(folder: Path, batch: Pixels) -> Callable[[], object]:
    """The interpreter alone on all views of a batch, which are made and laid out beforehand."""
    from ai_edge_litert.interpreter import Interpreter

    spec, graph = artifacts.read_graph(folder)
    if graph is None:
        sys.exit(f"{folder} has no compiled graph: `python -m ml compile --model {folder}`.")
    views = np.concatenate([batch, batch[:, :, ::-1]]) if spec.flip_averaging else batch
    interpreter = Interpreter(model_content=graph, num_threads=THREADS)
    (entry,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(entry["index"], views.shape, strict=True)
    interpreter.allocate_tensors()
    outputs = interpreter.get_output_details()
    (logits,) = (output["index"] for output in outputs if len(output["shape"]) == 2)

    def act() -> object:
        interpreter.set_tensor(entry["index"], views)
        interpreter.invoke()
        return interpreter.get_tensor(logits)

    return act


def main(folder: str, count: str, what: str) -> None:
    """Print one part of the figures as JSON."""
    if what == "loops":
        print(json.dumps(asdict(measure_loops(Path(folder), int(count)))))
    else:
        print(json.dumps(asdict(measure_runtime(Path(folder), int(count), what))))


if __name__ == "__main__":
    main(*sys.argv[1:])
