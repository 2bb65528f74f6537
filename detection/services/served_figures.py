"""The figures of an evaluation that hang on the band, by the band of today.

A setting may have moved the band since the images were judged; what the version answered for each
of them is kept, so nothing has to be judged anew.
"""

import io
from typing import Any

import numpy as np

from detection.models import Evaluation


def record_of_today(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation's record with coverage, accuracy on the decided, false alarms, misses.

    Each is `None` where there are no such images. The degraded tiers stay as they were measured, as
    their answers are not kept; so does a record whose answers are gone.
    """
    band = list(evaluation.version.band)
    if evaluation.record.get("band") == band:
        return evaluation.record
    try:
        with evaluation.answers.open("rb") as file:
            answers = np.load(io.BytesIO(file.read()), allow_pickle=False)
    except (FileNotFoundError, ValueError):
        return evaluation.record
    is_fake, p_fake = answers["label"] == 1, answers["p_fake"].astype(np.float64)
    called_fake = p_fake >= band[1]
    called_real = (p_fake <= band[0]) & ~called_fake
    decided = called_fake | called_real
    right = np.where(is_fake, called_fake, called_real)
    return evaluation.record | {
        "band": band,
        "coverage": float(decided.mean()),
        "selective_accuracy": _share(right[decided]),
        "false_alarms": _share(called_fake[~is_fake]),
        "misses": _share(called_real[is_fake]),
    }


def _share(values: Any) -> float | None:
    return float(values.mean()) if values.size else None
