"""What is kept: submissions with their images and analyses, and the models that answered."""

from detection.models.registry import ModelVersion, Promotion, RegisteredModel, Track
from detection.models.submissions import (
    Analysis,
    Refusal,
    State,
    Submission,
    SubmittedImage,
    VerdictKind,
)

__all__ = [
    "Analysis",
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
