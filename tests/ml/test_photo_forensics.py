"""Forensic features see what they are named for, keep their values, and stay moderate."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy import fft

from ml.photo.forensics import FEATURES, describe
from tests.ml import photo_models

# Of `photo_models.pixels(224, 224, seed=3)`.
GOLDEN = {
    0: 19.6408,
    10: 10.3072,
    28: 9.7425,
    40: 9.5188,
    59: 7.0529,
    80: 0.6666,
    130: -3.9671,
    200: 0.1013,
    252: 0.0126,
    270: 0.005,
    345: 0.0043,
    395: 0.0371,
    410: -5.0077,
    450: -1.7513,
    485: 0.9078,
    500: -0.1298,
}
SPECTRUM, SIZES, ZEROS, OFF_GRID = slice(0, 29), slice(59, 123), slice(123, 186), slice(186, 250)
ACROSS, DOWN = slice(250, 258), slice(258, 266)
SPREAD = 266  # of the Laplacian residual of the luma


def described(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    (row,) = describe(pixels[None])
    return row


def jpeg(pixels: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def test_values_stay_what_they_were() -> None:
    found = described(photo_models.pixels(224, 224, seed=3))
    assert found.shape == (FEATURES,)
    assert {place: float(found[place]) for place in GOLDEN} == pytest.approx(GOLDEN, abs=2e-3)


def test_a_crop_is_described_alike_in_any_company() -> None:
    crops = np.stack([photo_models.pixels(224, 224, seed) for seed in range(3)])
    together = describe(crops)
    assert np.array_equal(together, np.stack([described(crop) for crop in crops]))
    assert not np.allclose(together[0], together[1], atol=0.1)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((224, 224, 3), np.uint8),
        np.full((224, 224, 3), 255, np.uint8),
        np.full((224, 224, 3), (255, 0, 0), np.uint8),
        np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8),
        np.tile(np.array([0, 255], np.uint8), (224, 112))[..., None].repeat(3, -1),
    ],
)
def test_no_picture_gives_endless_values(pixels: npt.NDArray[np.uint8]) -> None:
    found = described(pixels)
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 40


def test_the_encoders_grid_is_seen_where_it_is() -> None:
    pixels = jpeg(photo_models.pixels(240, 240), 60)
    on, off = described(pixels[:224, :224]), described(pixels[4:228, 4:228])
    plain = described(photo_models.pixels(224, 224))
    # Rounded away: far more coefficients vanish, and only as long as the grid is met.
    assert on[ZEROS].mean() > off[ZEROS].mean() > plain[ZEROS].mean()
    assert np.abs(on[OFF_GRID]).mean() > 3 * np.abs(plain[OFF_GRID]).mean()
    # The third difference over a block's edge begins three pixels before it.
    assert on[ACROSS].argmax() == on[DOWN].argmax() == 6
    assert off[ACROSS].argmax() == off[DOWN].argmax() == 2


def test_the_transform_is_the_cosine_transform() -> None:
    # Horizontal waves of one frequency in every block: all of the power in one coefficient.
    wave = fft.idct(np.eye(8)[3] * 150, norm="ortho")
    rows = np.rint(128 + np.tile(wave, 28)).astype(np.uint8)
    pixels = np.broadcast_to(rows[None, :, None], (224, 224, 3)).copy()
    sizes = described(pixels)[SIZES].reshape(8, 8)
    sizes[0, 0] = 0
    assert int(sizes.argmax()) == 3 * 8
    assert np.exp(sizes[3, 0]) == pytest.approx(150 * np.sqrt(8), rel=0.02)


def test_rings_hold_their_frequencies() -> None:
    frequency = np.hypot(np.fft.fftfreq(224)[:, None], np.fft.rfftfreq(224))
    for ring in (5, 14, 25):
        band = np.abs(frequency * 56 - (ring + 0.5)) < 0.5
        waves = np.fft.rfft2(np.random.default_rng(ring).normal(0, 1, (224, 224))) * band
        grey = np.fft.irfft2(waves)
        pixels = np.rint(128 + 30 * grey / grey.std())[..., None].repeat(3, -1).astype(np.uint8)
        assert described(pixels)[SPECTRUM][1:].argmax() + 1 == ring


def test_grain_is_seen_and_measured() -> None:
    rng = np.random.default_rng(0)
    spreads = []
    for sigma in (2.0, 8.0):
        grey = np.clip(np.rint(128 + rng.normal(0, sigma, (224, 224, 1))), 0, 255)
        spreads.append(described(grey.repeat(3, -1).astype(np.uint8))[SPREAD])
    # The kernel's root sum of squares is 1.5, so the logarithms are those of 3 and 12.
    assert spreads == pytest.approx(np.log([3.0, 12.0]), abs=0.03)
