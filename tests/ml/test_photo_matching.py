"""Subjects that come twice, real and generated, do not teach a fit the subject instead."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import roc_auc_score

from ml.photo import learning
from ml.photo.learning import learn, taken
from ml.photo.matching import SUBJECT, matched_pairs
from ml.photo.validation import Sample
from tests.ml.samples import sample

COUNT = 60


def paired(strength: float) -> Sample:
    """Picture `i` and `COUNT + i` show one subject, the second of them generated."""
    pictures = sample(COUNT, COUNT, strength, seed=1)
    width = SUBJECT.stop - SUBJECT.start
    subjects = np.random.default_rng(2).normal(0, 2, (COUNT, width)).astype(np.float32)
    pictures.features["network"][:, SUBJECT] += np.tile(subjects, (2, 1))
    return pictures


def judged_with_the_partner_learnt(pictures: Sample) -> float:
    """The area under the curve of pictures whose other half the heads have seen."""
    held_out = np.r_[0:20, COUNT + 20 : COUNT + 40]
    rest = np.setdiff1d(np.arange(2 * COUNT), held_out)
    part = pictures.take(rest)
    learnt = learn(part.features, part.labels, part.groups, seed=1)
    assert np.isfinite(learnt.held_out).all()
    scores = learnt.logits(taken(pictures.features, held_out))
    return float(roc_auc_score(pictures.labels[held_out], scores))


def test_pairs_of_one_subject_are_found() -> None:
    pictures = paired(0.5)
    found = matched_pairs(pictures.features, pictures.labels)
    assert {tuple(pair) for pair in found.tolist()} == {(i, COUNT + i) for i in range(COUNT)}


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_pictures_of_different_subjects_have_no_pairs(strength: float) -> None:
    pictures = sample(COUNT, COUNT, strength)
    assert len(matched_pairs(pictures.features, pictures.labels)) == 0


def test_the_partner_of_a_picture_does_not_mislead(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = paired(1.4)
    with_pairs = judged_with_the_partner_learnt(pictures)

    def none(features: object, labels: object) -> npt.NDArray[np.intp]:
        return np.empty((0, 2), np.intp)

    monkeypatch.setattr(learning, "matched_pairs", none)
    assert with_pairs > 0.6
    assert judged_with_the_partner_learnt(pictures) < with_pairs - 0.1
