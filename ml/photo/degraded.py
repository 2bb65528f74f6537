"""What happens to whole pictures on their way to the portal: saved again, halved, captured."""

import io
from collections.abc import Callable, Mapping

from PIL import Image

__all__ = ["AS_THEY_ARE", "TIERS", "degrade"]

SUBSAMPLING = 2  # 4:2:0, what nearly every program that writes JPEG uses
SHOWN_SCALE = 0.75  # of a picture that a browser fits into its window

AS_THEY_ARE = "as_they_are"  # the same pictures without a degradation, to compare with

# Name -> what was done, for people.
TIERS: Mapping[str, str] = {
    "jpeg_q60": "saved again as JPEG of quality 60",
    "half_size": "shrunk to half its width and height",
    "screenshot": "a screenshot of it at three quarters of its size, saved as JPEG of quality 85",
}


def degrade(image: Image.Image, name: str) -> Image.Image:
    """Return an upright RGB picture degraded as the tier `name` of `TIERS` says.

    The same picture gives the same pixels. Half size and screenshot are smaller than the original:
    a picture may get too small to be looked at.
    """
    return _WAYS[name](image)


def _compressed(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=SUBSAMPLING)
    with Image.open(buffer, formats=("JPEG",)) as saved:
        return saved.convert("RGB")


def _scaled(image: Image.Image, factor: float, resample: Image.Resampling) -> Image.Image:
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return image.resize(size, resample)


_WAYS: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "jpeg_q60": lambda image: _compressed(image, 60),
    "half_size": lambda image: _scaled(image, 0.5, Image.Resampling.BICUBIC),
    "screenshot": lambda image: _compressed(
        _scaled(image, SHOWN_SCALE, Image.Resampling.BILINEAR), 85
    ),
}
