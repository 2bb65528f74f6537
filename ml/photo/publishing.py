"""A fit becomes a stored model: its folder, its spec, and a card that says where it ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ml import artifacts, modelcard
from ml.architectures import PHOTO_ENSEMBLE
from ml.contract import (
    Calibration,
    Domain,
    FalseAlarms,
    ModelSpec,
    PhotoFigures,
    Preprocessing,
)
from ml.photo import card
from ml.photo.crops import SIDE
from ml.photo.heads import PhotoHeads

__all__ = ["Fitted", "domain_of", "store"]

WEIGHTS_FILE = "heads.npz"
MAP_LAYER = "score-map"
MOST_NAMED = 5  # sources in the sentence about the domain


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A model that is ready to be stored.

    Attributes:
        heads: What was learnt from all pictures.
        band: (low, high) of P(FAKE) between which it does not decide.
        figures: What it is worth.
        graph: The compiled network that its features come from.
        skipped: A line for each picture that was left out.
        false_alarms: What the REAL pictures got of heads that had not learnt them.
    """

    heads: PhotoHeads
    band: tuple[float, float]
    figures: PhotoFigures
    graph: bytes
    skipped: tuple[str, ...]
    false_alarms: FalseAlarms | None = None


def store(fitted: Fitted, out_dir: Path, *, name: str, source: str) -> ModelSpec:
    """Write a fitted model and its card, replacing what was there whole or not at all.

    Args:
        fitted: From `ml.photo.fitting.fit`.
        out_dir: The model's folder.
        name: The model's name.
        source: What the card calls the pictures that it was fitted to.

    Raises:
        ArtifactError: As `ml.artifacts.save`.
    """
    low, high = fitted.band
    spec = ModelSpec(
        name=name,
        architecture=PHOTO_ENSEMBLE,
        architecture_options={},
        preprocessing=Preprocessing(SIDE, SIDE, jpeg_quality=None),
        gradcam_layer=MAP_LAYER,
        domain=domain_of(fitted.figures),
        calibration=Calibration(1.0, low, high, fitted.false_alarms),
        weights_sha256="",
        track="photo",
        flip_averaging=False,
        weights_file=WEIGHTS_FILE,
        photo=fitted.figures,
    )
    stored = artifacts.save(out_dir, spec, fitted.heads.save, graph=fitted.graph)
    artifacts.write_text(out_dir / modelcard.FILE_NAME, card.render(stored, source))
    return stored


def domain_of(figures: PhotoFigures) -> Domain:
    """Return what a fit was validated for: its sources, and sizes as they occurred in them."""
    low, high = figures.shortest, figures.longest
    sides = f"{low} pixels" if low == high else f"{low} to {high} pixels"
    sentence = (
        f"Pictures like the {figures.real + figures.fake} from {_listed(figures)} that it was "
        f"fitted to, with a shorter side of {sides}."
    )
    return Domain(SIDE, SIDE, sentence, shorter_sides=(low, high))


def _listed(figures: PhotoFigures) -> str:
    names: Sequence[str] = [source.name for source in figures.sources]
    if len(names) > MOST_NAMED:
        return f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} more sources"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
