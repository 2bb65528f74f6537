"""What is kept: submissions and analyses, labelled data, training runs, and the models."""

from detection.models.datasets import (
    Dataset,
    Decision,
    Feedback,
    FeedbackState,
    Item,
    ItemState,
    Label,
    LabelReview,
    Role,
    Work,
)
from detection.models.explanations import Explanation, Method
from detection.models.faces import Face
from detection.models.forensic_views import ForensicViews, ViewKind
from detection.models.imports import DatasetImport
from detection.models.judged import Certainty, VerdictKind
from detection.models.registry import ModelVersion, Promotion, RegisteredModel, Track
from detection.models.retraining import RetrainingSchedule, RunNotice, StepMeasurement
from detection.models.sharing import IssuedReport, ShareLink
from detection.models.snapshots import Snapshot, SnapshotItem, Split
from detection.models.submissions import (
    Analysis,
    Refusal,
    State,
    Submission,
    SubmittedImage,
)
from detection.models.tags import Tag
from detection.models.training import (
    AuditEvent,
    Evaluation,
    RunEvent,
    ShadowAnswer,
    Stage,
    TrainingRun,
)

__all__ = [
    "Analysis",
    "AuditEvent",
    "Certainty",
    "Dataset",
    "DatasetImport",
    "Decision",
    "Evaluation",
    "Explanation",
    "Face",
    "Feedback",
    "FeedbackState",
    "ForensicViews",
    "IssuedReport",
    "Item",
    "ItemState",
    "Label",
    "LabelReview",
    "Method",
    "ModelVersion",
    "Promotion",
    "Refusal",
    "RegisteredModel",
    "RetrainingSchedule",
    "Role",
    "RunEvent",
    "RunNotice",
    "ShadowAnswer",
    "ShareLink",
    "Snapshot",
    "SnapshotItem",
    "Split",
    "Stage",
    "State",
    "StepMeasurement",
    "Submission",
    "SubmittedImage",
    "Tag",
    "Track",
    "TrainingRun",
    "VerdictKind",
    "ViewKind",
    "Work",
]
