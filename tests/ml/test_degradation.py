"""The degradations do what their numbers say, to every image by itself, and again the same."""

import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy import ndimage

from ml.degradation import TIERS, Tier, gaussian_blur, gaussian_noise, jpeg, rescale
from ml.errors import ContractError

Pixels = npt.NDArray[np.uint8]


@pytest.fixture
def pixels() -> Pixels:
    """Five images of noise on coloured ramps, higher than wide."""
    rng = np.random.default_rng(3)
    ramps = np.linspace(60, 190, 16)[None, :, None, None] + rng.integers(-40, 40, (5, 16, 12, 3))
    return ramps.astype(np.uint8)


def test_jpeg_is_what_pillow_writes_at_that_quality(pixels: Pixels) -> None:
    buffer = io.BytesIO()
    Image.fromarray(pixels[2]).save(buffer, "JPEG", quality=40, subsampling="4:2:0")
    assert (jpeg(pixels, 40)[2] == np.asarray(Image.open(buffer))).all()


def test_a_lower_quality_loses_more(pixels: Pixels) -> None:
    loss = [np.abs(jpeg(pixels, quality).astype(int) - pixels).mean() for quality in (90, 40, 5)]
    assert loss[0] < loss[1] < loss[2]


def test_noise_has_the_sigma_that_was_asked_for() -> None:
    grey = np.full((40, 32, 32, 3), 128, np.uint8)
    noise = gaussian_noise(grey, 0.1, np.random.default_rng(1)).astype(float) - 128
    assert noise.std() == pytest.approx(25.5, rel=0.01)
    assert noise.mean() == pytest.approx(0, abs=0.2)


def test_noise_is_clipped_and_never_wraps_around() -> None:
    black = np.zeros((1, 32, 32, 3), np.uint8)
    noisy = gaussian_noise(black, 0.1, np.random.default_rng(1))
    assert 0.4 < (noisy == 0).mean() < 0.6
    assert noisy.max() < 160


def test_the_same_seed_gives_the_same_noise_and_another_another(pixels: Pixels) -> None:
    first, again, other = (
        gaussian_noise(pixels, 0.1, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).mean() > 0.5


@pytest.mark.parametrize("sigma", [0.3, 0.6, 1.7])
def test_blur_equals_that_of_scipy(pixels: Pixels, sigma: float) -> None:
    expected = ndimage.gaussian_filter(
        pixels.astype(np.float64), (0, sigma, sigma, 0), mode="mirror"
    )
    # Both round their own sum; on a tie they may part by one level.
    assert np.abs(gaussian_blur(pixels, sigma) - expected).max() < 0.501


def test_rescaling_keeps_the_size_and_loses_detail(pixels: Pixels) -> None:
    small = rescale(pixels, 0.5)
    assert small.shape == pixels.shape
    assert roughness(small) < 0.5 * roughness(pixels)
    flat = np.full((2, 9, 7, 3), 77, np.uint8)
    assert (rescale(flat, 0.5) == 77).all()


def test_each_image_may_have_its_own_strength(pixels: Pixels) -> None:
    strengths = np.array([0.3, 0.5, 0.7, 0.9, 0.4])
    blurred = gaussian_blur(pixels, strengths)
    compressed = jpeg(pixels, 100 * strengths)
    scaled = rescale(pixels, strengths)
    for index, strength in enumerate(strengths):
        alone = pixels[index : index + 1]
        # A longer kernel with more exact zeros at its ends: the same but for the last rounding.
        assert np.abs(gaussian_blur(alone, strength)[0].astype(int) - blurred[index]).max() <= 1
        assert (jpeg(alone, 100 * strength)[0] == compressed[index]).all()
        assert (rescale(alone, strength)[0] == scaled[index]).all()


@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: tier.name)
def test_every_tier_changes_the_pixels_and_repeats_itself(tier: Tier, pixels: Pixels) -> None:
    before = pixels.copy()
    first, again = (tier.apply(pixels, np.random.default_rng(7)) for _ in range(2))
    assert (first == again).all()
    assert (pixels == before).all()
    assert (first.dtype, first.shape) == (pixels.dtype, pixels.shape)
    assert (first != pixels).mean() > 0.3


def test_the_strengths_are_those_of_the_published_figures(pixels: Pixels) -> None:
    rng = np.random.default_rng
    tiers = {tier.name: tier.apply(pixels, rng(5)) for tier in TIERS}
    assert list(tiers) == ["jpeg_q40", "noise_0.10", "blur_0.6"]
    assert (tiers["jpeg_q40"] == jpeg(pixels, 40)).all()
    assert (tiers["noise_0.10"] == gaussian_noise(pixels, 0.1, rng(5))).all()
    assert (tiers["blur_0.6"] == gaussian_blur(pixels, 0.6)).all()


@pytest.mark.parametrize("strength", [0, -1, float("nan"), [0.5, 0.5, 0.5, 0.5, 0.0]])
def test_no_strength_is_no_degradation(pixels: Pixels, strength: float | list[float]) -> None:
    for degrade in (jpeg, gaussian_blur, rescale):
        with pytest.raises(ContractError, match="Received"):
            degrade(pixels, strength)


def test_no_images_stay_no_images() -> None:
    nothing = np.zeros((0, 8, 8, 3), np.uint8)
    for degraded in (jpeg(nothing, 40), gaussian_blur(nothing, 0.6), rescale(nothing, 0.5)):
        assert degraded.shape == nothing.shape


def roughness(pixels: Pixels) -> float:
    return float(np.abs(np.diff(pixels.astype(int), axis=2)).mean())
