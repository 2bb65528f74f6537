"""What a hyperparameter study tries: learning rate, batch size, optimiser and augmentation."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import optuna

from ml.contract import TrainingConfig

OPTIMISERS = ("adamw", "adam", "sgd", "rmsprop", "muon")
BATCH_SIZES = (32, 64, 128, 256)
ERASE_SIZES = (0, 4, 8, 12)
RATES = (1e-4, 3e-2)  # on a logarithmic scale
CUTMIX = (0.0, 1.0)
DEGRADATION = (0.0, 0.5)

# Each name is a field of `TrainingConfig`, so that a default can be read from one and any trial
# can be written into one.
_SUGGEST: Mapping[str, Callable[[optuna.trial.BaseTrial, str], Any]] = {
    "peak_learning_rate": lambda trial, name: trial.suggest_float(name, *RATES, log=True),
    "batch_size": lambda trial, name: trial.suggest_categorical(name, BATCH_SIZES),
    "optimiser": lambda trial, name: trial.suggest_categorical(name, OPTIMISERS),
    "horizontal_flip": lambda trial, name: trial.suggest_categorical(name, (False, True)),
    "erase_size": lambda trial, name: trial.suggest_categorical(name, ERASE_SIZES),
    "cutmix": lambda trial, name: trial.suggest_float(name, *CUTMIX),
    "degradation": lambda trial, name: trial.suggest_float(name, *DEGRADATION),
}
NAMES = tuple(_SUGGEST)


def defaults(base: TrainingConfig) -> dict[str, Any]:
    """Return what `base` itself has in the place of each hyperparameter."""
    return {name: getattr(base, name) for name in NAMES}


def suggested(trial: optuna.trial.BaseTrial, base: TrainingConfig) -> TrainingConfig:
    """Return `base` with what the study suggests for this trial."""
    values = {name: suggest(trial, name) for name, suggest in _SUGGEST.items()}
    return dataclasses.replace(base, **values)
