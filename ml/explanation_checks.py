"""Whether explanations explain: checks that a method can fail, beside maps that know no network."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ml import architectures, compiling
from ml.contract import ExplanationFigures, MapFigures, ModelSpec
from ml.datasets import LabelledImages, Progress
from ml.explanation import METHODS, signed_maps
from ml.faithfulness import (
    deletion_auc,
    half_replaced,
    insertion_auc,
    rank_correlations,
    share_inside,
    sobel,
)
from ml.inference import Detector
from ml.quiet import import_tensorflow
from ml.runtimes import Runtime
from ml.runtimes.litert import LiteRTRuntime

__all__ = ["explanation_figures", "untrained"]

# Images that are explained at a time: what bounds the memory for their activations.
AT_ONCE = 50
# Images on which the maps of a fresh network are compared; more would not move their mean.
FRESH_IMAGES = 50

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.uint8]


def explanation_figures(
    runtime: Runtime,
    spec: ModelSpec,
    images: LabelledImages,
    *,
    randomised: Sequence[Runtime] = (),
    methods: Sequence[str] = METHODS,
    seed: int = 7,
    progress: Progress | None = None,
) -> ExplanationFigures:
    """Put methods to four checks, and random and Sobel maps to the two that need no network.

    Args:
        runtime: The network that is explained.
        spec: Its spec.
        images: Real and generated ones; their maps explain what they are judged to be.
        randomised: The same network with fresh weights, once or more, for the check that a map
            depends on what was learnt (Adebayo et al. 2018, arXiv 1810.03292).
        methods: Some of `ml.explanation.METHODS`.
        seed: Of the random maps, of ties, and of the halves of the pointing game.
        progress: Called with (done, all) after each kind of map.

    Raises:
        DatasetError: `no_halves` when the images cannot be halved on whole JPEG blocks.
    """
    of_real, of_fake = (images.pixels[images.labels == label] for label in (0, 1))
    checks = _Checks(runtime, spec, images.pixels, *half_replaced(of_real, of_fake, seed), seed)
    count = len(methods) + 2
    figures: dict[str, MapFigures] = {}
    for method in methods:
        figures[method] = checks.method(method, randomised)
        if progress:
            progress(len(figures), count)
    rows, columns = checks.map_shape()
    rng = np.random.default_rng(seed)
    baselines = {"random": checks.baseline(rng.random((len(images), rows, columns)))}
    if progress:
        progress(count - 1, count)
    baselines["sobel"] = checks.baseline(sobel(images.pixels, (rows, columns)))
    if progress:
        progress(count, count)
    return ExplanationFigures(
        images=len(images),
        pairs=len(checks.mixed),
        layer=spec.gradcam_layer,
        map_size=(columns, rows),
        seed=seed,
        methods=figures,
        baselines=baselines,
    )


def untrained(spec: ModelSpec, seeds: Sequence[int] = (1, 2, 3)) -> list[Runtime]:
    """Return the spec's network with fresh weights, once for each seed; TensorFlow is imported.

    They run by the same compiled graph as the trained one, where its head allows that.
    """
    import_tensorflow()
    import keras

    detectors = []
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        network = architectures.build(
            spec.architecture, spec.architecture_options, input_size=spec.input_size
        )
        if compiling.can_compile(spec):
            runtime = LiteRTRuntime(compiling.compile_network(spec, network))
            detectors.append(Detector(spec, runtime))
        else:
            detectors.append(Detector.of(spec, network))
    return [detector.runtime for detector in detectors]


class _Checks:
    """One network, the images it is asked about, and what it says of them."""

    def __init__(
        self,
        runtime: Runtime,
        spec: ModelSpec,
        pixels: Pixels,
        mixed: Pixels,
        inside: Bools,
        seed: int,
    ) -> None:
        self.runtime, self.spec, self.seed = runtime, spec, seed
        self.pixels, self.mixed, self.inside = pixels, mixed, inside
        self.is_fake: Bools = np.asarray(self._p_fake(pixels) >= spec.threshold)

    def method(self, method: str, randomised: Sequence[Runtime]) -> MapFigures:
        """Return the figures of one method."""
        heat = _heat(self.runtime, method, self.pixels, self.is_fake)
        some = slice(None, None, max(1, len(heat) // FRESH_IMAGES))
        fresh = [
            _heat(network, method, self.pixels[some], self.is_fake[some]) for network in randomised
        ]
        correlations = [rank_correlations(heat[some], other).mean() for other in fresh]
        towards_fake = _heat(self.runtime, method, self.mixed, np.ones(len(self.mixed), bool))
        return MapFigures(
            *self._aucs(heat),
            pointing_game=float(share_inside(towards_fake, self.inside).mean()),
            randomised_correlation=float(np.mean(correlations)) if correlations else None,
        )

    def baseline(self, heat: Floats) -> MapFigures:
        """Return the figures of maps (n, h, w) that know no network."""
        return MapFigures(*self._aucs(heat))

    def map_shape(self) -> tuple[int, int]:
        """Return the rows and columns of the layer that is explained."""
        _, rows, columns, _ = self.runtime.evidence(self.pixels[:1]).maps.shape
        return rows, columns

    def _aucs(self, heat: Floats) -> tuple[float, float]:
        deleted = deletion_auc(heat, self.pixels, self._p_verdict, self.seed)
        return deleted, insertion_auc(heat, self.pixels, self._p_verdict, self.seed)

    def _p_fake(self, pixels: Pixels) -> Floats:
        return self.spec.calibration.probability(self.runtime.logits(pixels))

    def _p_verdict(self, pixels: Pixels) -> Floats:
        p_fake = self._p_fake(pixels)
        return np.where(self.is_fake, p_fake, 1 - p_fake)


def _heat(runtime: Runtime, method: str, pixels: Pixels, is_fake: Bools) -> Floats:
    """Return maps (n, h, w), larger where a place speaks more for the class that is asked for."""
    parts = [slice(start, start + AT_ONCE) for start in range(0, len(pixels), AT_ONCE)]
    maps = [
        signed_maps(
            method,
            runtime.evidence(pixels[part]),
            towards_fake=is_fake[part],
            pixels=pixels[part],
            forward=runtime.logits,
        )
        for part in parts
    ]
    return np.concatenate(maps) * np.where(is_fake, 1, -1)[:, None, None]
