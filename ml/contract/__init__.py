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
    "CLASS_ORDER",
    "FORMAT_VERSION",
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
    "FitWarning",
    "Heatmap",
    "MapFigures",
    "Metrics",
    "MlError",
    "ModelSpec",
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
