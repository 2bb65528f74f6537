"""The command that measures: `evaluate` a model on labelled images, with every figure there is."""

import argparse
from pathlib import Path

from ml import datasets
from ml.cli.judging import SHIPPED
from ml.cli.places import data_set
from ml.cli.terminal import answer, tell, tell_loading
from ml.contract import MAX_FALSE_ALARMS


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register this module's command."""
    evaluate = commands.add_parser("evaluate", help="figures over REAL/ and FAKE/ images")
    evaluate.add_argument("--model", type=Path, default=SHIPPED, help="folder of the model")
    evaluate.add_argument(
        "--data",
        type=Path,
        help="folder or zip; cifake/test.zip below VERIPIX_DATA where it is not given",
    )
    evaluate.add_argument("--training-data", type=Path, help="also judge without its images")
    evaluate.add_argument("--tiers", action="store_true", help="also judge them degraded")
    evaluate.add_argument(
        "--max-false-alarms",
        type=float,
        default=MAX_FALSE_ALARMS,
        help="share of real images that may be called AI-generated on validation",
    )
    evaluate.add_argument("--split", default="", help="which part of the data set it is")
    evaluate.add_argument("--plots", type=Path, metavar="DIR", help="draw the figures there")
    evaluate.add_argument("--limit", type=int, help="use at most this many images")
    evaluate.add_argument("--json", action="store_true", help="the whole record")
    evaluate.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    from ml.evaluation import judge, record_of, tiers_of, told
    from ml.inference import load

    data = data_set(options.data, "cifake", "test.zip")
    if options.plots:
        options.plots.mkdir(parents=True, exist_ok=True)  # Told now, and not after all the work.
    detector = load(options.model)
    seen = _hashes(options.training_data) if options.training_data else frozenset[str]()
    tiers = tiers_of(detector) if options.tiers else ()
    judged = judge(detector, data, tiers=tiers, limit=options.limit, progress=tell_loading)
    record = record_of(
        judged,
        detector,
        data,
        split=options.split,
        training_hashes=seen,
        max_false_alarms=options.max_false_alarms,
    )
    if options.plots:
        from ml.evaluation.pictures import draw

        for path in draw(judged, record, detector.spec, options.plots):
            tell(f"wrote {path}")
    for line in record.unreadable:
        tell(f"skipped {line}")
    answer(record.to_json() if options.json else told(record))
    return 0


def _hashes(training_data: Path) -> frozenset[str]:
    tell(f"looking for copies of {training_data}")
    return frozenset(datasets.hashes(training_data))
