"""What the device decides: in which arithmetic layers compute, and how a step is compiled."""

from pathlib import Path

import tensorflow as tf

from ml.contract import TrainingConfig
from ml.versions import machine

# NVIDIA's Ampere; older ones have no bfloat16 units, and float16 would need loss scaling.
BFLOAT16_CAPABILITY = (8, 0)
# Where a processor has one of these, the champion trains 2.2 times as fast (measured on AMD Zen 5);
# where it has not, bfloat16 is computed in float32 and only costs.
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
CPU_INFO = Path("/proc/cpuinfo")


def precision(config: TrainingConfig) -> str:
    """Return the Keras dtype policy that the configuration means on this machine."""
    if config.precision != "auto":
        return config.precision
    devices = tf.config.list_physical_devices("GPU")
    is_capable = (
        all(_capability(device) >= BFLOAT16_CAPABILITY for device in devices)
        if devices
        else cpu_has_bfloat16()
    )
    return "mixed_bfloat16" if is_capable else "float32"


def cpu_has_bfloat16(info: Path = CPU_INFO) -> bool:
    """Tell whether the processor multiplies in bfloat16; no where the system does not say."""
    try:
        lines = info.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    return not BFLOAT16_FLAGS.isdisjoint(flags.split())


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
