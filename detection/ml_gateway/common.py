"""What all doors to `ml` share: its errors in our words, and the versions that are loaded."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml.inference import AnyDetector, Detector

# Two tracks look at whole images: of each a champion and the version that it takes over from.
LOADED_VERSIONS = 4


class GatewayError(Exception):
    """The science could not answer; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class _Cores:
    """How many cores TensorFlow was given, once that is settled for this process."""

    settled: int | None = None


def settle_threads(threads: int) -> None:
    """Give TensorFlow so many cores in this process, unless it runs already: then it keeps its own.

    Versions that are loaded later take the same number, as one process cannot have two.
    """
    from ml.errors import ContractError
    from ml.runtimes.tensorflow import choose_threads

    with suppress(ContractError):
        choose_threads(threads)
        _Cores.settled = threads


@lru_cache(maxsize=LOADED_VERSIONS)
def detector_of(directory: Path, spec: str, threads: int) -> "AnyDetector":
    """Load a version once; what it was registered with is part of the key and has to agree."""
    from ml.contract import ModelSpec
    from ml.inference import load

    detector = load(directory, threads=threads if _Cores.settled is None else _Cores.settled)
    if detector.spec != ModelSpec.from_json(spec):
        raise GatewayError(
            "wrong_model",
            "The model on disk is not the one that this version was registered with.",
        )
    return detector


def network_of(directory: Path, spec: str, threads: int) -> "Detector":
    """Load a version whose network takes prepared images, such as faces that were cut out.

    Raises:
        ArtifactError: `not_a_network` for a version of another kind, and as `detector_of`.
    """
    from ml.errors import ArtifactError
    from ml.inference import Detector

    detector = detector_of(directory, spec, threads)
    if not isinstance(detector, Detector):
        raise ArtifactError(
            "not_a_network", "The version looks at whole pictures and cannot judge faces."
        )
    return detector


@contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of `ml` into `GatewayError`, code and sentence as they are."""
    from ml.errors import MlError

    try:
        yield
    except MlError as error:
        raise GatewayError(error.code, error.sentence) from error
