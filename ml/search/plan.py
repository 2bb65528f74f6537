"""What every trial of a search shares; a folder of trials belongs to one plan for good."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from ml.artifacts import write_text
from ml.contract import DataRecord, TrainingConfig
from ml.errors import TrainingError
from ml.jsonform import JsonForm

FILE_NAME = "plan.json"


@dataclass(frozen=True, slots=True)
class Plan(JsonForm):
    """The same images, the same split and the same training for every trial."""

    data: DataRecord
    config: TrainingConfig


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a trial may cost: images read, those of them for validation, epochs."""

    images: int | None
    validation_images: int
    epochs: int

    def replaced(self, **values: int | None) -> "Budget":
        """Return the budget with those of the values that are given."""
        given = {name: value for name, value in values.items() if value is not None}
        return dataclasses.replace(self, **given)


def agree(directory: Path, plan: Plan) -> None:
    """Store the plan of a fresh folder; `TrainingError` with `search_changed` if it has another."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    with FileLock(directory / "plan.lock"):
        if not path.exists():
            write_text(path, plan.to_json())
            return
        stored = Plan.from_json(path.read_bytes())
    if stored != plan:
        raise TrainingError(
            "search_changed",
            f"{directory} holds a search with other settings: {_differences(stored, plan)}. "
            "Go on with these, or choose another folder.",
        )


def _differences(stored: Plan, wanted: Plan) -> str:
    """Name what is there and what was asked for, field by field."""
    before = dataclasses.asdict(stored.config) | dataclasses.asdict(stored.data)
    now = dataclasses.asdict(wanted.config) | dataclasses.asdict(wanted.data)
    return ", ".join(
        f"{name}={before[name]!r} (received: {now[name]!r})"
        for name in now
        if now[name] != before[name]
    )
