"""The heatmap speaks for the verdict, and can be looked at."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from ml.heatmaps import colourise, towards_verdict
from tests.images import encoded


def test_evidence_speaks_for_the_verdict() -> None:
    signed = np.array([[4.0, 1.0], [-2.0, 0.0]])
    np.testing.assert_array_equal(towards_verdict(signed, is_fake=True), [[1, 0.25], [0, 0]])
    np.testing.assert_array_equal(towards_verdict(signed, is_fake=False), [[0, 0], [1, 0]])
    assert towards_verdict(signed, is_fake=True).dtype == np.float32


def test_no_evidence_stays_zero_and_is_no_nan() -> None:
    np.testing.assert_array_equal(towards_verdict(-np.ones((8, 8)), is_fake=True), 0.0)
    np.testing.assert_array_equal(towards_verdict(np.zeros((8, 8)), is_fake=False), 0.0)


class TestColourise:
    """The picture of a heatmap."""

    def test_it_has_the_size_that_was_asked_for(self) -> None:
        picture = colourise(np.zeros((8, 8), np.float32), (120, 60))
        assert (picture.size, picture.mode) == ((120, 60), "P")

    def test_more_evidence_is_lighter_in_even_steps(self) -> None:
        values = np.linspace(0, 1, 11)[None].astype(np.float32)
        colours = np.asarray(colourise(values, (11, 1)).convert("RGB"))[0]
        steps = np.diff([lightness(colour) for colour in colours])
        assert steps.min() > 4
        assert steps.max() < 13

    def test_scaling_up_is_smooth_and_stays_within_the_ramp(self) -> None:
        values = np.zeros((8, 8), np.float32)
        values[3, 4] = 1.0
        picture = np.asarray(colourise(values, (256, 256)).convert("RGB")).astype(int)
        assert np.abs(np.diff(picture, axis=0)).max() < 32  # of some 240 between the extremes
        peak = np.unravel_index(picture.sum(axis=-1).argmax(), (256, 256))
        assert peak == pytest.approx((112, 144), abs=2)

    def test_where_nobody_looked_the_picture_is_bare(self) -> None:
        values = np.full((8, 8), np.nan, np.float32)
        values[:, 4:] = [0.0, 0.5, 0.5, 1.0]
        picture = colourise(values, (80, 80))
        opacity = np.asarray(picture.convert("RGBA"))[..., 3]
        assert (opacity[:, :40] == 0).all()
        assert (opacity[:, 40:] == 255).all()
        kept = Image.open(io.BytesIO(encoded(picture, "PNG")))
        assert kept.mode == "P"
        np.testing.assert_array_equal(np.asarray(kept.convert("RGBA"))[..., 3], opacity)


def lightness(colour: npt.NDArray[np.uint8]) -> float:
    """CIELAB L* of an sRGB colour."""
    linear = np.where(
        colour / 255 <= 0.04045, colour / 255 / 12.92, ((colour / 255 + 0.055) / 1.055) ** 2.4
    )
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    return float(116 * luminance ** (1 / 3) - 16) if luminance > 0.008856 else 903.3 * luminance
