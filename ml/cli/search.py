"""The searches: `search topologies` and `search hyperparameters`, resumable and shared."""

import argparse
from pathlib import Path

from ml import architectures, datasets
from ml.cli.terminal import answer, tell, tell_loading
from ml.cli.together import ShouldStop, run_together
from ml.contract import EpochReport, Preprocessing, StepReport
from ml.errors import DatasetError
from ml.quiet import import_tensorflow

BUDGETS = ("tiny", "small", "full")
DATA_PLACES = ("data/cifake", "*/data/cifake", "../data/cifake", "../*/data/cifake")
DATA_NAMES = ("train.zip", "train")
STOPPED = "Stopped; what was finished is kept. The same command goes on from there."


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register this module's commands."""
    search = commands.add_parser("search", help="train many networks and rank them")
    kinds = search.add_subparsers(required=True, metavar="KIND")
    _add_topologies(kinds.add_parser("topologies", help="the CIFAKE study's 36 topologies"))


def _add_topologies(topologies: argparse.ArgumentParser) -> None:
    _add_common(topologies)
    topologies.add_argument("--budget", choices=BUDGETS, default="tiny", help="of each trial")
    topologies.add_argument("--images", type=int, help="instead of the budget's")
    topologies.add_argument("--validation-images", type=int, help="instead of the budget's")
    topologies.add_argument("--epochs", type=int, help="instead of the budget's")
    topologies.add_argument("--test", type=Path, help="test images, to judge the winner on, once")
    topologies.set_defaults(run=_topologies)


def _add_common(search: argparse.ArgumentParser) -> None:
    places = ", ".join(DATA_PLACES)
    search.add_argument(
        "--data",
        type=Path,
        help=f"folder or zip of training images; by default {' or '.join(DATA_NAMES)} in {places}",
    )
    search.add_argument("--out", type=Path, help="folder of the search (default: below var/)")
    search.add_argument("--seed", type=int, default=7)
    search.add_argument("--processes", type=int, default=1, help="that share the trials")


def _topologies(options: argparse.Namespace) -> int:
    options.data = options.data or _cifake()
    options.out = options.out or Path("var") / f"search-topologies-{options.budget}"
    tell(f"images from {options.data}, results in {options.out}")
    if not run_together(options.processes, _search_topologies, options):
        tell(STOPPED)
        return 1
    from ml.search import ranking, report

    rows = report.write(options.out)
    answer(ranking.to_markdown(rows))
    if options.test:
        _judge(options.out / "winner", options.test, options.data)
    return 0


def _search_topologies(options: argparse.Namespace, should_stop: ShouldStop) -> bool:
    """Work on the search until it is finished (True) or stopped."""
    import_tensorflow()
    from ml.search import topologies

    budget = topologies.BUDGETS[options.budget].replaced(
        images=options.images,
        validation_images=options.validation_images,
        epochs=options.epochs,
    )
    form = Preprocessing(*architectures.find("topology").input_size)
    images = datasets.load(options.data, form, limit=budget.images, progress=tell_loading)
    rows = topologies.search(
        images,
        topologies.configuration(budget, options.seed),
        options.out,
        progress=_tell_trial,
        should_stop=should_stop,
    )
    return rows is not None


def _judge(model: Path, test: Path, train: Path) -> None:
    """Evaluate a search's winner on the test images, unless that was done before."""
    import_tensorflow()
    from ml.artifacts import read_spec
    from ml.publishing import publish

    spec = read_spec(model)
    if spec.evaluation:
        tell("The winner had its test before: this is what was found then.")
    else:
        spec = publish(model, test, train, progress=tell_loading)
    if spec.evaluation:
        answer(spec.evaluation.to_json())


def _tell_trial(name: str, report: EpochReport | StepReport) -> None:
    if isinstance(report, StepReport):
        tell(f"{name} epoch {report.epoch}/{report.epochs} step {report.step}/{report.steps}")
        return
    figures = f"validation {report.validation_accuracy:.2%} ({report.validation_loss:.4f})"
    tell(f"{name} epoch {report.epoch}/{report.epochs} {figures} {report.seconds:.0f} s")


def _cifake() -> Path:
    """Find CIFAKE's training images where they usually lie, seen from the current folder."""
    for place in DATA_PLACES:
        for folder in sorted(Path().glob(place)):
            for name in DATA_NAMES:
                if (folder / name).exists():
                    return folder / name
    raise DatasetError(
        "missing_data",
        f"CIFAKE's training images were not found in {', '.join(DATA_PLACES)}: name the folder or "
        "zip with --data.",
    )
