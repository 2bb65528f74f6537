"""Memory that does not suffice becomes an error with a code and a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from ml.errors import TrainingError

OUT_OF_MEMORY = (
    "There was not memory enough to train: choose a smaller batch or fewer images, or give the "
    "training worker more memory."
)


@contextmanager
def memory_told() -> Iterator[None]:
    """Turn Python's and TensorFlow's lack of memory into `TrainingError` with `out_of_memory`."""
    from tensorflow.errors import ResourceExhaustedError

    try:
        yield
    except (MemoryError, ResourceExhaustedError) as error:
        raise TrainingError("out_of_memory", OUT_OF_MEMORY) from error
