"""Every method is put to every check, on a network that is known whole."""

import numpy as np
import numpy.typing as npt
import pytest

from ml import datasets
from ml import explanation_checks as checks
from ml.cli.judging import SHIPPED
from ml.contract import Calibration, Domain, Evidence, ExplanationFigures, ModelSpec, Preprocessing
from ml.datasets import LabelledImages
from ml.explanation import METHODS
from ml.inference import Detector
from tests.data import data_file

Pixels = npt.NDArray[np.uint8]
SIDE = 16
SPEC = ModelSpec(
    name="grid",
    architecture="tiny",
    architecture_options={},
    preprocessing=Preprocessing(SIDE, SIDE),
    gradcam_layer="grid",
    domain=Domain(SIDE, SIDE, "Noise of two colours."),
    calibration=Calibration(),
    weights_sha256="",
)


class Grid:
    """A network that is known whole: it counts how many places are brighter than .6 in a colour.

    One channel for each of red, green and blue, over 2x2 pixels; the logit is their weighted mean.
    """

    def __init__(self, *weights: float) -> None:
        self.weights = np.array(weights, np.float32)

    def evidence(self, pixels: Pixels) -> Evidence:
        cells = pixels.reshape(len(pixels), 8, 2, 8, 2, 3).mean(axis=(2, 4), dtype=np.float32)
        maps = np.maximum(cells / 255 - 0.6, 0)
        gradients = np.broadcast_to(self.weights / np.float32(64), maps.shape)
        return Evidence(maps.mean(axis=(1, 2)) @ self.weights, maps, gradients)

    def logits(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        return self.evidence(pixels).logits


def spotted(count: int) -> LabelledImages:
    """FAKE has ten red spots on grey, REAL ten blue ones; ten green ones are there to mislead."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(110, 146, (count, SIDE, SIDE, 3)).astype(np.uint8)
    labels = (np.arange(count) % 2).astype(np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        for index, place in enumerate(rng.choice(64, 20, replace=False)):
            row, column = 2 * (place // 8), 2 * (place % 8)
            colour = 1 if index % 2 else (0 if label else 2)
            image[row : row + 2, column : column + 2, colour] += 70
    names = tuple(str(index) for index in range(count))
    return LabelledImages(pixels, labels, names, names)


RED_OR_BLUE = Grid(150, 0, -150)


@pytest.fixture(scope="module")
def figures() -> ExplanationFigures:
    """The figures of a network that looks at red and blue, beside two that look at green."""
    green = [Grid(0, 150, 0), Grid(0, -150, 0)]
    return checks.explanation_figures(RED_OR_BLUE, SPEC, spotted(60), randomised=green)


class TestFigures:
    """The figures of a network that looks at nothing but red and blue."""

    def test_every_method_is_better_than_what_knows_no_network(
        self, figures: ExplanationFigures
    ) -> None:
        assert set(figures.methods) == set(METHODS)
        for found in figures.methods.values():
            for baseline in figures.baselines.values():
                assert found.deletion_auc < baseline.deletion_auc - 0.02
                assert found.insertion_auc > baseline.insertion_auc + 0.02

    def test_the_evidence_is_found_in_the_replaced_half(self, figures: ExplanationFigures) -> None:
        for found in figures.methods.values():
            assert found.pointing_game is not None
            assert found.pointing_game > 0.9

    def test_a_network_that_looks_elsewhere_draws_other_maps(
        self, figures: ExplanationFigures
    ) -> None:
        for found in figures.methods.values():
            assert found.randomised_correlation == pytest.approx(0, abs=0.1)

    def test_they_tell_what_was_measured_and_travel_as_json(
        self, figures: ExplanationFigures
    ) -> None:
        assert (figures.images, figures.pairs, figures.map_size) == (60, 30, (8, 8))
        assert (figures.layer, figures.seed) == ("grid", 7)
        assert set(figures.baselines) == {"random", "sobel"}
        assert ExplanationFigures.from_json(figures.to_json()) == figures

    def test_the_same_network_draws_the_same_maps(self) -> None:
        found = checks.explanation_figures(
            RED_OR_BLUE, SPEC, spotted(8), randomised=[RED_OR_BLUE], methods=["grad-cam"]
        )
        assert found.methods["grad-cam"].randomised_correlation == pytest.approx(1)

    def test_progress_is_told_to_the_end(self) -> None:
        told: list[tuple[int, int]] = []
        checks.explanation_figures(
            RED_OR_BLUE,
            SPEC,
            spotted(4),
            methods=["grad-cam"],
            progress=lambda done, count: told.append((done, count)),
        )
        assert told == [(1, 3), (2, 3), (3, 3)]


def test_the_shipped_model_is_explained_better_than_by_chance() -> None:
    """On a sample; `python -m ml explain --check` tells the figures of 500 images."""
    detector = Detector.load(SHIPPED)
    images = datasets.load(data_file("cifake", "test.zip"), detector.spec.preprocessing, limit=40)
    found = checks.explanation_figures(
        detector.runtime,
        detector.spec,
        images,
        randomised=checks.untrained(detector.spec, seeds=(1,)),
        methods=["grad-cam"],
    )
    grad_cam, chance = found.methods["grad-cam"], found.baselines["random"]
    assert grad_cam.deletion_auc < chance.deletion_auc
    assert grad_cam.insertion_auc > chance.insertion_auc
    assert grad_cam.pointing_game is not None
    assert grad_cam.pointing_game > 0.6
    assert grad_cam.randomised_correlation is not None
    assert abs(grad_cam.randomised_correlation) < 0.5
