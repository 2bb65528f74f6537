"""What the science promises: the frozen values that pass between `ml` and whoever uses it."""

from ml.contract.answers import Evidence, FaceBox, Heatmap, Prediction
from ml.contract.checks import require
from ml.contract.evaluation import (
    Beside,
    Bootstrap,
    EvaluationRecord,
    ExplanationFigures,
    MapFigures,
    Metrics,
    Speed,
)
from ml.contract.false_alarms import BEYOND, MAX_FALSE_ALARMS, FalseAlarms, OperatingPoint
from ml.contract.model import (
    CLASS_ORDER,
    FORMAT_VERSION,
    Calibration,
    Domain,
    ModelSpec,
    Preprocessing,
    Track,
)
from ml.contract.photo import CurvePoint, FitWarning, PhotoFigures, SourceFigures, SplitFigures
from ml.contract.training import (
    DataRecord,
    EpochReport,
    Option,
    StepReport,
    TrainingConfig,
    TrainingRecord,
)
from ml.errors import ContractError, MlError

__all__ = [
    "BEYOND",
    "CLASS_ORDER",
    "FORMAT_VERSION",
    "MAX_FALSE_ALARMS",
    "Beside",
    "Bootstrap",
    "Calibration",
    "ContractError",
    "CurvePoint",
    "DataRecord",
    "Domain",
    "EpochReport",
    "EvaluationRecord",
    "Evidence",
    "ExplanationFigures",
    "FaceBox",
    "FalseAlarms",
    "FitWarning",
    "Heatmap",
    "MapFigures",
    "Metrics",
    "MlError",
    "ModelSpec",
    "OperatingPoint",
    "Option",
    "PhotoFigures",
    "Prediction",
    "Preprocessing",
    "SourceFigures",
    "Speed",
    "SplitFigures",
    "StepReport",
    "Track",
    "TrainingConfig",
    "TrainingRecord",
    "require",
]
