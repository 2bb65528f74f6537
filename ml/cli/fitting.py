"""The command that fits a model of the photo track: `fit-photo` on folders or zips of pictures."""

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ml.cli.interruption import interruptible
from ml.cli.terminal import answer, tell
from ml.contract import PhotoFigures, SplitFigures
from ml.errors import PhotoError

if TYPE_CHECKING:
    from ml.photo.fitting import FitProgress, Picture

STOPPED = 130  # what a shell answers for a program that Ctrl-C ended


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register this module's command."""
    fit = commands.add_parser("fit-photo", help="fit a photo model to REAL/ and FAKE/ pictures")
    fit.add_argument(
        "--data",
        type=Path,
        nargs="+",
        action="extend",
        required=True,
        help="folders or zips with REAL/ and FAKE/ at any depth, each a source by its name",
    )
    fit.add_argument("--out", type=Path, required=True, help="folder for the model")
    fit.add_argument("--name", help="name of the model; that of its folder where it is not given")
    fit.add_argument(
        "--false-alarms",
        type=float,
        default=0.05,
        help="share of real pictures that may be called AI-generated; 0.05 is 5 in 100",
    )
    fit.add_argument(
        "--cache",
        type=Path,
        help="keeps what was measured of each picture for another fit; by default .NAME.pictures "
        "beside the model",
    )
    fit.add_argument("--threads", type=int, help="cores to use; all where it is not given")
    fit.add_argument("--seed", type=int, default=7, help="of the parts that are held out")
    fit.add_argument("--json", action="store_true", help="the figures as JSON")
    fit.set_defaults(run=_fit)


def _fit(options: argparse.Namespace) -> int:
    from ml import artifacts
    from ml.photo.fitting import fit, store

    _check(options)
    artifacts.check_place(options.out)  # Told now, and not after all the work.
    cache = options.cache or options.out.with_name(f".{options.out.name}.pictures")
    with ExitStack() as stack, interruptible() as should_stop:
        names = _source_names(options.data)
        pictures = [
            each
            for path, name in zip(options.data, names, strict=True)
            for each in _pictures(path, name, stack)
        ]
        fitted = fit(
            pictures,
            cache=cache,
            threads=options.threads,
            false_alarms=options.false_alarms,
            seed=options.seed,
            progress=_tell,
            should_stop=should_stop,
        )
    if fitted is None:
        tell(f"stopped; what was read is kept in {cache}")
        return STOPPED
    for line in fitted.skipped:
        tell(f"skipped {line}")
    source = ", ".join(path.name for path in options.data)
    spec = store(fitted, options.out, name=options.name or options.out.name, source=source)
    if options.json:
        answer(json.dumps({"model": str(options.out), **json.loads(fitted.figures.to_json())}))
    else:
        answer("\n".join([*told(fitted.figures), _line("domain", spec.domain.sentence)]))
        answer(_line("model", str(options.out)))
    return 0


def told(figures: PhotoFigures) -> Iterator[str]:
    """Yield the figures of a fit as lines, what it is worth first."""
    found = figures.overall
    word = "more than chance" if figures.is_worth_something else "perhaps no more than chance"
    yield _line("worth", f"{word}: area under the curve {_auc(found)}")
    recall = _interval(found.recall, found.recall_interval)
    yield _line("recall", f"{recall} at {found.false_alarm_rate:.0%} false alarms")
    yield from _verdicts(figures)
    yield _line(
        "pictures", f"{figures.real} real, {figures.fake} AI-generated, {_left_out(figures)}"
    )
    alarms = _interval(figures.false_alarms, figures.false_alarms_interval)
    yield _line("false alarms", f"{alarms}, allowed {figures.false_alarms_allowed:.3f}")
    yield _line("misses", f"{figures.misses:.3f}")
    yield _line("calibration", "-" if found.ece is None else f"error {found.ece:.3f}")
    members = (f"{name} {auc:.3f}" for name, auc in figures.members.items())
    yield _line("members alone", ", ".join(members))
    yield _line("kept as known", f"{figures.kept_as_known:.3f} of pictures like these")
    for source in figures.sources:
        within, without = _auc(source.within), _auc(source.left_out)
        yield _line("source", f"{source.name}: within {within}, left out {without}")
    for name, tier in figures.tiers.items():
        count = tier.real + tier.fake
        yield _line(name.replace("_", " "), f"{count} pictures: area under the curve {_auc(tier)}")
    points = (f"{point.images}: {point.roc_auc:.3f}" for point in figures.curve)
    yield _line("learning curve", ", ".join(points))
    if figures.expected_roc_auc is not None:
        yield _line("with 50 more", f"{figures.expected_roc_auc:.3f} to be expected")
    for warning in figures.warnings:
        yield _line("warning", f"{warning.code}: {warning.sentence}")
    yield _line("seconds", f"{figures.seconds:.0f}")


def _check(options: argparse.Namespace) -> None:
    if not 0 < options.false_alarms < 0.5:
        raise PhotoError(
            "invalid_option",
            "--false-alarms is a share above 0 and below 0.5, such as 0.05 for 5 in 100. "
            f"Received: {options.false_alarms}.",
        )
    if options.threads is not None and options.threads < 1:
        raise PhotoError(
            "invalid_option", f"--threads must be at least 1. Received: {options.threads}."
        )


def _source_names(paths: Sequence[Path]) -> list[str]:
    """Return what each source is called: its own name, with its folder's where two share one."""
    stems = [path.stem if path.is_file() else path.name for path in map(Path.resolve, paths)]
    return [
        stem if stems.count(stem) == 1 else f"{path.resolve().parent.name}/{stem}"
        for stem, path in zip(stems, paths, strict=True)
    ]


def _pictures(path: Path, title: str, stack: ExitStack) -> "Iterator[Picture]":
    """Yield the pictures of one source; a class that it lacks may come from another."""
    from ml.datasets.files import labelled_pictures
    from ml.photo.fitting import Picture
    from ml.sources import opened

    source = stack.enter_context(closing(opened(path)))
    for name, label in labelled_pictures(source, path.name):
        read = partial(source.read, name)
        yield Picture(f"{path.name}/{name}", "fake" if label else "real", read, title)


def _tell(step: "FitProgress") -> None:
    if step.done == step.of or step.done % max(1, step.of // 10) == 0:
        doing = "read {} of {} pictures" if step.stage == "reading" else "validated {} of {} parts"
        tell(doing.format(step.done, step.of))


def _verdicts(figures: PhotoFigures) -> Iterator[str]:
    """Yield how many held-out pictures lie outside of the band, and how many of these are right."""
    if figures.coverage is None:
        return
    right = figures.selective_accuracy
    of_these = "" if right is None else f", {right:.3f} of these are right"
    yield _line("verdicts", f"{figures.coverage:.3f} of the pictures get one{of_these}")


def _left_out(figures: PhotoFigures) -> str:
    copies = f", {figures.groups} groups of near-copies" if figures.groups else ""
    return f"{figures.unreadable} left out{copies}"


def _auc(found: SplitFigures | None) -> str:
    return "-" if found is None else _interval(found.roc_auc, found.roc_auc_interval)


def _interval(value: float, bounds: Sequence[float]) -> str:
    return f"{value:.3f} [{bounds[0]:.3f}, {bounds[1]:.3f}]"


def _line(name: str, value: str) -> str:
    return f"{name:>20}  {value}"
