"""A model of the photo track whose heads were set and not learnt, and pictures to ask it about."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml import artifacts
from ml.architectures import PHOTO_ENSEMBLE
from ml.contract import Calibration, Domain, ModelSpec, Preprocessing
from ml.photo.features import MEMBERS
from ml.photo.heads import LinearHead, PhotoHeads
from ml.photo.novelty import BLOCKS, Novelty

SPEC = ModelSpec(
    name="our-photos",
    architecture=PHOTO_ENSEMBLE,
    architecture_options={},
    preprocessing=Preprocessing(224, 224, jpeg_quality=None),
    gradcam_layer="score-map",
    domain=Domain(600, 400, "Photographs of our own site.", shorter_sides=(128, 800)),
    calibration=Calibration(1.0, 0.3, 0.7),
    weights_sha256="",
    track="photo",
    flip_averaging=False,
    weights_file="heads.npz",
)


def heads(seed: int = 0, *, reach: float = 1000.0) -> PhotoHeads:
    """Heads with weights by chance; a picture further away than `reach` is novel."""
    rng = np.random.default_rng(seed)
    members = {
        name: LinearHead(
            mean=rng.normal(0, 1, size).astype(np.float32),
            scale=rng.uniform(0.5, 2, size).astype(np.float32),
            weights=rng.normal(0, 0.2 / np.sqrt(size), size).astype(np.float32),
            bias=0.25,
        )
        for name, size in MEMBERS.items()
    }
    size = len(range(*BLOCKS.indices(MEMBERS["network"])))
    plain = np.zeros(size, np.float32), np.ones(size, np.float32)
    axes, variances = np.eye(2, size, dtype=np.float32), np.array([2.0, 3.0], np.float32)
    novelty = Novelty(*plain, axes, variances, floor=1.0, reach=reach)
    return PhotoHeads(members, gain=0.5, offset=-0.1, novelty=novelty)


def store(directory: Path, graph: bytes | None, some: PhotoHeads) -> Path:
    """Store a model with these heads, and return its folder."""
    artifacts.save(directory, SPEC, some.save, graph=graph)
    return directory


def pixels(width: int, height: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """A picture (height, width, 3) with soft shapes, edges and a little grain."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    waves = [np.sin(x / a) + np.cos(y / b) for a, b in rng.uniform(5, 40, (3, 2))]
    shapes = 128 + 40 * np.stack(waves, axis=-1) + 30 * ((x // 37 + y // 23) % 2)[..., None]
    return np.clip(shapes + rng.normal(0, 3, shapes.shape), 0, 255).astype(np.uint8)


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """The same as an image."""
    return Image.fromarray(pixels(width, height, seed))


def png(width: int, height: int, seed: int = 0) -> bytes:
    """The same as a file that keeps every pixel."""
    buffer = io.BytesIO()
    picture(width, height, seed).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
