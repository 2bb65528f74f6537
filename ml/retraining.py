"""From a list of labelled items to a calibrated model: what a run in the portal does, in steps.

A run either goes on from a stored model, keeping what it is (architecture, options, form, name,
domain), or starts with fresh weights under the architecture's recipe.
"""

import dataclasses
import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml import architectures, recipes
from ml.contract import Domain, ModelSpec, Preprocessing, TrainingConfig
from ml.datasets import LabelledItem, Progress, load_items
from ml.errors import TrainingError

if TYPE_CHECKING:
    from ml.training import TrainingData

__all__ = ["OFFERED", "Origin", "config_of", "export", "form_of", "prepare"]

# What a person decides for each run; the rest is the model's or the recipe's.
OFFERED = (
    "epochs",
    "peak_learning_rate",
    "batch_size",
    "horizontal_flip",
    "cutmix",
    "degradation",
    "new_share",
    "seed",
    "precision",
)
THUMBNAIL = (32, 32)
# A model that is good already is moved gently, and handed on where validation liked it best.
GENTLE: dict[str, Any] = {
    "epochs": 3,
    "finetune_epochs": 0,
    "optimiser": "adamw",
    "schedule": "cosine",
    "peak_learning_rate": 1e-4,
    "weight_decay": 0.01,
    "cutmix": 0.25,
    "ema_momentum": 0.99,
    "patience": 0,
    "keep": "best",
}
MOST_WARMUP = 0.2  # of all epochs


@dataclass(frozen=True, slots=True)
class Origin:
    """The stored model that a run goes on from.

    `label` is what the new model's record calls it.
    """

    directory: Path
    spec: ModelSpec
    label: str


def config_of(
    architecture: str, origin: ModelSpec | None, chosen: dict[str, Any], directory: str = ""
) -> TrainingConfig:
    """Return the whole configuration of a run.

    Args:
        architecture: Its name; that of `origin`, where there is one.
        origin: The spec of the model to go on from.
        chosen: Fields of `OFFERED`; those that are absent have their default.
        directory: Where `origin` lies.

    Raises:
        ContractError: `unknown_architecture`, or a value that is not allowed.
    """
    config = _gentle(origin, directory) if origin else _fresh(architecture)
    plain = dataclasses.asdict(config) | {"warmup_epochs": 0.0} | chosen
    # By way of plain values, because that road checks the type of each.
    whole = TrainingConfig.from_json(json.dumps(plain))
    warmup = min(config.warmup_epochs, MOST_WARMUP * whole.epochs)
    return dataclasses.replace(whole, warmup_epochs=warmup)


def form_of(config: TrainingConfig, origin: ModelSpec | None) -> Preprocessing:
    """Return how images are prepared: as for the origin, or thumbnails as they are."""
    if origin:
        return origin.preprocessing
    width, height = THUMBNAIL
    form = architectures.find(config.architecture).form
    return dataclasses.replace(form, width=width, height=height)


def prepare(
    train: Sequence[LabelledItem],
    validation: Sequence[LabelledItem],
    form: Preprocessing,
    *,
    source: str,
    new: AbstractSet[str] | None = None,
    progress: Progress | None = None,
) -> "TrainingData":
    """Read both sides of a split into memory.

    Args:
        train: To learn from.
        validation: To choose and calibrate by.
        form: How images are prepared.
        source: What the record calls the data.
        new: Content hashes of the images that count as new.
        progress: Called with images done and images in all.

    Raises:
        DatasetError: As `ml.datasets.load_items`, `one_class_only` or `test_overlaps_training`.
    """
    from ml.training import TrainingData

    told = progress or (lambda done, of: None)
    count, of = len(train), len(train) + len(validation)
    kept = load_items(train, form, source=source, progress=lambda done, _: told(done, of))
    held = load_items(
        validation, form, source=source, progress=lambda done, _: told(count + done, of)
    )
    for side, images in (("training", kept), ("validation", held)):
        if len(set(images.labels.tolist())) < 2:
            raise TrainingError(
                "one_class_only", f"The {side} images of {source} must be of both classes."
            )
    return TrainingData.given(kept, held, new=new)


def export(
    run_dir: Path,
    data: "TrainingData",
    out_dir: Path,
    *,
    name: str,
    origin: Origin | None,
) -> ModelSpec:
    """Store the run's model, calibrated on its validation images and compiled.

    A model whose compiled graph was of 8 bits gets such a graph again, unless it strays from the
    network's answers too far.

    Raises:
        TrainingError, ArtifactError: As `ml.publishing.export`.
    """
    from ml import checkpoints, publishing
    from ml.errors import ArtifactError

    state, _ = checkpoints.read_required(run_dir)
    spec = origin.spec if origin else None
    options: dict[str, Any] = {
        "name": name,
        "domain": spec.domain if spec else Domain(*THUMBNAIL, recipes.CIFAKE_DOMAIN),
        "track": spec.track if spec else "thumbnail",
        "flip_averaging": spec.flip_averaging if spec else None,
        "form": form_of(state.config, spec),
        "origin": origin.label if origin else "",
    }
    if spec and spec.graph_precision == "int8":
        try:
            return publishing.export(run_dir, data, out_dir, **options, graph_precision="int8")
        except ArtifactError as error:
            if error.code != "graph_differs":
                raise
    return publishing.export(run_dir, data, out_dir, **options)


def _gentle(origin: ModelSpec, directory: str) -> TrainingConfig:
    before = origin.training.config if origin.training else TrainingConfig()
    return dataclasses.replace(
        before,
        **GENTLE,
        architecture=origin.architecture,
        architecture_options=origin.architecture_options,
        warmup_epochs=0.2,
        # Names tell no subject outside of CIFAKE, and precision is the machine's business.
        subject_weight=0.0,
        precision="auto",
        initial_weights=directory,
        new_share=None,
    )


def _fresh(architecture: str) -> TrainingConfig:
    """Return the configuration of the architecture's recipe, or a plain one."""
    architectures.find(architecture)
    for name in recipes.names():
        recipe = recipes.find(name)
        if recipe.config.architecture == architecture and recipe.track == "thumbnail":
            return dataclasses.replace(recipe.config, subject_weight=0.0, precision="auto")
    return TrainingConfig(architecture=architecture)
