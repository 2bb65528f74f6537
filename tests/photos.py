"""A version of the photo track for fast tests: the network of `tests.colours`, asked about photographs.

It answers for pictures of one colour as that does. What a fit finds is made up here, and how far a
picture lies from the validated ones is said by the test.
"""

from pathlib import Path
from typing import Any

import pytest

from detection import ml_gateway
from ml.contract import Domain
from ml.contract.photo import PhotoFigures, SourceFigures, SplitFigures
from tests import colours, images

SENTENCE = "Pictures from the site, 128 to 900 pixels on the shorter side."
SIZE = (160, 128)
OVERALL = SplitFigures(
    real=234,
    fake=216,
    roc_auc=0.868,
    roc_auc_interval=(0.834, 0.902),
    recall=0.52,
    recall_interval=(0.43, 0.6),
    false_alarm_rate=0.05,
    accuracy=0.79,
    ece=0.04,
)
FIGURES = PhotoFigures(
    real=234,
    fake=216,
    groups=450,
    unreadable=0,
    shortest=256,
    longest=256,
    overall=OVERALL,
    members={"forensics": 0.8, "network": 0.85},
    sources=(SourceFigures("the site", 234, 216, OVERALL, None),),
    tiers={},
    curve=(),
    expected_roc_auc=None,
    false_alarms=0.043,
    false_alarms_interval=(0.023, 0.077),
    false_alarms_allowed=0.05,
    misses=0.065,
    kept_as_known=0.95,
)


def store(directory: Path, **changes: Any) -> None:
    """Store the model in a folder."""
    given: dict[str, Any] = {
        "name": "photo",
        "track": "photo",
        "domain": Domain(224, 224, SENTENCE, shorter_sides=(128, 900)),
        "photo": FIGURES,
    }
    colours.store(directory, **{**given, **changes})


def photograph(colour: str = "red", size: tuple[int, int] = SIZE) -> bytes:
    """A file that is large enough to be a photograph."""
    return images.plain(colour, size)


def make_novel(monkeypatch: pytest.MonkeyPatch, novelty: float) -> None:
    """Let every answer of a model say that the image lies so far from the validated ones."""
    answer = ml_gateway.answer

    def novel(*args: Any, **options: Any) -> ml_gateway.Answer:
        told = answer(*args, **options)
        return ml_gateway.Answer(told.p_fake, told.heatmap, told.heatmap_method, novelty)

    monkeypatch.setattr(ml_gateway, "answer", novel)
