"""Train a network so that it can be stopped at any step, resumed from any epoch, and repeated."""

from ml.errors import TrainingError
from ml.training.data import TrainingData
from ml.training.loop import FitResult, fit

__all__ = ["FitResult", "TrainingData", "TrainingError", "fit"]
