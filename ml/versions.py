"""What a figure depends on besides the model: the libraries and the machine it was made with."""

import os
import platform
from importlib.metadata import version

LIBRARIES = ("tensorflow", "keras", "numpy", "pillow", "scikit-learn", "ai-edge-litert")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that figures can depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def machine() -> str:
    """Return the cores that this process may use and the kind of processor."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {platform.machine()}, {platform.system()}"


def load_average() -> float | None:
    """Return how many processes wanted to run in the last minute, where the system tells."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
