"""Each part of the data must hold enough of both classes, or its figures tell little."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ml.contract import CLASS_ORDER
from ml.errors import DatasetError

__all__ = ["LEAST_SHARE", "check_balance"]

LEAST_SHARE = 0.2


def check_balance(
    parts: Mapping[str, npt.NDArray[np.uint8]], least_share: float = LEAST_SHARE
) -> tuple[str, ...]:
    """Tell how many images of each class every part holds, and refuse a part that is one-sided.

    Args:
        parts: By name (training, validation, test), the class indices (n,) of its images.
        least_share: Of each part's images that the smaller class must have, in [0, 0.5].

    Returns:
        One line per part.

    Raises:
        DatasetError: `unbalanced_classes`.
    """
    lines = []
    for name, labels in parts.items():
        counts = np.bincount(labels, minlength=len(CLASS_ORDER))
        told = f"{name}: {_told(counts)}"
        if counts.min() < least_share * len(labels) or not len(labels):
            raise DatasetError(
                "unbalanced_classes",
                f"Each class must have at least {least_share:.0%} of the images of each part. "
                f"Received for {told}.",
            )
        lines.append(told)
    return tuple(lines)


def _told(counts: npt.NDArray[np.intp]) -> str:
    all_images = max(int(counts.sum()), 1)
    return ", ".join(
        f"{count:,} {name} ({count / all_images:.1%})"
        for name, count in zip(CLASS_ORDER, counts.tolist(), strict=True)
    )
