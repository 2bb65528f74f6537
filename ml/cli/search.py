"""The searches: `search topologies` and `search hyperparameters`, resumable and shared."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from ml import architectures, datasets
from ml.cli.places import data_set
from ml.cli.sealed import add_test, check_test
from ml.cli.terminal import answer, tell, tell_loading
from ml.cli.together import INTERRUPTED, ShouldStop, Work, run_together
from ml.contract import EpochReport, Preprocessing, StepReport
from ml.quiet import import_tensorflow
from ml.search.outcome import accuracy_of, loss_of
from ml.search.plan import Budget

BUDGETS = ("tiny", "small", "full")
STOPPED = "Stopped; what was finished is kept. The same command goes on from there."


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register this module's commands."""
    search = commands.add_parser("search", help="train many networks and rank them")
    kinds = search.add_subparsers(required=True, metavar="KIND")
    _add_topologies(kinds.add_parser("topologies", help="the CIFAKE study's 36 topologies"))
    _add_hyperparameters(
        kinds.add_parser("hyperparameters", help="rate, batch size, optimiser, augmentation")
    )


def _add_topologies(topologies: argparse.ArgumentParser) -> None:
    _add_common(topologies)
    add_test(topologies, use=" to judge the winner on, once")
    topologies.set_defaults(run=_topologies)


def _add_hyperparameters(study: argparse.ArgumentParser) -> None:
    _add_common(study)
    study.add_argument("--architecture", default="topology")
    study.add_argument("--architecture-options", type=json.loads, default={}, help="JSON object")
    study.add_argument("--trials", type=int, default=20, help="in all, over all processes")
    study.add_argument(
        "--confirmations",
        type=int,
        default=2,
        help="seeds with which the default and the best are trained again at the end",
    )
    study.set_defaults(run=_hyperparameters)


def _add_common(search: argparse.ArgumentParser) -> None:
    search.add_argument(
        "--data",
        type=Path,
        help="folder or zip of training images (default: cifake/train.zip in VERIPIX_DATA)",
    )
    search.add_argument("--out", type=Path, help="folder of the search (default: below var/)")
    search.add_argument("--budget", choices=BUDGETS, default="tiny", help="of each trial")
    search.add_argument("--images", type=int, help="instead of the budget's")
    search.add_argument("--validation-images", type=int, help="instead of the budget's")
    search.add_argument("--epochs", type=int, help="instead of the budget's")
    search.add_argument("--seed", type=int, default=7)
    search.add_argument("--processes", type=int, default=1, help="that share the trials")


def _topologies(options: argparse.Namespace) -> int:
    options.data = data_set(options.data, "cifake", "train.zip")
    check_test(options, datasets.hashes(options.data))
    if status := _done("topologies", _search_topologies, options):
        return status
    from ml.search import ranking, report

    rows = report.write(options.out)
    answer(ranking.to_markdown(rows))
    if options.test:
        _judge(options.out / "winner", options)
    return 0


def _search_topologies(options: argparse.Namespace, should_stop: ShouldStop) -> bool:
    """Work on the search until it is finished (True) or stopped."""
    import_tensorflow()
    from ml.search import topologies

    budget = _budget(topologies.BUDGETS, options)
    rows = topologies.search(
        _images("topology", options, budget),
        topologies.configuration(budget, options.seed),
        options.out,
        progress=_tell_trial,
        should_stop=should_stop,
    )
    return rows is not None


def _hyperparameters(options: argparse.Namespace) -> int:
    architectures.find(options.architecture)
    if status := _done("hyperparameters", _search_hyperparameters, options):
        return status
    from ml.search import study, study_report

    found = study.stored(options.out)
    results = study_report.write(found, options.out)
    answer(study_report.to_markdown(found))
    answer(study_report.sentence(results))
    return 0


def _search_hyperparameters(options: argparse.Namespace, should_stop: ShouldStop) -> bool:
    """Work on the study until it is finished (True) or stopped."""
    import_tensorflow()
    from ml.search import hyperparameters

    budget = _budget(hyperparameters.BUDGETS, options)
    found = hyperparameters.search(
        _images(options.architecture, options, budget),
        hyperparameters.configuration(
            options.architecture, options.architecture_options, budget, options.seed
        ),
        options.out,
        trials=options.trials,
        confirmations=options.confirmations,
        progress=_tell_trial,
        should_stop=should_stop,
    )
    return found is not None


def _done(kind: str, work: Work, options: argparse.Namespace) -> int:
    """Do the work with as many processes as wanted; say how to go on if it was stopped."""
    options.data = data_set(options.data, "cifake", "train.zip")
    options.out = options.out or Path("var") / f"search-{kind}-{options.budget}"
    tell(f"images from {options.data}, results in {options.out}")
    status = run_together(options.processes, work, options)
    if status == INTERRUPTED:
        tell(STOPPED)
    return status


def _budget(budgets: Mapping[str, Budget], options: argparse.Namespace) -> Budget:
    return budgets[options.budget].replaced(
        images=options.images,
        validation_images=options.validation_images,
        epochs=options.epochs,
    )


def _images(
    architecture: str, options: argparse.Namespace, budget: Budget
) -> datasets.LabelledImages:
    form = Preprocessing(*architectures.find(architecture).input_size)
    return datasets.load(options.data, form, limit=budget.images, progress=tell_loading)


def _judge(model: Path, options: argparse.Namespace) -> None:
    """Evaluate a search's winner on the test images, unless that was done before."""
    import_tensorflow()
    from ml.artifacts import read_spec
    from ml.publishing import publish

    spec = read_spec(model)
    if spec.evaluation:
        tell("The winner had its test before: this is what was found then.")
    else:
        spec = publish(
            model,
            options.test,
            options.data,
            tolerated_copies=options.tolerated_copies,
            progress=tell_loading,
        )
    if spec.evaluation:
        answer(spec.evaluation.to_json())


def _tell_trial(name: str, report: EpochReport | StepReport) -> None:
    if isinstance(report, StepReport):
        tell(f"{name} epoch {report.epoch}/{report.epochs} step {report.step}/{report.steps}")
        return
    figures = f"validation {accuracy_of(report):.2%} ({loss_of(report):.4f})"
    tell(f"{name} epoch {report.epoch}/{report.epochs} {figures} {report.seconds:.0f} s")
