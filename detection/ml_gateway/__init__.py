"""The one door to `ml`, opened inside its functions: the web process loads no network."""

from detection.ml_gateway.answers import (
    HEATMAP_NAMES,
    HEATMAP_SIDE,
    Answer,
    FaceAnswer,
    answer,
    face_answers,
    may_hold_face,
    upright_rgb,
    warm_up,
    warm_up_faces,
)
from detection.ml_gateway.common import LOADED_VERSIONS, GatewayError, detector_of, translated
from detection.ml_gateway.measuring import evaluate, evaluation_text
from detection.ml_gateway.specs import read_verified_spec, spec_in_domain, spec_in_full

__all__ = [
    "HEATMAP_NAMES",
    "HEATMAP_SIDE",
    "LOADED_VERSIONS",
    "Answer",
    "FaceAnswer",
    "GatewayError",
    "answer",
    "detector_of",
    "evaluate",
    "evaluation_text",
    "face_answers",
    "may_hold_face",
    "read_verified_spec",
    "spec_in_domain",
    "spec_in_full",
    "translated",
    "upright_rgb",
    "warm_up",
    "warm_up_faces",
]
