"""What happens to images on their way through the world, as pure functions on batches of pixels."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.errors import ContractError

__all__ = ["TIERS", "Tier", "gaussian_blur", "gaussian_noise", "jpeg", "rescale"]

SUBSAMPLING = 2  # 4:2:0, what nearly every program that writes JPEG uses
KERNEL_SIGMAS = 4.0  # a Gaussian is cut off here, as scipy.ndimage does it
PIECE = 1024  # images that are computed in floating point at a time

Pixels = npt.NDArray[np.uint8]
Amount = float | npt.ArrayLike


def jpeg(pixels: Pixels, quality: Amount) -> Pixels:
    """Return the images after one more JPEG compression, chroma at half resolution (4:2:0).

    Args:
        pixels: uint8 (n, height, width, 3).
        quality: In 1..95, one for all or one per image (n,).
    """
    qualities = _per_image(pixels, quality).astype(int)
    return _each(pixels, qualities, lambda image, value: _compressed(image, int(value)))


def gaussian_noise(pixels: Pixels, sigma: Amount, rng: np.random.Generator) -> Pixels:
    """Return the images with independent noise on every channel, clipped to [0, 255] and rounded.

    Args:
        pixels: uint8 (n, height, width, 3).
        sigma: Standard deviation as a share of the range, 0.1 is 25.5 levels; one for all or
            one per image (n,).
        rng: Where the noise comes from; the same state and images give the same noise.
    """
    levels = (255.0 * _per_image(pixels, sigma)).astype(np.float32)
    result = np.empty_like(pixels)
    for part in _pieces(len(pixels)):
        noise = rng.standard_normal(pixels[part].shape, np.float32)
        noise *= levels[part, None, None, None]
        result[part] = _to_pixels(noise + pixels[part])
    return result


def gaussian_blur(pixels: Pixels, sigma: Amount) -> Pixels:
    """Return the images under a Gaussian, mirrored at the borders without repeating the edge.

    Args:
        pixels: uint8 (n, height, width, 3).
        sigma: Standard deviation in pixels, above 0; one for all or one per image (n,).
    """
    kernels = _kernels(_per_image(pixels, sigma))
    result = np.empty_like(pixels)
    for part in _pieces(len(pixels)):
        values = _convolved(pixels[part].astype(np.float32), kernels[part], axis=1)
        result[part] = _to_pixels(_convolved(values, kernels[part], axis=2))
    return result


def rescale(pixels: Pixels, factor: Amount) -> Pixels:
    """Return the images scaled by a factor and back to their size, both bicubic.

    Args:
        pixels: uint8 (n, height, width, 3).
        factor: Of the sides, above 0; 0.5 loses three quarters of the pixels. One for all or
            one per image (n,).
    """
    factors = _per_image(pixels, factor)
    return _each(pixels, factors, lambda image, value: _there_and_back(image, float(value)))


@dataclass(frozen=True, slots=True)
class Tier:
    """One way in which the images of an evaluation are degraded, and how strongly.

    Attributes:
        name: Key in an evaluation record.
        sentence: What was done, for people.
        apply: Degrades decoded pixels uint8 (n, height, width, 3); draws from the generator.
    """

    name: str
    sentence: str
    apply: Callable[[Pixels, np.random.Generator], Pixels]


# On the decoded pixels at the network's size, and straight to the network: so were the published
# figures made that a model is compared with.
TIERS = (
    Tier("jpeg_q40", "JPEG quality 40", lambda pixels, _: jpeg(pixels, 40)),
    Tier(
        "noise_0.10",
        "Gaussian noise, sigma 0.10 of the range",
        lambda pixels, rng: gaussian_noise(pixels, 0.10, rng),
    ),
    Tier(
        "blur_0.6", "Gaussian blur, sigma 0.6 pixels", lambda pixels, _: gaussian_blur(pixels, 0.6)
    ),
)


def _per_image(pixels: Pixels, amount: Amount) -> npt.NDArray[np.float64]:
    """Return one amount per image, all of them positive."""
    amounts = np.broadcast_to(np.asarray(amount, np.float64), (len(pixels),))
    if not (amounts > 0).all():
        raise ContractError(
            "invalid_amount", f"A degradation must be stronger than 0. Received: {amount!r}."
        )
    return amounts


def _pieces(count: int) -> list[slice]:
    return [slice(start, start + PIECE) for start in range(0, count, PIECE)]


def _each(
    pixels: Pixels,
    amounts: npt.NDArray[np.generic],
    change: Callable[[Image.Image, np.generic], Image.Image],
) -> Pixels:
    result = np.empty_like(pixels)
    for index, (image, amount) in enumerate(zip(pixels, amounts, strict=True)):
        result[index] = np.asarray(change(Image.fromarray(image), amount))
    return result


def _compressed(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=SUBSAMPLING)
    return Image.open(buffer, formats=("JPEG",))


def _there_and_back(image: Image.Image, factor: float) -> Image.Image:
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    scaled = image.resize(size, Image.Resampling.BICUBIC)
    return scaled.resize(image.size, Image.Resampling.BICUBIC)


def _kernels(sigmas: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return one normalised Gaussian per sigma, (n, taps) with an odd number of taps."""
    radius = max(1, int(KERNEL_SIGMAS * sigmas.max(initial=0.0) + 0.5))
    distances = np.arange(-radius, radius + 1)
    kernels = np.exp(-0.5 * (distances / sigmas[:, None]) ** 2)
    return (kernels / kernels.sum(axis=1, keepdims=True)).astype(np.float32)


def _convolved(
    values: npt.NDArray[np.float32], kernels: npt.NDArray[np.float32], *, axis: int
) -> npt.NDArray[np.float32]:
    """Return (n, h, w, 3) under each image's own kernel, along rows (1) or columns (2)."""
    taps, size = kernels.shape[1], values.shape[axis]
    margin = [(0, 0)] * 4
    margin[axis] = (taps // 2, taps // 2)
    padded = np.pad(values, margin, "reflect")
    result = np.zeros_like(values)
    for tap in range(taps):
        shifted = padded[:, tap : tap + size] if axis == 1 else padded[:, :, tap : tap + size]
        result += shifted * kernels[:, tap, None, None, None]
    return result


def _to_pixels(values: npt.NDArray[np.float32]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
