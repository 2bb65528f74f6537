"""The commands that make models: `train` a network, `export` its run, `publish` with figures."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ml import architectures, checkpoints, datasets
from ml.cli.terminal import answer, tell, tell_loading, tell_report
from ml.contract import Preprocessing, TrainingConfig
from ml.quiet import import_tensorflow

if TYPE_CHECKING:
    from ml.training import TrainingData

CIFAKE_DOMAIN = (
    "32x32 thumbnails such as those of CIFAKE: photographs of ten subjects from CIFAR-10 and "
    "pictures of the same subjects made with Stable Diffusion 1.4."
)
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
    _add_publish(commands.add_parser("publish", help="evaluate on the test images, write a card"))


def _add_train(train: argparse.ArgumentParser) -> None:
    train.add_argument("--data", type=Path, required=True, help="folder or zip")
    train.add_argument("--out", type=Path, required=True, help="folder of the run")
    train.add_argument("--resume", action="store_true", help="go on after the last stored epoch")
    train.add_argument("--limit", type=int, help="use at most this many images")
    train.add_argument("--architecture-options", type=json.loads, default={}, help="JSON object")
    train.add_argument("--horizontal-flip", type=json.loads, default=True, help="true or false")
    defaults = TrainingConfig()
    for name, kind in _FIELDS.items():
        flag = "--" + name.replace("_", "-")
        train.add_argument(flag, type=kind, default=getattr(defaults, name))
    train.set_defaults(run=_train)


def _add_export(export: argparse.ArgumentParser) -> None:
    export.add_argument("--run", dest="run_dir", type=Path, required=True, help="train's --out")
    export.add_argument("--data", type=Path, required=True, help="train's --data")
    export.add_argument("--limit", type=int, help="train's --limit")
    export.add_argument("--out", type=Path, required=True, help="folder of the model")
    export.add_argument("--name", default="cifake-residual")
    export.add_argument("--domain", default=CIFAKE_DOMAIN, help="one sentence for the spec")
    export.set_defaults(run=_export)


def _add_publish(publish: argparse.ArgumentParser) -> None:
    publish.add_argument("--model", type=Path, required=True, help="folder of the model")
    publish.add_argument("--test", type=Path, required=True, help="folder or zip of test images")
    publish.add_argument("--train", type=Path, required=True, help="folder or zip trained on")
    publish.set_defaults(run=_publish)


def _train(options: argparse.Namespace) -> int:
    import_tensorflow()
    from ml.training import fit

    names = (*_FIELDS, "architecture_options", "horizontal_flip")
    # By way of JSON, because that road checks the type of each value.
    config = TrainingConfig.from_json(json.dumps({name: getattr(options, name) for name in names}))
    data = _divided(options, config)
    tell(f"{len(data.train)} images to train on, {len(data.validation)} for validation")
    result = fit(config, data, out_dir=options.out, resume=options.resume, progress=tell_report)
    tell(result.status)
    return 0 if result.status == "finished" else 1


def _export(options: argparse.Namespace) -> int:
    import_tensorflow()
    from ml.publishing import export

    state, _ = checkpoints.read_required(options.run_dir)
    data = _divided(options, state.config)
    spec = export(options.run_dir, data, options.out, name=options.name, domain=options.domain)
    tell(f"stored {spec.name} after {len(state.epochs)} epochs in {options.out}")
    return 0


def _publish(options: argparse.Namespace) -> int:
    import_tensorflow()
    from ml.publishing import publish

    spec = publish(options.model, options.test, options.train, progress=tell_loading)
    if spec.evaluation:
        answer(spec.evaluation.to_json())
    return 0


def _divided(options: argparse.Namespace, config: TrainingConfig) -> "TrainingData":
    from ml.training import TrainingData

    form = Preprocessing(*architectures.find(config.architecture).input_size)
    images = datasets.load(options.data, form, limit=options.limit, progress=tell_loading)
    return TrainingData.divide(images, config)
