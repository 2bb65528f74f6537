"""What decides a training run, what it tells on its way, and what is kept of it."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from ml.contract.checks import require
from ml.jsonform import JsonForm

Option = bool | int | float | str | tuple[int, ...]
Precision = Literal["float32", "mixed_bfloat16", "auto"]
Optimiser = Literal["adamw", "adam", "sgd", "rmsprop", "muon"]


@dataclass(frozen=True, slots=True)
class TrainingConfig(JsonForm):
    """All that decides a training run besides its data.

    Attributes:
        optimiser: `muon` moves the kernels of inner convolutions by orthogonalised momentum at
            ten times the learning rate, and all else as `adamw` does; `sgd` has Nesterov momentum.
        schedule: Of the learning rate after the warm-up: a cosine to a thousandth of the peak, or
            the peak to the end.
        weight_decay: Decoupled decay (`adamw` and `muon` alone), on convolution and dense kernels.
        erase_size: Side in pixels of the square greyed out in half of the images; 0 for none.
        horizontal_flip: Mirror half of the images.
        rotation: Largest angle in degrees, to either side. Like `zoom` it breaks the 8x8 JPEG
            grid that every image of CIFAKE carries: meant for pictures that are scaled anyway.
        zoom: Largest change of scale; 0.1 is from 90 to 110 %.
        degradation: Share of the images degraded by JPEG, noise, blur or a change of size.
        cutmix: Share of the first cycle's batches in which each image gets a rectangle of another.
        subject_weight: Of a second loss, on the subject that CIFAKE's file names tell; the head
            for it is left behind after training.
        patience: End the run after so many epochs without a lower validation loss; 0 for never.
        keep: The weights that the run hands on: the last epoch's, or those of the lowest
            validation loss.
        initial_weights: Folder of a stored model of the same architecture to begin with.
        ema_momentum: Of the running average of the weights, which is evaluated beside them.
        finetune_epochs: Length of a second cosine cycle, from the averaged weights, with a fresh
            optimiser and without erasing.
        finetune_cutmix: As `cutmix`, in that cycle. Without it the second cycle only learns the
            training images by heart.
        new_share: Of each class's images in an epoch, the share drawn from those that are marked
            as new, where a class has both kinds; `None` takes all images as they come.
        precision: `mixed_bfloat16` computes layers in bfloat16; weights stay float32. `auto` is
            that where the GPU, or without one the processor, has it, and `float32` elsewhere.
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
    precision: Precision = "auto"
    optimiser: Optimiser = "adamw"
    schedule: Literal["cosine", "constant"] = "cosine"
    cutmix: float = 0.0
    degradation: float = 0.0
    rotation: float = 0.0
    zoom: float = 0.0
    subject_weight: float = 0.0
    patience: int = 0
    keep: Literal["last", "best"] = "last"
    initial_weights: str = ""
    new_share: float | None = None

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "epochs", "at least 1", self.epochs)
        require(self.batch_size >= 1, "batch_size", "at least 1", self.batch_size)
        require(self.finetune_epochs >= 0, "finetune_epochs", "0 or more", self.finetune_epochs)
        for share in ("cutmix", "finetune_cutmix", "degradation"):
            value = getattr(self, share)
            require(0 <= value <= 1, share, "in [0, 1]", value)
        rates = (self.peak_learning_rate, self.finetune_learning_rate)
        require(min(rates) > 0, "learning rates", "positive", rates)
        smoothing = self.label_smoothing
        require(0 <= smoothing < 1, "label_smoothing", "in [0, 1)", smoothing)
        require(0 <= self.ema_momentum < 1, "ema_momentum", "in [0, 1)", self.ema_momentum)
        for amount in ("erase_size", "subject_weight", "patience", "weight_decay"):
            value = getattr(self, amount)
            require(value >= 0, amount, "0 or more", value)
        require(0 <= self.rotation <= 180, "rotation", "in [0, 180]", self.rotation)
        require(0 <= self.zoom < 1, "zoom", "in [0, 1)", self.zoom)
        require(self.validation_images >= 2, "validation_images", ">= 2", self.validation_images)
        new = self.new_share
        require(new is None or 0 <= new <= 1, "new_share", "in [0, 1]", new)
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
    """What an epoch reached on validation, with the raw and with the averaged weights.

    `train_accuracy` is over the epoch's own batches, augmented as they were: of each image the
    likelier class counts, where two were mixed.
    """

    epoch: int
    epochs: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    averaged_loss: float
    averaged_accuracy: float
    seconds: float
    train_accuracy: float | None = None

    @property
    def better(self) -> Literal["raw", "averaged"]:
        """Which of the epoch's weights have the lower validation loss."""
        return "averaged" if self.averaged_loss <= self.validation_loss else "raw"


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
    """How weights came to be: enough to make them again.

    `weights` are those of `kept_epoch`, `None` in records that are older: the last one. `remark`
    says, in sentences, what the other fields cannot.
    """

    config: TrainingConfig
    data: DataRecord
    versions: dict[str, str]
    epochs: tuple[EpochReport, ...]
    weights: Literal["raw", "averaged"]
    kept_epoch: int | None = None
    remark: str = ""

    @property
    def kept(self) -> EpochReport:
        """The epoch that the weights are of."""
        numbered = {report.epoch: report for report in self.epochs}
        return numbered[self.kept_epoch or max(numbered)]
