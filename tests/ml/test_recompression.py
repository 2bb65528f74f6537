"""A JPEG that was compressed before with coarser steps is told by its coefficients."""

import numpy as np
import pytest

from ml.recompression import WAVES, Recompression, look_for_recompression
from ml.views.reading import read
from tests.scenes import jpeg, scene

SIZE = (400, 320)


def looked_at(content: bytes) -> Recompression:
    source = read(content, max_pixels=10**6)
    assert source.table is not None
    return look_for_recompression(source.luma, source.table)


@pytest.mark.parametrize("qualities", [(60, 75), (75, 92), (85, 90), (50, 95)])
def test_a_picture_that_was_saved_twice_is_told(qualities: tuple[int, int]) -> None:
    found = looked_at(jpeg(scene(SIZE), *qualities))
    assert found.is_likely
    first = read(jpeg(scene(SIZE), qualities[0]), max_pixels=10**6).table
    assert first is not None
    steps = [first[8 * down + across] for down, across in WAVES]
    assert sum(map(int.__eq__, found.steps, steps)) >= 5


@pytest.mark.parametrize("quality", [50, 75, 85, 92, 97, 100])
def test_a_picture_that_was_saved_once_is_not(quality: int) -> None:
    for seed in range(5):
        assert not looked_at(jpeg(scene(SIZE, seed=seed), quality)).is_likely


def test_the_same_steps_twice_leave_nothing_to_see() -> None:
    assert not looked_at(jpeg(scene(SIZE), 80, 80)).is_likely


def test_finer_steps_before_are_not_told() -> None:
    assert not looked_at(jpeg(scene(SIZE), 90, 75)).is_likely


@pytest.mark.parametrize("size", [(1, 1), (8, 11), (12, 12), (32, 32), (2000, 1)])
def test_too_small_a_picture_tells_nothing(size: tuple[int, int]) -> None:
    found = looked_at(jpeg(scene(size), 60, 90))
    assert not found.is_likely
    assert len(found.evidence) == len(found.steps) == len(WAVES)


def test_a_plain_picture_tells_nothing() -> None:
    grey = np.full((400, 400), 77, np.uint8)
    assert not look_for_recompression(grey, [16] * 64).is_likely
