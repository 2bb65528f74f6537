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
    "DataRecord",
    "Domain",
    "EpochReport",
    "EvaluationRecord",
    "Evidence",
    "ExplanationFigures",
    "FaceBox",
    "Heatmap",
    "MapFigures",
    "Metrics",
    "MlError",
    "ModelSpec",
    "Option",
    "Prediction",
    "Preprocessing",
    "Speed",
    "StepReport",
    "Track",
    "TrainingConfig",
    "TrainingRecord",
    "require",
]
