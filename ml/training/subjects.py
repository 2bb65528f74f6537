"""The subject that CIFAKE's file names tell: `0007 (3).jpg` is of the third of CIFAR-10's ten."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from ml.errors import TrainingError

SUBJECTS = 10
# The first subject's files carry no number in brackets.
_STEM = re.compile(r"\d+(?: \(([2-9]|10)\))?")


def one_hot(names: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return the subject of each file as a row of ten, float32 (n, 10).

    Raises:
        TrainingError: `no_subjects` when a name tells none, or all tell the same.
    """
    matches = [(name, _STEM.fullmatch(PurePosixPath(name).stem)) for name in names]
    indices = [int(match[1] or 1) - 1 for _, match in matches if match]
    if len(indices) < len(names) or len(set(indices)) < 2:
        example = next((name for name, match in matches if not match), names[0] if names else "")
        raise TrainingError(
            "no_subjects",
            "A subject_weight needs files that are named by subject as CIFAKE's are, such as "
            f"'0007 (3).jpg'. Received: {example!r}.",
        )
    return np.eye(SUBJECTS, dtype=np.float32)[indices]
