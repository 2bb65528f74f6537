"""What is labelled next is what a model is unsure of, and unlike what was labelled before."""

import numpy as np
import pytest

from detection.informative import POOL, UNKNOWN, Candidate, information, most_to_learn

# Two shapes that differ in all of 64 bits, and one that differs in half of them from both.
ONE, OTHER, BETWEEN = 0x0F0F0F0F0F0F0F0F, ~0x0F0F0F0F0F0F0F0F, 0x00FF00FF00FF00FF


def candidate(
    key: int, p_fake: float | None = 0.5, novelty: float | None = None, shape: int = ONE
) -> Candidate:
    return Candidate(key, p_fake, novelty, shape)


@pytest.mark.parametrize(
    ("p_fake", "novelty", "expected"),
    [
        (0.5, None, 1.0),
        (0.5, 0.2, 1.0),
        (0.25, None, 0.5),
        (0.0, None, 0.0),
        (1.0, 0.2, 0.2),
        # At the edge of what the model knows, however sure it is.
        (0.99, 1.0, 1.0),
        (0.99, 0.9, 0.9),
        # Beyond it the probability says nothing, and far beyond it is another kind of image.
        (0.5, 1.5, 0.5),
        (0.5, 4.0, 0.0),
        (None, None, UNKNOWN),
    ],
)
def test_what_is_open_tells_most(
    p_fake: float | None, novelty: float | None, expected: float
) -> None:
    assert information(candidate(1, p_fake, novelty)) == pytest.approx(expected)


def test_the_most_uncertain_comes_first_and_ties_are_settled_by_age() -> None:
    shapes = np.random.default_rng(1).integers(-(2**63), 2**63 - 1, 4).tolist()
    rows = [(1, 0.9), (2, 0.52), (3, 0.05), (4, 0.52)]
    found = most_to_learn(
        candidate(key, p, shape=shape) for (key, p), shape in zip(rows, shapes, strict=True)
    )
    assert found[0] == 2
    assert set(found) == {1, 2, 3, 4}
    assert found[-1] == 3


def test_a_near_copy_waits_behind_another_picture() -> None:
    near = ONE ^ 1
    found = most_to_learn(
        [candidate(1), candidate(2, shape=near), candidate(3, 0.6, shape=BETWEEN)]
    )
    assert found == [1, 3, 2]


def test_what_was_labelled_before_counts_as_taken() -> None:
    rows = [candidate(1), candidate(2, 0.55, shape=OTHER)]
    assert most_to_learn(rows) == [1, 2]
    assert most_to_learn(rows, known=[ONE ^ 2]) == [2, 1]


def test_images_without_a_shape_are_like_no_other() -> None:
    rows = [candidate(key, shape=0) for key in (1, 2)] + [candidate(3, 0.51, shape=ONE)]
    assert most_to_learn(rows, known=[0]) == [1, 2, 3]


def test_of_many_so_many_are_returned_once_each() -> None:
    rng = np.random.default_rng(3)
    rows = [
        candidate(key, float(p), shape=int(shape))
        for key, (p, shape) in enumerate(
            zip(rng.random(1000), rng.integers(-(2**63), 2**63 - 1, 1000), strict=True)
        )
    ]
    found = most_to_learn(rows, wanted=50)
    assert len(set(found)) == 50
    assert len(most_to_learn(rows)) == POOL
    by_key = {row.key: row for row in rows}
    assert np.mean([information(by_key[key]) for key in found]) > 0.8


def test_nothing_waits() -> None:
    assert most_to_learn([]) == []
