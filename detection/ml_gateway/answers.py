"""Lets a model version answer: for an image, for the faces in it, with a painted heatmap."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from detection.ml_gateway.common import (
    LOADED_VERSIONS,
    GatewayError,
    detector_of,
    network_of,
    translated,
)

if TYPE_CHECKING:
    from ml.contract import Prediction
    from ml.errors import ImageReadError
    from ml.inference import Detector

HEATMAP_SIDE = 256
# How people call the methods of `ml.explanation`, and the one of the photo track.
HEATMAP_NAMES = {
    "grad-cam": "Grad-CAM",
    "grad-cam++": "Grad-CAM++",
    "layer-cam": "LayerCAM",
    "hires-cam": "HiResCAM",
    "score-cam": "Score-CAM",
    "score-map": "Score map",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer for one image: calibrated P(AI-generated), and the painted heatmap.

    The heatmap is all of one colour, the first of its palette, where no place speaks for the
    verdict; there is none where it was not asked for. `novelty` is above 1 for an image unlike
    those that the model was validated on, and `None` where the model cannot tell.
    """

    p_fake: float
    heatmap: Image.Image | None
    heatmap_method: str
    novelty: float | None = None


@dataclass(frozen=True, slots=True)
class FaceAnswer:
    """A model's answer for one face, in the square of the upright image that it looked at.

    `confidence` is its finder's, in [0, 1].
    """

    left: int
    top: int
    width: int
    height: int
    confidence: float
    p_fake: float
    heatmap: Image.Image | None
    heatmap_method: str


def answers(
    directory: Path,
    spec: dict[str, Any],
    sources: Sequence[bytes],
    *,
    sizes: Sequence[tuple[int, int]],
    max_pixels: int,
    threads: int,
    with_heatmap: bool = True,
    method: str | None = None,
) -> list[Answer | GatewayError]:
    """Let one model version look at files, in one pass where its network takes a batch.

    Args:
        directory: Where the version lies.
        spec: What it was registered with, the hash of its weights included.
        sources: The files' bytes.
        sizes: Upright (width, height) of the images, for the proportions of the heatmaps.
        max_pixels: Larger images are refused.
        threads: Cores for the network.
        with_heatmap: Also paint heatmaps.
        method: How, one of `HEATMAP_NAMES`; `None` is the usual one of the version.

    Returns:
        An answer for each file, in order; of one that cannot be read the error in its place.

    Raises:
        GatewayError: With the code of `ml` when the version cannot be loaded.
    """
    with translated():
        detector = detector_of(directory, json.dumps(spec), threads)
        predictions = detector.predict(
            sources, with_heatmap=with_heatmap, method=method, max_pixels=max_pixels
        )
    return [_answer(one, size) for one, size in zip(predictions, sizes, strict=True)]


def answer(
    directory: Path,
    spec: dict[str, Any],
    source: bytes,
    *,
    size: tuple[int, int],
    max_pixels: int,
    threads: int,
    with_heatmap: bool = True,
    method: str | None = None,
) -> Answer:
    """Let one model version look at one file.

    Raises:
        GatewayError: As `answers`, and when the file cannot be read.
    """
    (found,) = answers(
        directory,
        spec,
        [source],
        sizes=[size],
        max_pixels=max_pixels,
        threads=threads,
        with_heatmap=with_heatmap,
        method=method,
    )
    if isinstance(found, GatewayError):
        raise found
    return found


def _answer(
    prediction: "Prediction | ImageReadError", size: tuple[int, int]
) -> Answer | GatewayError:
    from ml.errors import ImageReadError
    from ml.heatmaps import colourise

    if isinstance(prediction, ImageReadError):
        return GatewayError(prediction.code, prediction.sentence)
    heatmap = prediction.heatmap
    if heatmap is None:
        return Answer(prediction.p_fake, None, "", prediction.novelty)
    painted = colourise(heatmap.values, _fitted(size, HEATMAP_SIDE))
    return Answer(prediction.p_fake, painted, HEATMAP_NAMES[heatmap.method], prediction.novelty)


def warm_up(directory: Path, spec: dict[str, Any], *, threads: int) -> None:
    """Load a version and run it once, so that the first image does not wait for it.

    Raises:
        GatewayError: When the version cannot be loaded.
    """
    with translated():
        detector_of(directory, json.dumps(spec), threads).warm_up()


def may_hold_face(width: int, height: int) -> bool:
    """Tell whether a face of useful size fits into an image of this size in pixels."""
    from ml import faces

    return faces.may_hold_face(width, height)


def face_answers(
    directory: Path,
    spec: dict[str, Any],
    source: bytes,
    *,
    max_pixels: int,
    threads: int,
    with_heatmap: bool = True,
) -> list[FaceAnswer]:
    """Find the faces in one file and let a model version look at each, from left to right.

    Args and errors are those of `answer`; empty where no face of useful size is found.
    """
    from ml.faces import cut, find_faces
    from ml.preprocessing import open_upright, prepare_upright

    with translated():
        # First of all: once TensorFlow looks for faces, its threads are settled.
        detector = network_of(directory, json.dumps(spec), threads)
        image = open_upright(source, max_pixels=max_pixels)
        boxes = find_faces(image)
        if not boxes:
            return []
        form = detector.spec.preprocessing
        pixels = np.stack([prepare_upright(cut(image, box), form) for box in boxes])
        answers = _face_answers(detector, pixels, with_heatmap)
    return [
        FaceAnswer(box.left, box.top, box.width, box.height, box.confidence, *parts)
        for box, parts in zip(boxes, answers, strict=True)
    ]


def _face_answers(
    detector: "Detector", pixels: npt.NDArray[np.uint8], with_heatmap: bool
) -> Iterator[tuple[float, Image.Image | None, str]]:
    """Yield probability, painted heatmap and the method's name for each face (n, h, w, 3)."""
    if not with_heatmap:
        for p_fake in detector.predict_arrays(pixels)[0]:
            yield float(p_fake), None, ""
        return
    from ml.heatmaps import colourise

    for prediction in detector.explain_arrays(pixels):
        if (heatmap := prediction.heatmap) is not None:
            painted = colourise(heatmap.values, (HEATMAP_SIDE, HEATMAP_SIDE))
            yield prediction.p_fake, painted, HEATMAP_NAMES[heatmap.method]


def warm_up_faces(directory: Path, spec: dict[str, Any], *, threads: int) -> None:
    """Load what finds faces and the version that judges them; a second time does nothing.

    Raises:
        GatewayError: When the version cannot be loaded.
    """
    _faces_ready(directory, json.dumps(spec), threads)


@lru_cache(maxsize=LOADED_VERSIONS)
def _faces_ready(directory: Path, spec: str, threads: int) -> None:
    from ml import faces

    with translated():
        detector_of(directory, spec, threads).warm_up()
        faces.warm_up()


def upright_rgb(image: Image.Image) -> Image.Image:
    """Return the image as it is meant to be seen: upright, RGB, transparency on white."""
    from ml.preprocessing import to_upright_rgb

    return to_upright_rgb(image)


def _fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return the size scaled so that its longer side is `side`."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
