"""The one door to `ml`, opened inside its functions: the web process loads no network."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from ml.inference import Detector

HEATMAP_SIDE = 256
# How people call the methods of `ml.explanation`.
HEATMAP_NAMES = {
    "grad-cam": "Grad-CAM",
    "grad-cam++": "Grad-CAM++",
    "layer-cam": "LayerCAM",
    "hires-cam": "HiResCAM",
    "score-cam": "Score-CAM",
}
# A champion and the version it takes over from; more would only hold memory.
LOADED_VERSIONS = 2


class GatewayError(Exception):
    """The science could not answer; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer for one image: calibrated P(AI-generated), and the painted heatmap."""

    p_fake: float
    heatmap: Image.Image | None
    heatmap_method: str


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


def answer(
    directory: Path,
    spec: dict[str, Any],
    source: bytes,
    *,
    size: tuple[int, int],
    max_pixels: int,
    threads: int,
    with_heatmap: bool = True,
    method: str = "grad-cam",
) -> Answer:
    """Let one model version look at one file.

    Args:
        directory: Where the version lies.
        spec: What it was registered with, the hash of its weights included.
        source: The file's bytes.
        size: Upright (width, height) of the image, for the proportions of the heatmap.
        max_pixels: Larger images are refused.
        threads: Cores for the network.
        with_heatmap: Also paint a heatmap.
        method: How, one of `HEATMAP_NAMES`.

    Raises:
        GatewayError: With the code of `ml` when the version cannot be loaded or the file not read.
    """
    from ml.errors import ImageReadError
    from ml.heatmaps import colourise

    with _translated():
        detector = _detector(directory, json.dumps(spec), threads)
        (prediction,) = detector.predict(
            [source], with_heatmap=with_heatmap, method=method, max_pixels=max_pixels
        )
    if isinstance(prediction, ImageReadError):
        raise GatewayError(prediction.code, prediction.sentence)
    heatmap = prediction.heatmap
    if heatmap is None:
        return Answer(prediction.p_fake, None, "")
    painted = colourise(heatmap.values, _fitted(size, HEATMAP_SIDE))
    return Answer(prediction.p_fake, painted, HEATMAP_NAMES[heatmap.method])


def warm_up(directory: Path, spec: dict[str, Any], *, threads: int) -> None:
    """Load a version and run it once, so that the first image does not wait for it.

    Raises:
        GatewayError: When the version cannot be loaded.
    """
    with _translated():
        _detector(directory, json.dumps(spec), threads).warm_up()


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

    with _translated():
        # First of all: once TensorFlow looks for faces, its threads are settled.
        detector = _detector(directory, json.dumps(spec), threads)
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

    with _translated():
        _detector(directory, spec, threads).warm_up()
        faces.warm_up()


def spec_in_domain(spec: dict[str, Any], width: int, height: int) -> bool:
    """Tell whether the version with this spec was validated on images of this upright size."""
    from ml.contract import ModelSpec

    return ModelSpec.from_json(json.dumps(spec)).in_domain(width, height)


def spec_in_full(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a spec with every field of today, where it was registered by an older version."""
    from ml.contract import ModelSpec

    full: dict[str, Any] = json.loads(ModelSpec.from_json(json.dumps(spec)).to_json())
    return full


def read_verified_spec(directory: Path) -> dict[str, Any]:
    """Return the spec of a stored model whose weights and graph hash to what the spec says.

    Raises:
        GatewayError: When spec, weights or graph are missing, damaged or of a newer format.
    """
    from ml import artifacts

    with _translated():
        spec: dict[str, Any] = json.loads(artifacts.verify(directory).to_json())
    return spec


def evaluate(
    directory: Path,
    spec: dict[str, Any],
    data: Path,
    *,
    threads: int,
    with_tiers: bool = False,
    training_data: Path | None = None,
    plots: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Measure a version on labelled images.

    Args:
        directory: Where the version lies.
        spec: What it was registered with, the hash of its weights included.
        data: A folder or zip with REAL/ and FAKE/ below it at any depth.
        threads: Cores for the network.
        with_tiers: Also judge the same images degraded.
        training_data: Also tell the figures without the images that are in here.
        plots: A folder to draw the figures into.
        progress: Called with images done and images in all.

    Returns:
        The evaluation record as JSON values.

    Raises:
        GatewayError: When version or data cannot be used.
    """
    from ml import datasets, degradation, evaluation

    with _translated():
        detector = _detector(directory, json.dumps(spec), threads)
        seen = frozenset(datasets.hashes(training_data)) if training_data else frozenset[str]()
        tiers = degradation.TIERS if with_tiers else ()
        judged = evaluation.judge(detector, data, tiers=tiers, progress=progress)
        record = evaluation.record_of(judged, detector, data, training_hashes=seen)
        if plots:
            from ml.evaluation.pictures import draw

            draw(judged, record, detector.spec, plots)
    result: dict[str, Any] = json.loads(record.to_json())
    return result


def evaluation_text(record: dict[str, Any]) -> str:
    """Return an evaluation record from `evaluate` as lines for people."""
    from ml import evaluation
    from ml.contract import EvaluationRecord

    return evaluation.told(EvaluationRecord.from_json(json.dumps(record)))


def upright_rgb(image: Image.Image) -> Image.Image:
    """Return the image as it is meant to be seen: upright, RGB, transparency on white."""
    from ml.preprocessing import to_upright_rgb

    return to_upright_rgb(image)


@lru_cache(maxsize=LOADED_VERSIONS)
def _detector(directory: Path, spec: str, threads: int) -> "Detector":
    """Load a version once; what it was registered with is part of the key and has to agree."""
    from ml.contract import ModelSpec
    from ml.inference import Detector

    detector = Detector.load(directory, threads=threads)
    if detector.spec != ModelSpec.from_json(spec):
        raise GatewayError(
            "wrong_model",
            "The model on disk is not the one that this version was registered with.",
        )
    return detector


@contextmanager
def _translated() -> Iterator[None]:
    from ml.errors import MlError

    try:
        yield
    except MlError as error:
        raise GatewayError(error.code, error.sentence) from error


def _fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return the size scaled so that its longer side is `side`."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
