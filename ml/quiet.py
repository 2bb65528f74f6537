"""TensorFlow starts without its greeting, which says nothing to whoever waits for a verdict."""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["import_tensorflow", "silenced"]

STANDARD_ERROR = 2  # The file descriptor, for native code knows no `sys.stderr`.


def import_tensorflow() -> None:
    """Import TensorFlow and Keras in silence, if this process has not done so yet.

    TensorFlow 2.21 writes a dozen lines to the file descriptor of standard error before it reads
    the variable that would hold them back. What goes wrong is raised as ever.
    """
    if "tensorflow" in sys.modules:
        return
    # For what it writes later, when it opens its devices.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with silenced():
        for name in ("tensorflow", "keras"):
            importlib.import_module(name)


@contextmanager
def silenced() -> Iterator[None]:
    """Send nowhere what is written to standard error; threads and native code included."""
    sys.stderr.flush()
    kept = os.dup(STANDARD_ERROR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, STANDARD_ERROR)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, STANDARD_ERROR)
        os.close(kept)
        os.close(nowhere)
