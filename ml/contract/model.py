"""What a set of weights needs in order to be run and judged: its spec, which lies beside it."""

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from ml.contract.checks import require
from ml.contract.evaluation import EvaluationRecord
from ml.contract.false_alarms import BEYOND, FalseAlarms
from ml.contract.photo import PhotoFigures
from ml.contract.training import Option, TrainingRecord
from ml.jsonform import JsonForm

FORMAT_VERSION = 1
# Index 1 is the positive class. Folder loaders sort names and would swap the two.
CLASS_ORDER = ("REAL", "FAKE")
# Which kind of image a model is asked about.
Track = Literal["thumbnail", "photo", "face"]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a file becomes the pixels the network takes: RGB uint8 (height, width, 3).

    Attributes:
        width, height: Size of the network's input in pixels.
        resample: Filter for images of another size; the whole image is stretched.
        jpeg_quality: The file form the network was trained on; images that arrive otherwise are
            brought to it, so that the model judges the picture and not its compression.
            `None` leaves the pixels as they are.
        jpeg_subsampling: Chroma subsampling of that form.
    """

    width: int = 32
    height: int = 32
    resample: Literal["bicubic", "lanczos", "bilinear", "box"] = "bicubic"
    jpeg_quality: int | None = 75
    jpeg_subsampling: Literal["4:4:4", "4:2:2", "4:2:0"] = "4:2:0"

    def __post_init__(self) -> None:
        require(self.width > 0 and self.height > 0, "size", "positive", (self.width, self.height))
        quality = self.jpeg_quality
        require(quality is None or 1 <= quality <= 95, "jpeg_quality", "in 1..95", quality)


@dataclass(frozen=True, slots=True)
class Calibration:
    """From a logit to a probability, and where the probability is too weak to decide.

    `p_fake = sigmoid(logit / temperature)`; an image is inconclusive when
    `band_low < p_fake < band_high`. `false_alarms` tells how far the upper end has to be raised so
    that few enough REAL images lie above it; models of earlier versions have none.
    """

    temperature: float = 1.0
    band_low: float = 0.5
    band_high: float = 0.5
    false_alarms: FalseAlarms | None = None

    def __post_init__(self) -> None:
        require(self.temperature > 0, "temperature", "positive", self.temperature)
        band = (self.band_low, self.band_high)
        is_band = 0 <= band[0] <= band[1] <= BEYOND
        require(is_band, "band", f"0 <= low <= high <= {BEYOND}", band)

    def probability(self, logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return P(FAKE) for logits of any shape, each in [0, 1]."""
        scaled = np.asarray(logits, np.float64) / self.temperature
        return 0.5 * (1.0 + np.tanh(0.5 * scaled))  # the sigmoid, without overflow

    def bounded(self, max_false_alarms: float) -> Self:
        """Return it with the band that verdicts are given by.

        On validation at most `max_false_alarms`, in [0, 1], of the REAL images lie at or above its
        upper end, as far as that is known, and an even chance lies within it always.
        """
        table = self.false_alarms
        threshold = table.threshold(max_false_alarms) if table else 0.0
        high = max(self.band_high, threshold, 0.5)
        return replace(self, band_low=min(self.band_low, 0.5), band_high=high)

    def is_inconclusive(self, p_fake: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell for which probabilities the model does not decide."""
        p = np.asarray(p_fake)
        return np.asarray((self.band_low < p) & (p < self.band_high))


@dataclass(frozen=True, slots=True)
class Domain:
    """The images for which the model was validated, and what that means in a sentence.

    One exact size; or, where `shorter_sides` is given, every shape whose shorter side lies between
    these two, both included. All are pixels of the upright image.
    """

    width: int
    height: int
    sentence: str
    shorter_sides: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        sides = self.shorter_sides
        fits = sides is None or 0 < sides[0] <= sides[1]
        require(fits, "shorter_sides", "0 < low <= high", sides)

    def holds(self, width: int, height: int) -> bool:
        """Tell whether an image of this upright size is of the kind that was validated."""
        if self.shorter_sides is None:
            return (width, height) == (self.width, self.height)
        low, high = self.shorter_sides
        return low <= min(width, height) <= high


@dataclass(frozen=True, slots=True)
class ModelSpec(JsonForm):
    """All that a set of weights needs in order to be run and judged.

    `graph_sha256` is that of the compiled graph of the same weights, empty where there is none;
    in `int8` it multiplies weights and activations as rounded to 8 bits. `photo` says what a model
    of the photo track was fitted on and what it is worth there.
    """

    name: str
    architecture: str
    architecture_options: dict[str, Option]
    preprocessing: Preprocessing
    gradcam_layer: str
    domain: Domain
    calibration: Calibration
    weights_sha256: str
    training: TrainingRecord | None = None
    evaluation: EvaluationRecord | None = None
    track: Track = "thumbnail"
    class_order: tuple[str, str] = CLASS_ORDER
    threshold: float = 0.5
    flip_averaging: bool = True
    weights_file: str = "weights.weights.h5"
    graph_file: str = "graph.tflite"
    graph_sha256: str = ""
    graph_precision: Literal["float32", "int8"] = "float32"
    photo: PhotoFigures | None = None
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        order = self.class_order
        require(order == CLASS_ORDER, "class_order", f"{CLASS_ORDER!r}", order)
        require(0 < self.threshold < 1, "threshold", "in (0, 1)", self.threshold)
        for field in ("weights_file", "graph_file"):
            name = getattr(self, field)
            plain = bool(name) and not ({"/", "\\"} & set(name)) and not name.startswith(".")
            require(plain, field, "a plain file name", name)

    @property
    def is_bounded(self) -> bool:
        """Tell whether a share of false alarms can be asked of it: see `bounded`."""
        return self.photo is None and self.calibration.false_alarms is not None

    def bounded(self, max_false_alarms: float) -> Self:
        """Return the spec with the band that verdicts are given by: see `Calibration.bounded`.

        Of a model that was fitted to photographs the fit has set the share, and its figures are
        about that: it keeps its band.
        """
        share = max_false_alarms if self.is_bounded else 1.0
        return replace(self, calibration=self.calibration.bounded(share))

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the network's input in pixels."""
        return self.preprocessing.width, self.preprocessing.height

    def in_domain(self, width: int, height: int) -> bool:
        """Tell whether an image of this upright size is of the kind that was validated."""
        return self.domain.holds(width, height)
