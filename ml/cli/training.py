"""The commands that make models: `train` from labelled images."""

import argparse
import sys
from pathlib import Path

from ml import architectures, datasets
from ml.contract import EpochReport, Preprocessing, StepReport, TrainingConfig


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register this module's commands."""
    train = commands.add_parser("train", help="train a network on REAL/ and FAKE/ images")
    train.add_argument("--data", type=Path, required=True, help="folder or zip")
    train.add_argument("--out", type=Path, required=True, help="folder of the run")
    train.add_argument("--resume", action="store_true", help="go on after the last stored epoch")
    train.add_argument("--limit", type=int, help="use at most this many images")
    train.add_argument("--no-flip", dest="horizontal_flip", action="store_false")
    defaults = TrainingConfig()
    train.add_argument("--architecture", default=defaults.architecture)
    train.add_argument("--precision", default=defaults.precision)
    for name in _INTEGERS:
        train.add_argument(_flag(name), type=int, default=getattr(defaults, name))
    for name in _FLOATS:
        train.add_argument(_flag(name), type=float, default=getattr(defaults, name))
    train.set_defaults(run=_train)


_INTEGERS = ("epochs", "batch_size", "validation_images", "seed", "erase_size")
_FLOATS = (
    "peak_learning_rate",
    "warmup_epochs",
    "weight_decay",
    "label_smoothing",
    "ema_momentum",
)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _train(options: argparse.Namespace) -> int:
    from ml.training import TrainingData, fit

    names = (*_INTEGERS, *_FLOATS, "architecture", "precision", "horizontal_flip")
    config = TrainingConfig(**{name: getattr(options, name) for name in names})
    width, height = architectures.find(config.architecture).input_size
    images = datasets.load(
        options.data, Preprocessing(width, height), limit=options.limit, progress=tell_loading
    )
    data = TrainingData.divide(images, config)
    tell(f"{len(data.train)} images to train on, {len(data.validation)} for validation")
    result = fit(config, data, out_dir=options.out, resume=options.resume, progress=tell_report)
    tell(result.status)
    return 0 if result.status == "finished" else 1


def tell(line: str) -> None:
    """Write one line of progress."""
    print(line, file=sys.stderr, flush=True)


def tell_loading(done: int, count: int) -> None:
    """Write how many images have been read, ten times in all."""
    if done == count or done % max(count // 10 // 1000 * 1000, 1000) == 0:
        tell(f"read {done:,} of {count:,} images")


def tell_report(report: EpochReport | StepReport) -> None:
    """Write a line for a report of training."""
    place = f"epoch {report.epoch}/{report.epochs}"
    if isinstance(report, StepReport):
        speed = f"{report.images_per_second:.0f} images/s"
        tell(f"{place} step {report.step}/{report.steps} loss {report.loss:.4f} {speed}")
        return
    raw = f"raw {report.validation_accuracy:.2%} ({report.validation_loss:.4f})"
    averaged = f"averaged {report.averaged_accuracy:.2%} ({report.averaged_loss:.4f})"
    tell(f"{place} loss {report.train_loss:.4f} {raw} {averaged} {report.seconds:.0f} s")
