"""What decides a training run, what it tells on its way, and what is kept of it."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from ml.contract.checks import require
from ml.jsonform import JsonForm

Option = bool | int | float | str | tuple[int, ...]


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
