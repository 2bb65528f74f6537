"""What the device decides: in which arithmetic layers compute, and how a step is compiled."""

import tensorflow as tf

from ml.contract import TrainingConfig
from ml.versions import machine

# NVIDIA's Ampere; older ones have no bfloat16 units, and float16 would need loss scaling.
BFLOAT16_CAPABILITY = (8, 0)


def precision(config: TrainingConfig) -> str:
    """Return the Keras dtype policy that the configuration means on this machine."""
    if config.precision != "auto":
        return config.precision
    devices = tf.config.list_physical_devices("GPU")
    capable = [device for device in devices if _capability(device) >= BFLOAT16_CAPABILITY]
    return "mixed_bfloat16" if devices and len(capable) == len(devices) else "float32"


def wants_xla() -> bool:
    """Tell whether XLA shall compile the step, as Keras' `fit` has it do by default.

    On a CPU it takes as much processor time a step (measured: 589 ms for the residual network, 585
    without), and longer before the first one.
    """
    return bool(tf.config.list_physical_devices("GPU"))


def name() -> str:
    """Return what training computes on, in words."""
    devices = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(device) for device in devices]
    return ", ".join(str(one.get("device_name", "GPU")) for one in details) or machine()


def _capability(device: tf.config.PhysicalDevice) -> tuple[int, int]:
    details = tf.config.experimental.get_device_details(device)
    return tuple(details.get("compute_capability", (0, 0)))
