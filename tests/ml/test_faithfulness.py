"""The measures tell good maps from bad ones, by numbers that are known by hand."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import spearmanr

from ml import faithfulness
from ml.degradation import gaussian_blur
from ml.errors import DatasetError

Pixels = npt.NDArray[np.uint8]


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
        found = faithfulness.deletion_auc(sign * self.LEFT_FIRST, self.PIXELS, self.whiteness, 0)
        assert found == pytest.approx(by_hand, abs=1e-4)

    def test_insertion_starts_blurred_and_ends_whole(self) -> None:
        good, bad = (
            faithfulness.insertion_auc(sign * self.LEFT_FIRST, self.PIXELS, self.whiteness, 0)
            for sign in (1, -1)
        )
        start = float(self.whiteness(gaussian_blur(self.PIXELS, 1.0))[0])
        # One rises while the other rests, by the same steps in the reverse order.
        assert good + bad == pytest.approx(1 + start, abs=1e-6)
        assert good > bad + 0.01

    def test_a_map_that_says_nothing_is_as_good_as_chance(self) -> None:
        flat = np.zeros((400, 8, 8))
        pixels = np.repeat(self.PIXELS, 400, axis=0)
        found = faithfulness.deletion_auc(flat, pixels, self.whiteness, 1)
        assert found == pytest.approx((0.6265 + 0.8755) / 2, abs=0.01)


class TestHalves:
    """A real image of which one half comes from a generated one."""

    def test_each_side_is_replaced_as_a_whole(self) -> None:
        real, fake = np.zeros((2, 80, 32, 48, 3), np.uint8)
        fake += 1
        mixed, inside = faithfulness.half_replaced(real, fake, seed=3)
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
        mixed, inside = faithfulness.half_replaced(
            np.zeros((3, 16, 16, 3), np.uint8), np.zeros((7, 16, 16, 3), np.uint8), seed=0
        )
        assert len(mixed) == len(inside) == 3

    def test_a_half_that_cuts_a_jpeg_block_is_refused(self) -> None:
        odd = np.zeros((1, 16, 24, 3), np.uint8)
        with pytest.raises(DatasetError, match=r"Received: 24x16\.") as caught:
            faithfulness.half_replaced(odd, odd, seed=0)
        assert caught.value.code == "no_halves"


def test_share_inside_counts_the_positive_part() -> None:
    inside = np.zeros((1, 4, 4), bool)
    inside[:, :, :2] = True
    maps = np.array([[[3.0, 1.0], [-9.0, 2.0]]])  # left 3 of 6 in all; -9 speaks for the other
    assert faithfulness.share_inside(maps, inside)[0] == pytest.approx(0.5)
    assert faithfulness.share_inside(-maps, inside)[0] == pytest.approx(1)
    assert faithfulness.share_inside(np.zeros((1, 2, 2)), inside)[0] == 0.5


def test_rank_correlation_is_spearmans() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.integers(0, 9, (2, 3, 4, 4)).astype(np.float64)
    by_scipy = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(faithfulness.rank_correlations(one, other), by_scipy)
    np.testing.assert_array_equal(faithfulness.rank_correlations(one, np.ones((3, 4, 4))), 0)


def test_sobel_finds_edges() -> None:
    pixels = np.zeros((1, 8, 8, 3), np.uint8)
    assert not faithfulness.sobel(pixels, (4, 4)).any()
    pixels[:, :, 4:] = 10
    # Both columns beside the edge see a step of 10 under the weights 1 + 2 + 1.
    np.testing.assert_array_equal(faithfulness.sobel(pixels, (4, 4)), [[[0, 20, 20, 0]] * 4])
    turned = faithfulness.sobel(pixels.swapaxes(1, 2), (4, 4))
    np.testing.assert_array_equal(turned, faithfulness.sobel(pixels, (4, 4)).swapaxes(1, 2))
