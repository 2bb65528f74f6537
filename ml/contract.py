"""What the science promises: the frozen values that pass between `ml` and whoever uses it."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ml.errors import ContractError, MlError
from ml.jsonform import JsonForm

__all__ = [
    "CLASS_ORDER",
    "FORMAT_VERSION",
    "Calibration",
    "ContractError",
    "DataRecord",
    "Domain",
    "EpochReport",
    "EvaluationRecord",
    "Heatmap",
    "Metrics",
    "MlError",
    "ModelSpec",
    "Prediction",
    "Preprocessing",
    "StepReport",
    "TrainingConfig",
    "TrainingRecord",
]

FORMAT_VERSION = 1
# Index 1 is the positive class. Folder loaders sort names and would swap the two.
CLASS_ORDER = ("REAL", "FAKE")

Option = bool | int | float | str | tuple[int, ...]


def require(condition: bool, field: str, wanted: str, received: object) -> None:
    """Raise `ContractError` unless `condition` holds."""
    if not condition:
        raise ContractError("invalid_field", f"{field} must be {wanted}. Received: {received!r}.")


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
    `band_low < p_fake < band_high`.
    """

    temperature: float = 1.0
    band_low: float = 0.5
    band_high: float = 0.5

    def __post_init__(self) -> None:
        require(self.temperature > 0, "temperature", "positive", self.temperature)
        band = (self.band_low, self.band_high)
        require(0 <= band[0] <= band[1] <= 1, "band", "0 <= low <= high <= 1", band)

    def probability(self, logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return P(FAKE) for logits of any shape, each in [0, 1]."""
        scaled = np.asarray(logits, np.float64) / self.temperature
        return 0.5 * (1.0 + np.tanh(0.5 * scaled))  # the sigmoid, without overflow

    def is_inconclusive(self, p_fake: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell for which probabilities the model does not decide."""
        p = np.asarray(p_fake)
        return np.asarray((self.band_low < p) & (p < self.band_high))


@dataclass(frozen=True, slots=True)
class Domain:
    """The images for which the model was validated: one exact size, and what that means."""

    width: int
    height: int
    sentence: str


@dataclass(frozen=True, slots=True)
class TrainingConfig(JsonForm):
    """All that decides a training run besides its data.

    Attributes:
        weight_decay: Decoupled decay (AdamW), on convolution and dense kernels only.
        erase_size: Side in pixels of the square greyed out in half of the images; 0 for none.
        horizontal_flip: The only geometric augmentation: shifts and rotations would break the
            8x8 JPEG grid that every image of the training form carries.
        ema_momentum: Of the running average of the weights, which is evaluated beside them.
        finetune_epochs: Length of a second cosine cycle, from the averaged weights, with a fresh
            optimiser and without erasing.
        finetune_cutmix: Share of that cycle's batches in which each image gets a rectangle of
            another one. Without it the second cycle only learns the training images by heart.
        precision: `mixed_bfloat16` computes layers in bfloat16; weights stay float32.
    """

    architecture: str = "residual"
    architecture_options: dict[str, Option] = dataclasses.field(default_factory=dict)
    epochs: int = 14
    batch_size: int = 128
    peak_learning_rate: float = 2e-3
    warmup_epochs: float = 1.0
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    ema_momentum: float = 0.999
    horizontal_flip: bool = True
    erase_size: int = 0
    validation_images: int = 6000
    finetune_epochs: int = 0
    finetune_learning_rate: float = 8e-4
    finetune_cutmix: float = 0.0
    seed: int = 7
    precision: Literal["float32", "mixed_bfloat16"] = "float32"

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "epochs", "at least 1", self.epochs)
        require(self.batch_size >= 1, "batch_size", "at least 1", self.batch_size)
        require(self.finetune_epochs >= 0, "finetune_epochs", "0 or more", self.finetune_epochs)
        cutmix = self.finetune_cutmix
        require(0 <= cutmix <= 1, "finetune_cutmix", "in [0, 1]", cutmix)
        rates = (self.peak_learning_rate, self.finetune_learning_rate)
        require(min(rates) > 0, "learning rates", "positive", rates)
        smoothing = self.label_smoothing
        require(0 <= smoothing < 1, "label_smoothing", "in [0, 1)", smoothing)
        require(0 <= self.ema_momentum < 1, "ema_momentum", "in [0, 1)", self.ema_momentum)
        require(self.erase_size >= 0, "erase_size", "0 or more", self.erase_size)
        require(self.validation_images >= 2, "validation_images", ">= 2", self.validation_images)
        warmup = self.warmup_epochs
        require(0 <= warmup < self.epochs, "warmup_epochs", "in [0, epochs)", warmup)

    @property
    def all_epochs(self) -> int:
        """Epochs of both cycles."""
        return self.epochs + self.finetune_epochs


@dataclass(frozen=True, slots=True)
class StepReport:
    """Where a running epoch stands; `step` of `steps` in `epoch` of `epochs`, counted from 1."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    images_per_second: float


@dataclass(frozen=True, slots=True)
class EpochReport:
    """What an epoch reached on validation, with the raw and with the averaged weights."""

    epoch: int
    epochs: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    averaged_loss: float
    averaged_accuracy: float
    seconds: float


@dataclass(frozen=True, slots=True)
class DataRecord:
    """Which images were used: the sha256 is over the sorted content hashes of the files."""

    source: str
    train_images: int
    train_sha256: str
    validation_images: int
    validation_sha256: str
    unreadable_images: int = 0


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """How weights came to be: enough to make them again."""

    config: TrainingConfig
    data: DataRecord
    versions: dict[str, str]
    epochs: tuple[EpochReport, ...]
    weights: Literal["raw", "averaged"]


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures over one set of images; FAKE is the positive class.

    `coverage` is the share of images outside the inconclusive band and `selective_accuracy` the
    accuracy on those (`None` when there are none). `confusion` counts are keyed
    `real_as_real, real_as_fake, fake_as_real, fake_as_fake`. `roc_auc` is in [0, 1]; `ece` is the
    expected calibration error over 15 equally wide bins of the predicted class's probability.
    """

    n: int
    accuracy: float
    precision: float
    recall: float
    f1: float
    roc_auc: float
    confusion: dict[str, int]
    ece: float
    coverage: float
    selective_accuracy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRecord(Metrics, JsonForm):
    """One evaluation of one model on one set, and how both can be told again.

    `data_sha256` is over the sorted content hashes of the images' files; `images_per_second`
    covers reading, decoding and prediction; `deduplicated` leaves out the images that are also
    in the training data, where that was given.
    """

    model: str
    weights_sha256: str
    data: str
    data_sha256: str
    threshold: float
    images_per_second: float
    unreadable: tuple[str, ...] = ()
    deduplicated: Metrics | None = None


@dataclass(frozen=True, slots=True)
class ModelSpec(JsonForm):
    """All that a set of weights needs in order to be run and judged."""

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
    track: Literal["thumbnail", "photo", "face"] = "thumbnail"
    class_order: tuple[str, str] = CLASS_ORDER
    threshold: float = 0.5
    flip_averaging: bool = True
    weights_file: str = "weights.weights.h5"
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        order = self.class_order
        require(order == CLASS_ORDER, "class_order", f"{CLASS_ORDER!r}", order)
        require(0 < self.threshold < 1, "threshold", "in (0, 1)", self.threshold)
        name = self.weights_file
        plain = bool(name) and not ({"/", "\\"} & set(name)) and not name.startswith(".")
        require(plain, "weights_file", "a plain file name", name)

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the network's input in pixels."""
        return self.preprocessing.width, self.preprocessing.height

    def in_domain(self, width: int, height: int) -> bool:
        """Tell whether an image of this upright size is of the kind that was validated."""
        return (width, height) == (self.domain.width, self.domain.height)


@dataclass(frozen=True, slots=True, eq=False)
class Heatmap:
    """Where the evidence for the verdict lies: float32 (h, w) in [0, 1], 1 the strongest."""

    values: npt.NDArray[np.float32]
    method: str
    layer: str


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The model's answer for one image: calibrated P(FAKE) in [0, 1], its logit, its heatmap."""

    p_fake: float
    logit: float
    heatmap: Heatmap | None = None
