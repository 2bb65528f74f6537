"""What is kept: submissions with their images and analyses, and the models that answered."""

from detection.models.explanations import Explanation, Method
from detection.models.faces import Face
from detection.models.judged import VerdictKind
from detection.models.registry import ModelVersion, Promotion, RegisteredModel, Track
from detection.models.submissions import (
    Analysis,
    Refusal,
    State,
    Submission,
    SubmittedImage,
)

__all__ = [
    "Analysis",
    "Explanation",
    "Face",
    "Method",
    "ModelVersion",
    "Promotion",
    "Refusal",
    "RegisteredModel",
    "State",
    "Submission",
    "SubmittedImage",
    "Track",
    "VerdictKind",
]
