"""The results of a hyperparameter study: table, picture, and whether the best beats the default."""

import dataclasses
import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from ml.artifacts import write_text
from ml.search import plan as plans
from ml.search import plots
from ml.search.ledger import Ledger
from ml.search.outcome import Outcome, accuracy_of
from ml.search.plan import Plan
from ml.search.space import NAMES
from ml.search.study import (
    CONFIRMATIONS,
    DEFAULT,
    SEED,
    best_trial,
    ended,
    is_default,
    trial_name,
)
from ml.search.tables import csv_text, markdown

__all__ = ["importances", "sentence", "summary", "to_markdown", "write"]

COLUMNS = ("trial", "default", "state", "accuracy", "epochs", *NAMES, "reason")
SHORT = {"peak_learning_rate": "rate", "batch_size": "batch", "horizontal_flip": "flip"}
MIN_TRIALS_FOR_IMPORTANCES = 4


def write(study: optuna.Study, out_dir: Path) -> dict[str, Any]:
    """Write `results.json`, `.csv`, `.md` and `.png`, and return what the JSON holds."""
    plan = Plan.from_json((out_dir / plans.FILE_NAME).read_bytes())
    results = summary(study, out_dir) | {"plan": dataclasses.asdict(plan), "rows": table(study)}
    write_text(out_dir / "results.json", json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    write_text(out_dir / "results.csv", csv_text(COLUMNS, results["rows"]))
    write_text(out_dir / "results.md", f"{to_markdown(study)}\n{sentence(results)}\n")
    plots.study(ended(study), results["importances"], out_dir / "results.png")
    return results


def summary(study: optuna.Study, out_dir: Path) -> dict[str, Any]:
    """Return the figures of the default and of the best, at first and when confirmed."""
    best = best_trial(study)
    default = next((trial for trial in ended(study) if is_default(trial)), None)
    return {
        "best": {"trial": best.number, "accuracy": best.value, **best.params},
        "default_accuracy": default.value if default else None,
        "confirmed": _confirmed(out_dir, best),
        "importances": importances(study),
    }


def importances(study: optuna.Study) -> dict[str, float]:
    """Return how much of the accuracies' variance each hyperparameter explains (fANOVA).

    Hutter et al. 2014; empty while too few trials have finished to say anything.
    """
    finished = {trial.value for trial in ended(study) if trial.state == TrialState.COMPLETE}
    if len(finished) < MIN_TRIALS_FOR_IMPORTANCES:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in shares.items()}


def table(study: optuna.Study) -> list[dict[str, Any]]:
    """Return one row of plain values for each trial, the best first, unfinished ones last."""
    return [_row(trial) for trial in sorted(ended(study), key=_place)]


def to_markdown(study: optuna.Study) -> str:
    """Return the table as people read it."""
    head = ["trial", "accuracy %", "epochs", *(SHORT.get(name, name) for name in NAMES), "note"]
    return markdown(head, [_line(row) for row in table(study)])


def sentence(results: Mapping[str, Any]) -> str:
    """Say whether the best trial beats the default, first by the study, then by confirmation."""
    best, default = results["best"]["accuracy"], results["default_accuracy"]
    text = f"best {best:.2%}, default " + (f"{default:.2%}" if default is not None else "failed")
    confirmed = results["confirmed"]
    if confirmed:
        text += (
            f"; trained again with {confirmed['seeds']} other seeds and splits: best "
            f"{confirmed['best']:.2%}, default {confirmed['default']:.2%} in the mean"
        )
    return text


def _confirmed(out_dir: Path, best: FrozenTrial) -> dict[str, Any] | None:
    """Return the mean accuracies of the confirmations, over the seeds at which both finished."""
    names = {DEFAULT: "default", trial_name(best.number): "best"}
    found: dict[str, dict[str, float]] = {"default": {}, "best": {}}
    for name, outcome in Ledger(out_dir / CONFIRMATIONS, Outcome).items():
        which, _, seed = name.partition(SEED)
        if which in names and outcome.best:
            found[names[which]][seed] = accuracy_of(outcome.epochs[-1])
    seeds = sorted(found["default"].keys() & found["best"].keys())
    if not seeds:
        return None
    means = {
        which: statistics.fmean(values[seed] for seed in seeds) for which, values in found.items()
    }
    return {"seeds": len(seeds), **means}


def _place(trial: FrozenTrial) -> tuple[int, float, int]:
    kinds = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    return kinds.index(trial.state), -(_accuracy(trial) or 0.0), trial.number


def _accuracy(trial: FrozenTrial) -> float | None:
    """Return the accuracy of the last epoch that was told."""
    values = trial.intermediate_values
    return values[max(values)] if values else None


def _row(trial: FrozenTrial) -> dict[str, Any]:
    cells = (
        trial.number,
        is_default(trial),
        trial.state.name.lower(),
        _accuracy(trial),
        len(trial.intermediate_values),
        *(trial.params.get(name) for name in NAMES),
        trial.user_attrs.get("reason", ""),
    )
    return dict(zip(COLUMNS, cells, strict=True))


def _line(row: Mapping[str, Any]) -> list[str]:
    accuracy = row["accuracy"]
    notes = ["default"] * row["default"]
    notes += [row["state"]] * (row["state"] == "pruned") + [row["reason"]] * bool(row["reason"])
    return [
        str(row["trial"]),
        "-" if accuracy is None else f"{100 * accuracy:.2f}",
        str(row["epochs"]),
        *(_shown(row[name]) for name in NAMES),
        ", ".join(notes),
    ]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.2g}" if isinstance(value, float) else str(value)
