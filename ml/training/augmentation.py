"""How training images are changed so that a network learns the kind and not the picture."""

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml import degradation
from ml.contract import TrainingConfig

__all__ = ["augment", "degrade", "mix", "turn"]

GREY = 128
JPEG_BLOCK = 8
# From what is hardly seen to somewhat more than the degraded tiers of the evaluation.
JPEG_QUALITIES = (25, 91)
NOISE_SIGMAS = (0.02, 0.14)
BLUR_SIGMAS = (0.3, 0.9)
SCALES = (0.5, 0.95)
# JPEG, noise, blur, scaling: the more of a kind, the harder it is to learn.
KINDS = (0.4, 0.45, 0.1, 0.05)
# A degraded image often arrives in a file of its own: this share is brought to CIFAKE's form.
SAVED_AGAIN, FORM_QUALITY = 0.4, 75

Pixels = npt.NDArray[np.uint8]
Targets = npt.NDArray[np.float32]


def augment(
    pixels: Pixels, rng: np.random.Generator, config: TrainingConfig, *, erase_size: int
) -> None:
    """Mirror, turn and scale images (n, h, w, 3) as configured and grey out a square, in place."""
    if config.horizontal_flip:
        mirrored = rng.random(len(pixels)) < 0.5
        pixels[mirrored] = pixels[mirrored, :, ::-1]
    if config.rotation or config.zoom:
        turn(pixels, rng, degrees=config.rotation, zoom=config.zoom)
    if erase_size:
        _erase(pixels, rng, erase_size)


def turn(pixels: Pixels, rng: np.random.Generator, *, degrees: float, zoom: float) -> None:
    """Turn and scale each image about its centre, in place; what comes into view is mirrored.

    Args:
        pixels: (n, h, w, 3).
        rng: Draws an angle in [-degrees, degrees] and a scale in [1 - zoom, 1 + zoom] per image.
        degrees: Largest angle to either side.
        zoom: Largest change of scale, in [0, 1).
    """
    count, height, width = pixels.shape[:3]
    angles = rng.uniform(-degrees, degrees, (count, 1))
    scales = rng.uniform(1.0 - zoom, 1.0 + zoom, (count, 1))
    margin = math.ceil(0.5 * math.hypot(height, width) / (1.0 - zoom) - 0.5 * min(height, width))
    around = ((0, 0), (margin, margin), (margin, margin), (0, 0))
    padded = np.pad(pixels, around, "symmetric")
    for index, (angle, scale) in enumerate(np.hstack([angles, scales]).tolist()):
        matrix = _about_centre(width, height, margin, math.radians(angle), scale)
        picture = Image.fromarray(padded[index])
        turned = picture.transform(
            (width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
        )
        pixels[index] = np.asarray(turned)


def mix(pixels: Pixels, targets: Targets, rng: np.random.Generator) -> Targets:
    """Give each image a rectangle of another one, in place, and mix the targets by area.

    CutMix (Yun et al. 2019, arXiv 1905.04899), with one change: the rectangle is made of whole
    8x8 blocks at their own places, so that the JPEG grid which every image carries stays whole.

    Args:
        pixels: (n, h, w, 3), h and w multiples of 8.
        targets: (n, ...) in [0, 1].

    Returns:
        The mixed targets, of the same shape.
    """
    blocks = np.array(pixels.shape[1:3]) // JPEG_BLOCK
    size = rng.integers(1, np.maximum(blocks, 2))
    start = rng.integers(0, blocks - size + 1)
    (top, left), (bottom, right) = start * JPEG_BLOCK, (start + size) * JPEG_BLOCK
    other = rng.permutation(len(pixels))
    pixels[:, top:bottom, left:right] = pixels[other, top:bottom, left:right]
    share = float(np.prod(size) / np.prod(blocks))
    return ((1.0 - share) * targets + share * targets[other]).astype(np.float32)


def degrade(pixels: Pixels, rng: np.random.Generator, share: float) -> None:
    """Degrade a share of the images (n, h, w, 3), each in one of four ways, in place.

    JPEG of quality 25 to 90 (two in five), Gaussian noise of sigma .02 to .14 of the range (nine
    in twenty), Gaussian blur of sigma .3 to .9 pixels (one in ten), or scaling to .5 to .95 of the
    sides and back (one in twenty). Two in five of the last three kinds then become a JPEG of
    quality 75, as on the road from a file to the network.
    """
    chosen = np.flatnonzero(rng.random(len(pixels)) < share)
    kinds = rng.choice(4, len(chosen), p=KINDS)
    jpeg, noise, blur, scale = (chosen[kinds == kind] for kind in range(4))
    pixels[jpeg] = degradation.jpeg(pixels[jpeg], rng.integers(*JPEG_QUALITIES, len(jpeg)))
    sigmas = rng.uniform(*NOISE_SIGMAS, len(noise))
    pixels[noise] = degradation.gaussian_noise(pixels[noise], sigmas, rng)
    pixels[blur] = degradation.gaussian_blur(pixels[blur], rng.uniform(*BLUR_SIGMAS, len(blur)))
    pixels[scale] = degradation.rescale(pixels[scale], rng.uniform(*SCALES, len(scale)))
    saved = chosen[(kinds > 0) & (rng.random(len(chosen)) < SAVED_AGAIN)]
    pixels[saved] = degradation.jpeg(pixels[saved], FORM_QUALITY)


def _erase(pixels: Pixels, rng: np.random.Generator, size: int) -> None:
    """Grey out a square in half of the images; it may reach over the border."""
    height, width = pixels.shape[1:3]
    for index in np.flatnonzero(rng.random(len(pixels)) < 0.5):
        top, left = rng.integers((0, 0), (height, width)) - size // 2
        rows = slice(max(top, 0), top + size)
        columns = slice(max(left, 0), left + size)
        pixels[index, rows, columns] = GREY


def _about_centre(
    width: int, height: int, margin: int, angle: float, scale: float
) -> tuple[float, float, float, float, float, float]:
    """Return Pillow's affine coefficients: from a result's pixel to its place in the padded one."""
    cosine, sine = math.cos(angle) / scale, math.sin(angle) / scale
    x, y = 0.5 * width, 0.5 * height
    return (
        cosine,
        sine,
        margin + x - cosine * x - sine * y,
        -sine,
        cosine,
        margin + y + sine * x - cosine * y,
    )
