"""The network that learns, the running average of its weights, and the step that moves both."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ml import architectures, artifacts, calibration
from ml.checkpoints import Arrays
from ml.contract import TrainingConfig
from ml.datasets import LabelledImages
from ml.errors import TrainingError
from ml.training import device
from ml.training.optimisers import optimiser
from ml.training.subjects import SUBJECTS

VALIDATION_BATCH = 256


class Learner:
    """One network in training.

    Args:
        config: What to build and how to move it.
        input_size: (width, height) of the images.
        steps: Of an epoch.
        is_fresh: Whether it begins as configured; what is restored needs no initial weights.

    Raises:
        ContractError: As `ml.architectures.build`.
        ArtifactError: As `ml.artifacts.load_network`, from the initial weights.
        TrainingError: `initial_weights_mismatch`.
    """

    def __init__(
        self,
        config: TrainingConfig,
        input_size: tuple[int, int],
        steps: int,
        *,
        is_fresh: bool = True,
    ) -> None:
        self.config, self.steps = config, steps
        keras.utils.set_random_seed(config.seed)
        name, policy = config.architecture, device.precision(config)
        structure = architectures.structure(name, config.architecture_options)
        options = config.architecture_options if is_fresh else structure
        self.model = architectures.build(name, options, input_size=input_size, precision=policy)
        self.averaged = architectures.build(name, structure, input_size=input_size)
        if config.initial_weights and is_fresh:
            _load_initial(config, self.model)
        self.averaged.set_weights(self.model.get_weights())
        self.joint = self._with_subjects() if config.subject_weight else self.model
        self.totals = tf.Variable(tf.zeros(2), trainable=False)  # loss, right answers
        self.evaluators = [
            tf.function(lambda pixels, model=model: model(_floats(pixels), training=False))
            for model in (self.model, self.averaged)
        ]
        warmup = config.warmup_epochs * steps
        self._begin(config.peak_learning_rate, config.epochs * steps, round(warmup))

    def begin_finetuning(self) -> None:
        """Go on from the averaged weights, under a schedule of its own."""
        steps = self.config.finetune_epochs * self.steps
        self.model.set_weights(self.averaged.get_weights())
        self._begin(self.config.finetune_learning_rate, steps, round(0.1 * steps))

    def begin_epoch(self, epoch: int) -> None:
        """Forget the totals, and let layers that draw (dropout) do so by seed and epoch alone."""
        self.totals.assign(tf.zeros(2))
        weights = {id(variable) for variable in self.joint.weights}
        states = [state for state in self.joint.variables if id(state) not in weights]
        for index, state in enumerate(states):
            rng = np.random.default_rng([self.config.seed, epoch, index])
            state.assign(rng.integers(2**31, size=state.shape))

    def mean_totals(self, steps: int) -> tuple[float, float]:
        """Return loss and accuracy over the `steps` of the epoch so far."""
        loss, right = self.totals.numpy() / steps
        return float(loss), float(right)

    def validate(self, images: LabelledImages) -> tuple[float, float, float, float]:
        """Return loss and accuracy with the raw weights, then with the averaged ones.

        The loss is the mean negative log likelihood.
        """
        raw, averaged = (_judged(evaluate, images) for evaluate in self.evaluators)
        return *raw, *averaged

    def arrays(self) -> Arrays:
        """Return all that changes from step to step, as numpy arrays."""
        return {
            group: [variable.numpy() for variable in variables]
            for group, variables in self._groups().items()
        }

    def restore(self, arrays: Arrays) -> None:
        """Set what `arrays` returned.

        Raises:
            TrainingError: `checkpoint_mismatch` when it is of another network or optimiser.
        """
        for group, variables in self._groups().items():
            _assign(variables, arrays.get(group, []))

    def _groups(self) -> dict[str, Sequence[Any]]:
        groups = {
            "model": self.model.weights,
            "averaged": self.averaged.weights,
            "optimiser": self.optimiser.variables,
        }
        if self.joint is not self.model:
            groups["subject"] = self.joint.get_layer("subject").weights
        return groups

    def _with_subjects(self) -> keras.Model:
        """Return the network with a second head, on whatever its last layer sees."""
        features = self.model.layers[-1].input
        subject = keras.layers.Dense(SUBJECTS, dtype="float32", name="subject")(features)
        both = keras.layers.Concatenate(dtype="float32")([self.model.output, subject])
        return keras.Model(self.model.input, both)

    def _begin(self, peak: float, steps: int, warmup: int) -> None:
        """Start a cycle: a fresh optimiser, and a step compiled for it."""
        self.optimiser = optimiser(self.config, peak, steps, warmup)
        self.optimiser.build(self.joint.trainable_variables)
        self.step = tf.function(self._step, jit_compile=device.wants_xla() or None)

    def _step(self, pixels: tf.Tensor, targets: tf.Tensor) -> None:
        """Learn from pixels (n, h, w, 3) and targets (n, 1 or 11)."""
        with tf.GradientTape() as tape:
            logits = self.joint(tf.cast(pixels, tf.float32), training=True)
            loss = self._loss(logits[:, 0], targets[:, 0])
            whole = loss + self._subject_loss(logits[:, 1:], targets[:, 1:])
        variables = self.joint.trainable_variables
        self.optimiser.apply_gradients(zip(tape.gradient(whole, variables), variables, strict=True))
        self._average()
        right = tf.equal(logits[:, 0] >= 0.0, targets[:, 0] >= 0.5)
        self.totals.assign_add([loss, tf.reduce_mean(tf.cast(right, tf.float32))])

    def _loss(self, logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        smoothing = self.config.label_smoothing
        soft = targets * (1.0 - smoothing) + 0.5 * smoothing
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=soft, logits=logits))

    def _subject_loss(self, logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor | float:
        if self.joint is self.model:
            return 0.0
        smoothing = self.config.label_smoothing
        soft = targets * (1.0 - smoothing) + smoothing / SUBJECTS
        losses = tf.nn.softmax_cross_entropy_with_logits(labels=soft, logits=logits)
        return self.config.subject_weight * tf.reduce_mean(losses)

    def _average(self) -> None:
        # Early on the average would lag behind by the random start: let it follow faster there.
        step = tf.cast(self.optimiser.iterations, tf.float32)
        momentum = tf.minimum(self.config.ema_momentum, (1.0 + step) / (10.0 + step))
        for slow, fast in zip(self.averaged.weights, self.model.weights, strict=True):
            slow.assign(fast + momentum * (slow - fast))


def _floats(pixels: tf.Tensor) -> tf.Tensor:
    return tf.cast(pixels, tf.float32)


def _judged(evaluate: Any, images: LabelledImages) -> tuple[float, float]:
    parts = [
        images.pixels[start : start + VALIDATION_BATCH]
        for start in range(0, len(images), VALIDATION_BATCH)
    ]
    logits = np.concatenate([evaluate(part).numpy()[:, 0] for part in parts])
    accuracy = float(np.mean((logits >= 0) == (images.labels == 1)))
    return calibration.log_loss(logits, images.labels), accuracy


def _load_initial(config: TrainingConfig, model: keras.Model) -> None:
    spec, network = artifacts.load_network(Path(config.initial_weights))
    found = [weight.shape for weight in network.weights]
    wanted = [weight.shape for weight in model.weights]
    if spec.architecture != config.architecture or found != wanted:
        raise TrainingError(
            "initial_weights_mismatch",
            f"The initial weights must be of the architecture {config.architecture!r} with the "
            f"same options. Received: {spec.architecture!r} with {spec.architecture_options!r} "
            f"and {len(found)} weights for {len(wanted)}.",
        )
    model.set_weights(network.get_weights())


def _assign(variables: Sequence[Any], values: Sequence[npt.NDArray[Any]]) -> None:
    wanted = [tuple(variable.shape) for variable in variables]
    found = [value.shape for value in values]
    if wanted != found:
        raise TrainingError(
            "checkpoint_mismatch",
            "The checkpoint is of another network or optimiser than the one this version builds "
            f"for its configuration. Received: {len(found)} arrays for {len(wanted)} variables.",
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
