"""The checks of explanations tell good maps from bad ones, by numbers that are known by hand."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import spearmanr

from ml import explanation_checks as checks
from ml.contract import Calibration, Domain, Evidence, ExplanationFigures, ModelSpec, Preprocessing
from ml.datasets import DatasetError, LabelledImages

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
        gradients = np.broadcast_to(self.weights / 64, maps.shape)
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


class TestDeletionAndInsertion:
    """An image whose left half is white and whose verdict is how white that half is."""

    PIXELS = np.zeros((1, 8, 8, 3), np.uint8)
    PIXELS[:, :, :4] = 255
    LEFT_FIRST = np.tile(np.arange(8, 0, -1.0), (1, 8, 1))

    @staticmethod
    def whiteness(pixels: Pixels) -> npt.NDArray[np.float64]:
        white: npt.NDArray[np.float64] = pixels[:, :, :4].mean(axis=(1, 2, 3)) / 255
        return white

    # The mean colour is 127.5, rounded to 128: what is deleted falls to 128 / 255 = .502. Over the
    # first half of the places it falls evenly, mean .751, and stays: (.751 + .502) / 2 = .626. From
    # the other side nothing happens for half of the places, then it falls: (1 + .751) / 2 = .875.
    @pytest.mark.parametrize(("sign", "by_hand"), [(1, 0.6265), (-1, 0.8755)])
    def test_deletion_is_the_area_under_the_curve(self, sign: int, by_hand: float) -> None:
        found = checks.deletion_auc(sign * self.LEFT_FIRST, self.PIXELS, self.whiteness, 0)
        assert found == pytest.approx(by_hand, abs=1e-4)

    def test_insertion_starts_blurred_and_ends_whole(self) -> None:
        good, bad = (
            checks.insertion_auc(sign * self.LEFT_FIRST, self.PIXELS, self.whiteness, 0)
            for sign in (1, -1)
        )
        start = float(self.whiteness(checks.gaussian_blur(self.PIXELS, 1.0))[0])
        # One rises while the other rests, by the same steps in the reverse order.
        assert good + bad == pytest.approx(1 + start, abs=1e-6)
        assert good > bad + 0.01

    def test_a_map_that_says_nothing_is_as_good_as_chance(self) -> None:
        flat = np.zeros((400, 8, 8))
        pixels = np.repeat(self.PIXELS, 400, axis=0)
        found = checks.deletion_auc(flat, pixels, self.whiteness, 1)
        assert found == pytest.approx((0.6265 + 0.8755) / 2, abs=0.01)


class TestHalves:
    """A real image of which one half comes from a generated one."""

    def test_each_side_is_replaced_as_a_whole(self) -> None:
        real, fake = np.zeros((2, 80, 32, 48, 3), np.uint8)
        fake += 1
        mixed, inside = checks.half_replaced(real, fake, seed=3)
        np.testing.assert_array_equal(mixed[..., 0] == 1, inside)
        np.testing.assert_array_equal(inside.mean(axis=(1, 2)), 0.5)
        assert {half.tobytes() for half in inside} == {
            half.tobytes() for half in np.stack(self.halves(32, 48))
        }

    @staticmethod
    def halves(height: int, width: int) -> list[npt.NDArray[np.bool_]]:
        empty = np.zeros((height, width), bool)
        left, top = empty.copy(), empty.copy()
        left[:, : width // 2] = True
        top[: height // 2] = True
        return [left, ~left, top, ~top]

    def test_there_are_as_many_pairs_as_of_the_rarer_class(self) -> None:
        mixed, inside = checks.half_replaced(
            np.zeros((3, 16, 16, 3), np.uint8), np.zeros((7, 16, 16, 3), np.uint8), seed=0
        )
        assert len(mixed) == len(inside) == 3

    def test_a_half_that_cuts_a_jpeg_block_is_refused(self) -> None:
        odd = np.zeros((1, 16, 24, 3), np.uint8)
        with pytest.raises(DatasetError, match=r"Received: 24x16\.") as caught:
            checks.half_replaced(odd, odd, seed=0)
        assert caught.value.code == "no_halves"


def test_share_inside_counts_the_positive_part() -> None:
    inside = np.zeros((1, 4, 4), bool)
    inside[:, :, :2] = True
    maps = np.array([[[3.0, 1.0], [-9.0, 2.0]]])  # left 3 of 6 in all; -9 speaks for the other
    assert checks.share_inside(maps, inside)[0] == pytest.approx(0.5)
    assert checks.share_inside(-maps, inside)[0] == pytest.approx(1)
    assert checks.share_inside(np.zeros((1, 2, 2)), inside)[0] == 0.5


def test_rank_correlation_is_spearmans() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.integers(0, 9, (2, 3, 4, 4)).astype(np.float64)
    by_scipy = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(checks.rank_correlations(one, other), by_scipy)
    np.testing.assert_array_equal(checks.rank_correlations(one, np.ones((3, 4, 4))), 0)


def test_sobel_finds_edges() -> None:
    pixels = np.zeros((1, 8, 8, 3), np.uint8)
    assert not checks.sobel(pixels, (4, 4)).any()
    pixels[:, :, 4:] = 10
    # Both columns beside the edge see a step of 10 under the weights 1 + 2 + 1.
    np.testing.assert_array_equal(checks.sobel(pixels, (4, 4)), [[[0, 20, 20, 0]] * 4])
    turned = checks.sobel(pixels.swapaxes(1, 2), (4, 4))
    np.testing.assert_array_equal(turned, checks.sobel(pixels, (4, 4)).swapaxes(1, 2))


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
        assert set(figures.methods) == set(checks.METHODS)
        for found in figures.methods.values():
            for baseline in figures.baselines.values():
                assert found.deletion_auc < baseline.deletion_auc - 0.02
                assert found.insertion_auc > baseline.insertion_auc + 0.02

    def test_the_evidence_is_found_in_the_replaced_half(self, figures: ExplanationFigures) -> None:
        for found in figures.methods.values():
            assert found.pointing_game is not None
            assert found.pointing_game > 0.95

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
