"""Fits a model of the photo track to labelled pictures, as a run of the portal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from detection.ml_gateway.common import GatewayError, translated


@dataclass(frozen=True, slots=True)
class PhotoItem:
    """One line of a snapshot: `label` is "real" or "fake"; `read` returns the file's bytes.

    `source` is the site or camera that it comes from, as far as people know it; pictures of one
    `group` are near-copies, and are always held out together.
    """

    name: str
    label: str
    read: Callable[[], bytes]
    source: str
    group: str


@dataclass(frozen=True, slots=True)
class FitStep:
    """Where a fit stands: pictures that were read, or parts of the validation that are done."""

    stage: Literal["reading", "validating"]
    done: int
    of: int


def photo_fit(
    items: Sequence[PhotoItem],
    folder: Path,
    out_dir: Path,
    *,
    name: str,
    source: str,
    threads: int,
    false_alarms: float,
    seed: int,
    progress: Callable[[FitStep], None],
    should_stop: Callable[[], bool],
) -> bool:
    """Fit, validate, and store the model in `out_dir` with its spec.

    Args:
        items: All that is learnt from; each is judged by heads that never saw it.
        folder: Keeps what was read of each picture, so that a fit that was killed goes on.
        out_dir: Where the model goes.
        name: Of the model.
        source: What the record calls the pictures.
        threads: Cores to use.
        false_alarms: Share of the real pictures that may be called AI-generated.
        seed: Of the folds and of the intervals.
        progress: Told of each step.
        should_stop: Asked between steps.

    Returns:
        Whether it was fitted; `False` when it was stopped.

    Raises:
        GatewayError: With the code of `ml`: too few pictures, one class alone, labels that
            contradict each other, ...; or `files_not_written`.
    """
    from ml.photo.fitting import FitProgress, Picture, fit, store

    def tell(step: FitProgress) -> None:
        progress(FitStep(step.stage, step.done, step.of))

    with translated():
        fitted = fit(
            [Picture(one.name, _label(one), one.read, one.source, one.group) for one in items],
            cache=folder,
            threads=threads,
            false_alarms=false_alarms,
            seed=seed,
            progress=tell,
            should_stop=should_stop,
        )
        if fitted is None:
            return False
        try:
            store(fitted, out_dir, name=name, source=source)
        except OSError as error:
            raise GatewayError(
                "files_not_written",
                "The model could not be written to disk, and nothing of it was kept: "
                f"{error.strerror or error}.",
            ) from error
    return True


def _label(item: PhotoItem) -> Literal["real", "fake"]:
    return "fake" if item.label == "fake" else "real"
