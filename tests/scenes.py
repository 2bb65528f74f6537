"""Pictures for tests whose detail is spread as in photographs: from coarse to fine, with grain."""

import numpy as np
from PIL import Image

from tests import images


def scene(size: tuple[int, int] = (320, 240), *, seed: int = 0) -> Image.Image:
    """An RGB picture of clouds of every size, the finer the fainter."""
    chance = np.random.default_rng(seed)
    width, height = size
    values = np.full((height, width, 3), 128, np.float32)
    for level in range(2, 8):
        cells = chance.normal(0, 1, (2**level, 2**level, 3)).astype(np.float32)
        for channel in range(3):
            layer = Image.fromarray(cells[..., channel]).resize(size, Image.Resampling.BICUBIC)
            values[..., channel] += np.asarray(layer) * 120 / 1.6**level
    values += chance.normal(0, 3, (height, width, 1))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def jpeg(picture: Image.Image, *qualities: int) -> bytes:
    """The picture as a JPEG, saved once for each quality, one after the other."""
    content = b""
    for quality in qualities:
        content = images.encoded(picture, "JPEG", quality=quality)
        picture = images.opened(content)
    return content
