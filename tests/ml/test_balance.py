"""A part of the data with too few images of one class is refused, and every part is told."""

import numpy as np
import pytest

from ml import balance
from ml.errors import DatasetError


def labels(real: int, fake: int) -> np.ndarray:
    return np.repeat(np.array([0, 1], np.uint8), (real, fake))


def test_every_part_is_told() -> None:
    parts = {"training": labels(3000, 1000), "validation": labels(5, 5)}
    assert balance.check_balance(parts) == (
        "training: 3,000 REAL (75.0%), 1,000 FAKE (25.0%)",
        "validation: 5 REAL (50.0%), 5 FAKE (50.0%)",
    )


@pytest.mark.parametrize(("real", "fake"), [(81, 19), (19, 81), (10, 0), (0, 0)])
def test_the_part_that_is_one_sided_is_named(real: int, fake: int) -> None:
    with pytest.raises(DatasetError, match=f"Received for test: {real} REAL") as caught:
        balance.check_balance({"training": labels(5, 5), "test": labels(real, fake)})
    assert caught.value.code == "unbalanced_classes"


def test_the_share_may_be_chosen() -> None:
    parts = {"test": labels(90, 10)}
    assert balance.check_balance(parts, 0.1)
    with pytest.raises(DatasetError, match="at least 11%"):
        balance.check_balance(parts, 0.11)
