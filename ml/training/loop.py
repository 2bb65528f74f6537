"""Train a network so that it can be stopped at any step, resumed from any epoch, and repeated."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ml import architectures, calibration, checkpoints
from ml.checkpoints import RunState
from ml.contract import EpochReport, StepReport, TrainingConfig
from ml.errors import TrainingError
from ml.training import precision
from ml.training.data import TrainingData

REPORT_EVERY_SECONDS = 10.0
GREY = 128
JPEG_BLOCK = 8

Progress = Callable[[EpochReport | StepReport], None]
Pixels = npt.NDArray[np.uint8]
Targets = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FitResult:
    """How a run ended, and the epochs that its checkpoint holds."""

    status: Literal["finished", "stopped", "diverged"]
    epochs: tuple[EpochReport, ...]


def fit(
    config: TrainingConfig,
    data: TrainingData,
    *,
    out_dir: Path,
    resume: bool = False,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> FitResult:
    """Train, keeping a checkpoint after each epoch in `out_dir`.

    Args:
        config: All that decides the run besides the data; the same config, data and machine
            give the same run, also when it was interrupted in between.
        data: Pixels uint8 (n, height, width, 3) of the architecture's input size.
        out_dir: Where the checkpoint lives.
        resume: Go on after the last stored epoch, if there is one.
        progress: Told of each epoch, and of steps in between every ten seconds.
        should_stop: Asked before each step; the epoch that runs then is given up.

    Returns:
        `finished`; `stopped` when `should_stop` said so; `diverged` when the loss was no longer
        finite, in which case the checkpoint keeps the last epoch that was.

    Raises:
        TrainingError: `checkpoint_exists` when there is one and `resume` is not set;
            `config_changed` or `data_changed` on resuming another run; `damaged_checkpoint`;
            `too_few_images`.
    """
    state = RunState(config, data.record)
    run = _Run(config, data, progress or (lambda report: None), should_stop or (lambda: False))
    stored = checkpoints.read(out_dir)
    if stored and not resume:
        raise TrainingError(
            "checkpoint_exists",
            f"{out_dir} holds a run already: resume it or choose another folder.",
        )
    if stored:
        checkpoints.check_same_run(stored[0], state)
        state = stored[0]
        if len(state.epochs) > config.epochs:
            run.begin_finetuning()
        run.restore(stored[1])
    for epoch in range(len(state.epochs) + 1, config.all_epochs + 1):
        if epoch == config.epochs + 1:
            run.begin_finetuning()
        report = run.epoch(epoch)
        if not isinstance(report, EpochReport):
            return FitResult(report, state.epochs)
        state = RunState(config, data.record, (*state.epochs, report))
        checkpoints.write(out_dir, state, run.arrays())
        run.progress(report)
    return FitResult("finished", state.epochs)


class _Run:
    """The network, its running average and the optimiser, with the loop over one epoch."""

    def __init__(
        self,
        config: TrainingConfig,
        data: TrainingData,
        progress: Progress,
        should_stop: Callable[[], bool],
    ) -> None:
        self.config, self.data = config, data
        self.progress, self.should_stop = progress, should_stop
        self.steps = len(data.train) // config.batch_size
        if not self.steps:
            raise TrainingError(
                "too_few_images",
                f"{len(data.train)} training images do not fill a batch of {config.batch_size}.",
            )
        keras.utils.set_random_seed(config.seed)
        size = data.train.pixels.shape[2], data.train.pixels.shape[1]
        name, options = config.architecture, config.architecture_options
        self.model = architectures.build(
            name, options, input_size=size, precision=precision.resolve(config)
        )
        self.averaged = architectures.build(name, options, input_size=size)
        self.averaged.set_weights(self.model.get_weights())
        warmup = config.warmup_epochs * self.steps
        self._begin(config.peak_learning_rate, config.epochs * self.steps, round(warmup))
        self.erase_size, self.cutmix = config.erase_size, 0.0
        self.evaluators = [
            tf.function(lambda pixels, model=model: model(tf.cast(pixels, tf.float32)))
            for model in (self.model, self.averaged)
        ]

    def begin_finetuning(self) -> None:
        """Go on from the averaged weights, mixing images, under a cosine of its own."""
        steps = self.config.finetune_epochs * self.steps
        self.model.set_weights(self.averaged.get_weights())
        self._begin(self.config.finetune_learning_rate, steps, round(0.1 * steps))
        self.erase_size, self.cutmix = 0, self.config.finetune_cutmix

    def _begin(self, peak: float, steps: int, warmup: int) -> None:
        """Start a cycle: a fresh optimiser, and a step compiled for it."""
        self.optimiser = _optimiser(self.config, peak, steps, warmup)
        self.optimiser.build(self.model.trainable_variables)
        self.step = tf.function(self._step)

    def arrays(self) -> checkpoints.Arrays:
        """Return all that changes from step to step, as numpy arrays."""
        return {
            "model": list(self.model.get_weights()),
            "averaged": list(self.averaged.get_weights()),
            "optimiser": [variable.numpy() for variable in self.optimiser.variables],
        }

    def restore(self, arrays: checkpoints.Arrays) -> None:
        """Set what `arrays` returned."""
        self.model.set_weights(arrays["model"])
        self.averaged.set_weights(arrays["averaged"])
        for variable, value in zip(self.optimiser.variables, arrays["optimiser"], strict=True):
            variable.assign(value)

    def epoch(self, epoch: int) -> EpochReport | Literal["stopped", "diverged"]:
        """Train and validate one epoch, or say why it did not come to its end."""
        started = reported = time.monotonic()
        total = 0.0
        for done, (pixels, targets) in enumerate(self._batches(epoch), start=1):
            if self.should_stop():
                return "stopped"
            total += float(self.step(pixels, targets))
            if not math.isfinite(total):
                return "diverged"
            now = time.monotonic()
            if now - reported >= REPORT_EVERY_SECONDS:
                reported = now
                speed = done * self.config.batch_size / (now - started)
                self.progress(
                    StepReport(epoch, self.config.all_epochs, done, self.steps, total / done, speed)
                )
        return self._report(epoch, total / self.steps, started)

    def _batches(self, epoch: int) -> Iterator[tuple[Pixels, npt.NDArray[np.float32]]]:
        """Shuffle and augment by (seed, epoch) alone, so that a resumed run repeats the order."""
        rng = np.random.default_rng([self.config.seed, epoch])
        order = rng.permutation(len(self.data.train))
        size = self.config.batch_size
        for start in range(0, self.steps * size, size):
            chosen = order[start : start + size]
            pixels = self.data.train.pixels[chosen]
            targets = self.data.train.labels[chosen].astype(np.float32)
            augment(pixels, rng, flip=self.config.horizontal_flip, erase_size=self.erase_size)
            if rng.random() < self.cutmix:
                targets = mix(pixels, targets, rng)
            yield pixels, targets

    def _step(self, pixels: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        smoothing = self.config.label_smoothing
        soft = targets * (1.0 - smoothing) + 0.5 * smoothing
        with tf.GradientTape() as tape:
            logits = self.model(tf.cast(pixels, tf.float32), training=True)[:, 0]
            losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=soft, logits=logits)
            loss = tf.reduce_mean(losses)
        variables = self.model.trainable_variables
        self.optimiser.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        self._average()
        return loss

    def _average(self) -> None:
        # Early on the average would lag behind by the random start: let it follow faster there.
        step = tf.cast(self.optimiser.iterations, tf.float32)
        momentum = tf.minimum(self.config.ema_momentum, (1.0 + step) / (10.0 + step))
        for slow, fast in zip(self.averaged.weights, self.model.weights, strict=True):
            slow.assign(fast + momentum * (slow - fast))

    def _report(self, epoch: int, train_loss: float, started: float) -> EpochReport:
        raw, averaged = (self._validate(evaluate) for evaluate in self.evaluators)
        seconds = time.monotonic() - started
        return EpochReport(epoch, self.config.all_epochs, train_loss, *raw, *averaged, seconds)

    def _validate(self, evaluate: Callable[[Pixels], tf.Tensor]) -> tuple[float, float]:
        """Return the mean negative log likelihood and the accuracy on validation."""
        images = self.data.validation
        parts = [images.pixels[i : i + 256] for i in range(0, len(images), 256)]
        logits = np.concatenate([evaluate(part).numpy()[:, 0] for part in parts])
        accuracy = float(np.mean((logits >= 0) == (images.labels == 1)))
        return calibration.log_loss(logits, images.labels), accuracy


def augment(pixels: Pixels, rng: np.random.Generator, *, flip: bool, erase_size: int) -> None:
    """Mirror half of the images (n, h, w, 3) and grey out a square in half of them, in place."""
    if flip:
        mirrored = rng.random(len(pixels)) < 0.5
        pixels[mirrored] = pixels[mirrored, :, ::-1]
    if erase_size:
        height, width = pixels.shape[1:3]
        for index in np.flatnonzero(rng.random(len(pixels)) < 0.5):
            top, left = rng.integers((0, 0), (height, width)) - erase_size // 2
            rows = slice(max(top, 0), top + erase_size)
            columns = slice(max(left, 0), left + erase_size)
            pixels[index, rows, columns] = GREY


def mix(pixels: Pixels, targets: Targets, rng: np.random.Generator) -> Targets:
    """Give each image a rectangle of another one, in place, and mix the targets by area.

    CutMix (Yun et al. 2019, arXiv 1905.04899), with one change: the rectangle is made of whole
    8x8 blocks at their own places, so that the JPEG grid which every image carries stays whole.

    Args:
        pixels: (n, h, w, 3), h and w multiples of 8.
        targets: (n,) in [0, 1].

    Returns:
        The mixed targets (n,).
    """
    blocks = np.array(pixels.shape[1:3]) // JPEG_BLOCK
    size = rng.integers(1, np.maximum(blocks, 2))
    start = rng.integers(0, blocks - size + 1)
    (top, left), (bottom, right) = start * JPEG_BLOCK, (start + size) * JPEG_BLOCK
    other = rng.permutation(len(pixels))
    pixels[:, top:bottom, left:right] = pixels[other, top:bottom, left:right]
    share = float(np.prod(size) / np.prod(blocks))
    return ((1.0 - share) * targets + share * targets[other]).astype(np.float32)


def _optimiser(
    config: TrainingConfig, peak: float, steps: int, warmup: int
) -> keras.optimizers.Optimizer:
    """AdamW under a linear warm-up and a cosine down to a thousandth of the peak."""
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else peak,
        decay_steps=max(steps - warmup, 1),
        alpha=1e-3,
        warmup_target=peak if warmup else None,
        warmup_steps=warmup,
    )
    optimiser = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    optimiser.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimiser
