"""How gradients move weights: Keras' optimisers, and Muon for kernels of convolutions."""

import keras
import tensorflow as tf
from keras import ops

from ml.contract import TrainingConfig

__all__ = ["KernelMuon", "optimiser"]

FINAL_SHARE = 1e-3  # of the peak, at the end of the cosine
MUON_RATE = 10.0  # how much faster Muon's kernels go than what AdamW moves beside them
NEWTON_SCHULZ_STEPS = 5
SMALLEST_SIDE = 16
NOT_DECAYED = ["bias", "gamma", "beta"]


def optimiser(
    config: TrainingConfig, peak: float, steps: int, warmup: int
) -> keras.optimizers.Optimizer:
    """Return the configured optimiser for a cycle.

    Args:
        config: Names the optimiser, its schedule and its weight decay.
        peak: Learning rate after the warm-up.
        steps: Length of the cycle.
        warmup: Steps of it in which the rate rises linearly from zero.
    """
    factor = MUON_RATE if config.optimiser == "muon" else 1.0
    rate = _schedule(config, factor * peak, steps, warmup)
    made = _make(config, rate)
    if config.optimiser in ("adamw", "muon"):
        made.exclude_from_weight_decay(var_names=NOT_DECAYED)
    return made


class KernelMuon(keras.optimizers.Muon):
    """Muon (Jordan et al. 2024) for the kernels of inner layers; AdamW moves everything else.

    Keras' own Muon hands every variable that is not two-dimensional to AdamW, and would scale by
    the sides of the window if it did not: in a convolutional network it is AdamW by another name.
    Here a kernel (height, width, in, out) is the matrix (height * width * in, out) that it is in
    the convolution: its momentum is orthogonalised as such, and scaled by .2 of the root of the
    longer side, which gives the update the size that AdamW's has (Liu et al. 2025, arXiv
    2502.16982). The first convolution and heads are too narrow for that and stay with AdamW.
    """

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        return len(variable.shape) not in (2, 4) or min(variable.shape[-2:]) < SMALLEST_SIDE

    def _muon_update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, lr: tf.Tensor, m: keras.Variable
    ) -> None:
        m.assign(self.momentum * m + gradient)
        ahead = gradient + self.momentum * m if self.nesterov else m
        matrix = ops.reshape(ahead, (-1, variable.shape[-1]))
        update = self.lr_adjust(lr * self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
        variable.assign_sub(ops.reshape(update, variable.shape))


def _make(
    config: TrainingConfig, rate: keras.optimizers.schedules.LearningRateSchedule
) -> keras.optimizers.Optimizer:
    decay = config.weight_decay
    match config.optimiser:
        case "adamw":
            return keras.optimizers.AdamW(rate, weight_decay=decay)
        case "adam":
            return keras.optimizers.Adam(rate)
        case "sgd":
            return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)
        case "rmsprop":
            return keras.optimizers.RMSprop(rate)
        case "muon":
            return KernelMuon(
                rate,
                weight_decay=decay,
                adam_lr_ratio=1.0 / MUON_RATE,
                adam_weight_decay=decay / MUON_RATE,
                ns_steps=NEWTON_SCHULZ_STEPS,
            )


def _schedule(
    config: TrainingConfig, peak: float, steps: int, warmup: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """A linear warm-up, and then down to a thousandth of the peak or on at the peak."""
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else peak,
        decay_steps=max(steps - warmup, 1),
        alpha=FINAL_SHARE if config.schedule == "cosine" else 1.0,
        warmup_target=peak if warmup else None,
        warmup_steps=warmup,
    )
