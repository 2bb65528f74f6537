"""One harness and one record for every figure that is ever told about a model."""

from ml.evaluation.bootstrap import bootstrap
from ml.evaluation.judging import Judged, Kept, judge, judge_chunks, judge_items, tiers_of
from ml.evaluation.metrics import calibration_error, measure
from ml.evaluation.record import evaluate, record_of, speed
from ml.evaluation.text import told

__all__ = [
    "Judged",
    "Kept",
    "bootstrap",
    "calibration_error",
    "evaluate",
    "judge",
    "judge_chunks",
    "judge_items",
    "measure",
    "record_of",
    "speed",
    "tiers_of",
    "told",
]
