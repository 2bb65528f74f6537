"""The commands that make models: `train` a network, `export` its run, `publish` with figures.

`false-alarms` measures what an older model, or a graph that was compiled since, calls REAL images.
"""

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml import architectures, artifacts, checkpoints, datasets, recipes
from ml.balance import LEAST_SHARE, check_balance
from ml.cli.interruption import interruptible
from ml.cli.sealed import add_test, check_test
from ml.cli.terminal import answer, tell, tell_loading, tell_report
from ml.contract import TrainingConfig
from ml.datasets import LabelledImages
from ml.errors import TrainingError
from ml.quiet import import_tensorflow
from ml.recipes import Format, Recipe

if TYPE_CHECKING:
    from ml.training import FitResult, TrainingData

FORMATS: tuple[Format, ...] = ("keras", "h5")
_FIELDS = {
    "architecture": str,
    "precision": str,
    "epochs": int,
    "finetune_epochs": int,
    "batch_size": int,
    "validation_images": int,
    "seed": int,
    "erase_size": int,
    "peak_learning_rate": float,
    "finetune_learning_rate": float,
    "finetune_cutmix": float,
    "warmup_epochs": float,
    "weight_decay": float,
    "label_smoothing": float,
    "ema_momentum": float,
    "optimiser": str,
    "schedule": str,
    "cutmix": float,
    "degradation": float,
    "rotation": float,
    "zoom": float,
    "subject_weight": float,
    "patience": int,
    "keep": str,
    "initial_weights": str,
}


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register this module's commands."""
    _add_train(commands.add_parser("train", help="train a network on REAL/ and FAKE/ images"))
    _add_export(commands.add_parser("export", help="make a calibrated model of a run"))
    _add_false_alarms(commands.add_parser("false-alarms", help="measure them on validation"))
    _add_publish(commands.add_parser("publish", help="evaluate on the test images, write a card"))


def _add_train(train: argparse.ArgumentParser) -> None:
    _add_data(train)
    train.add_argument("--out", type=Path, required=True, help="folder of the run")
    train.add_argument("--resume", action="store_true", help="go on after the last stored epoch")
    train.add_argument("--limit", type=int, help="use at most this many images")
    add_test(train)
    train.add_argument(
        "--least-class-share",
        type=float,
        default=LEAST_SHARE,
        help="of the images of each part that the smaller class must have",
    )
    train.add_argument("--recipe", help=f"one of {', '.join(recipes.names())}")
    train.add_argument("--architecture-options", type=_json_object, help="JSON object")
    train.add_argument("--weights", help="to begin with, where the architecture takes such")
    train.add_argument("--horizontal-flip", type=json.loads, help="true or false")
    for name, kind in _FIELDS.items():
        train.add_argument("--" + name.replace("_", "-"), type=kind)
    train.set_defaults(run=_train)


def _add_export(export: argparse.ArgumentParser) -> None:
    export.add_argument("--run", dest="run_dir", type=Path, required=True, help="train's --out")
    _add_data(export)
    export.add_argument("--limit", type=int, help="train's --limit")
    export.add_argument("--out", type=Path, required=True, help="folder of the model")
    export.add_argument("--recipe", help="train's --recipe")
    export.add_argument("--format", dest="formats", action="append", choices=FORMATS, help="also")
    export.add_argument("--name", help="of the model; its recipe's, where that is given")
    export.add_argument("--domain", help="one sentence for the spec")
    export.set_defaults(run=_export)


def _add_false_alarms(measure: argparse.ArgumentParser) -> None:
    measure.add_argument("--model", type=Path, required=True, help="folder of the model")
    _add_data(measure)
    measure.add_argument("--limit", type=int, help="train's --limit")
    measure.set_defaults(run=_false_alarms)


def _add_publish(publish: argparse.ArgumentParser) -> None:
    publish.add_argument("--model", type=Path, required=True, help="folder of the model")
    add_test(publish, required=True)
    publish.add_argument("--train", type=Path, required=True, help="folder or zip trained on")
    publish.set_defaults(run=_publish)


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument("--data", type=Path, required=True, help="folder or zip")
    command.add_argument(
        "--validation",
        type=Path,
        help="folder or zip, where the data comes with a split of its own; the rarer class of "
        "the training images is then repeated until both are even",
    )


def _train(options: argparse.Namespace) -> int:
    import_tensorflow()
    from ml.training import fit

    config = _config(options)
    images = _images(options, options.data, config)
    config = _sized(options, config, len(images))
    data = _divided(options, images, config)
    tell(f"{len(data.train)} images to train on, {len(data.validation)} for validation")
    parts = {"training": data.train.labels, "validation": data.validation.labels}
    if options.test:
        parts["test"] = datasets.labels(options.test)
    for line in check_balance(parts, options.least_class_share):
        tell(line)
    check_test(options, images.hashes)
    with interruptible() as should_stop:
        result = fit(
            config,
            data,
            out_dir=options.out,
            resume=options.resume,
            progress=tell_report,
            should_stop=should_stop,
        )
    tell(_ending(result, options.out))
    return 0 if result.status == "finished" else 1


def _ending(result: "FitResult", out: Path) -> str:
    """Say how a run ended and what may be done about it."""
    epochs = len(result.epochs)
    kept = f"{out} holds the run after epoch {epochs}" if epochs else f"{out} holds no epoch yet"
    if result.status == "stopped":
        again = "the same command with --resume goes on from there"
        return f"stopped: {kept}; {again if epochs else 'the same command starts anew'}"
    if result.status == "diverged":
        return f"diverged: the loss is no number any more; {kept}. Try a lower learning rate"
    return f"finished: {kept}"


def _export(options: argparse.Namespace) -> int:
    import_tensorflow()
    from ml.publishing import export

    recipe = _recipe(options)
    state, _ = checkpoints.read_required(options.run_dir)
    artifacts.check_place(options.out)
    _check_recipe(recipe, state.config)
    data = _divided(options, _images(options, options.data, state.config), state.config)
    spec = export(
        options.run_dir,
        data,
        options.out,
        name=options.name or (recipe.name if recipe else f"my-{_slug(state.config.architecture)}"),
        domain=options.domain or (recipe and recipe.domain) or recipes.CIFAKE_DOMAIN,
        track=recipe.track if recipe else "thumbnail",
        flip_averaging=recipe.flip_averaging if recipe else None,
    )
    tell(f"stored {spec.name} after {len(state.epochs)} epochs in {options.out}")
    _write_whole(options.out, options.formats or (recipe.formats if recipe else ()))
    return 0


def _check_recipe(recipe: Recipe | None, config: TrainingConfig) -> None:
    """Refuse to call a run's network by the name of a recipe of another architecture."""
    if recipe is not None and recipe.config.architecture != config.architecture:
        raise TrainingError(
            "other_recipe",
            f"The recipe must be the one that the run was trained by. Received: {recipe.name}, "
            f"and a run of the architecture {config.architecture}.",
        )


def _slug(name: str) -> str:
    """Bring an architecture's name into the form that a model's has."""
    return name.replace("_", "-")


def _write_whole(model_dir: Path, formats: Sequence[Format]) -> None:
    from ml.exporting import write_whole

    for form in formats:
        tell(f"wrote {write_whole(model_dir, form)}")


def _false_alarms(options: argparse.Namespace) -> int:
    from ml.publishing import keep_false_alarms

    spec = artifacts.verify(options.model)
    artifacts.require_network(spec)
    if spec.training is None:
        raise TrainingError(
            "no_training_record",
            f"{spec.name} does not tell what it was trained on, so its validation images are not "
            "known.",
        )
    config = spec.training.config
    data = _divided(options, _images(options, options.data, config), config)
    table = keep_false_alarms(options.model, data.validation).calibration.false_alarms
    if table is not None:
        of = f"of {table.real:,} REAL images"
        for point in table.points:
            answer(f"{point.share:>8.2%} {of}: from {point.threshold:.6f} on")
    return 0


def _publish(options: argparse.Namespace) -> int:
    import_tensorflow()
    from ml.publishing import publish

    spec = publish(
        options.model,
        options.test,
        options.train,
        tolerated_copies=options.tolerated_copies,
        progress=tell_loading,
    )
    if spec.evaluation:
        answer(spec.evaluation.to_json())
    return 0


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"a JSON object is wanted. Received: {text}")
    return value


def _recipe(options: argparse.Namespace) -> Recipe | None:
    return recipes.find(options.recipe) if options.recipe else None


def _config(options: argparse.Namespace) -> TrainingConfig:
    """Return the recipe's configuration, or the default one, with what was given in its place."""
    recipe = _recipe(options)
    base = recipe.config if recipe else TrainingConfig()
    names = (*_FIELDS, "architecture_options", "horizontal_flip")
    if options.epochs is not None and options.warmup_epochs is None:
        # What is warmed up over an epoch by default must not fill a run of one.
        options.warmup_epochs = min(base.warmup_epochs, options.epochs / 4)
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    same = given.get("architecture", base.architecture) == base.architecture
    chosen = {} if options.weights is None else {"weights": options.weights}
    given["architecture_options"] = {
        **(base.architecture_options if same else {}),
        **(options.architecture_options or {}),
        **chosen,
    }
    # By way of JSON, because that road checks the type of each value.
    return TrainingConfig.from_json(json.dumps(dataclasses.asdict(base) | given))


def _sized(options: argparse.Namespace, config: TrainingConfig, count: int) -> TrainingConfig:
    """Hold back the recipe's share of `count` images, unless a number was given."""
    recipe = _recipe(options)
    if recipe is None or options.validation_images is not None:
        return config
    return dataclasses.replace(config, validation_images=recipe.validation_images(count))


def _divided(
    options: argparse.Namespace, images: LabelledImages, config: TrainingConfig
) -> "TrainingData":
    """Take the split that was given, or split off the configuration's validation images."""
    from ml.training import TrainingData

    if options.validation is None:
        return TrainingData.divide(images, config)
    return TrainingData.given(images, _images(options, options.validation, config))


def _images(options: argparse.Namespace, path: Path, config: TrainingConfig) -> LabelledImages:
    form = architectures.find(config.architecture).form
    images = datasets.load(path, form, limit=options.limit, progress=tell_loading)
    for line in images.unreadable:
        tell(f"skipped {line}")
    return images
