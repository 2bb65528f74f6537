"""Heads are learnt as in the full space, calibrated, in parts that keep copies together."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from ml.photo.figures import calibration_error, probability
from ml.photo.folds import folds
from ml.photo.learning import learn, platt
from ml.photo.standard import directions, standardised
from tests.ml.samples import features, sample


def test_every_picture_is_held_out_once_and_groups_never_fall_apart() -> None:
    rng = np.random.default_rng(3)
    labels = (np.arange(130) % 3 == 0).astype(np.uint8)
    groups = np.where(rng.random(130) < 0.4, rng.integers(0, 12, 130), 100 + np.arange(130))
    held = np.zeros(130, int)
    for learnt, held_out in folds(labels, groups, seed=5):
        assert not set(groups[learnt]) & set(groups[held_out])
        assert 0.15 < labels[held_out].mean() < 0.55
        held[held_out] += 1
    assert (held == 1).all()


def test_parts_depend_on_the_seed_alone() -> None:
    labels, groups = (np.arange(60) % 2).astype(np.uint8), np.arange(60)
    first, again, other = (
        [held.tolist() for _, held in folds(labels, groups, seed)] for seed in (1, 1, 2)
    )
    assert first == again != other


@pytest.mark.parametrize("count", [40, 900])
def test_directions_hold_all_that_the_pictures_differ_in(count: int) -> None:
    values = np.random.default_rng(0).normal(5, 2, (count, 300))
    standard = standardised(values)[2]
    squares, axes = directions(standard)
    np.testing.assert_allclose(axes @ axes.T, np.eye(len(axes)), atol=1e-8)
    np.testing.assert_allclose(standard @ axes.T @ axes, standard, atol=1e-8)
    np.testing.assert_allclose(np.sort(((standard @ axes.T) ** 2).sum(axis=0)), np.sort(squares))


def test_a_head_is_the_one_of_the_full_space() -> None:
    pictures = sample(40, 40, 0.6)
    only = {"other": pictures.features["forensics"]}
    learnt = learn(only, pictures.labels, pictures.groups, seed=1)
    standard = standardised(only["other"])[2]
    slopes = []
    for strength in (0.05, 0.002, 0.01, 0.25):
        model = LogisticRegression(C=strength, tol=1e-8, max_iter=2000)
        slopes.append(model.fit(standard, pictures.labels).coef_[0])
    distances = [np.abs(each - learnt.members["other"].weights).max() for each in slopes]
    assert min(distances) < 1e-4


def test_many_pictures_are_learnt_from_with_the_usual_strength() -> None:
    pictures = sample(550, 550, 0.3)
    only = {"other": pictures.features["forensics"][:, 390:420]}
    learnt = learn(only, pictures.labels, pictures.groups, seed=1)
    standard = standardised(only["other"])[2]
    plain = LogisticRegression(C=0.05, tol=1e-8, max_iter=2000).fit(standard, pictures.labels)
    np.testing.assert_allclose(learnt.members["other"].weights, plain.coef_[0], atol=1e-4)


def test_what_never_varied_says_nothing_of_a_picture_in_which_it_does() -> None:
    pictures = sample(30, 30, 1.0)
    pictures.features["forensics"][:, 7] = 3.0
    learnt = learn(pictures.features, pictures.labels, pictures.groups, seed=1)
    changed = {name: values[:1].copy() for name, values in pictures.features.items()}
    before = learnt.logits(changed)
    changed["forensics"][:, 7] = 1e6
    np.testing.assert_allclose(learnt.logits(changed), before, rtol=1e-6)


def test_held_out_logits_say_what_heads_are_worth_on_pictures_that_are_new() -> None:
    learnt_from, new = sample(100, 100, 0.9), sample(300, 300, 0.9, seed=9)
    learnt = learn(learnt_from.features, learnt_from.labels, learnt_from.groups, seed=1)
    held_out = roc_auc_score(learnt_from.labels, learnt.held_out)
    later = roc_auc_score(new.labels, learnt.logits(new.features))
    assert held_out == pytest.approx(later, abs=0.07)
    assert held_out > 0.7


def test_noise_is_not_called_sure() -> None:
    noise = sample(60, 60, 0.0)
    learnt = learn(noise.features, noise.labels, noise.groups, seed=1)
    new = features(np.zeros(300, np.uint8), 0.0, seed=4)
    assert np.abs(learnt.logits(new)).max() < 1.5


def test_a_probability_presumes_as_many_of_each_class_whatever_there_was_to_learn() -> None:
    rng = np.random.default_rng(2)
    labels = (np.arange(4000) < 400).astype(np.uint8)
    logits = rng.normal(2.0 * labels - 1.0, 1.0)  # equally dense at 0
    gain, offset = platt(logits, labels)
    assert offset == pytest.approx(0.0, abs=0.2)
    assert gain == pytest.approx(2.0, rel=0.1)
    p_fake = probability(gain * logits + offset)
    assert calibration_error(p_fake, labels) < 0.02


def test_platt_finds_the_gain_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, 6000)
    labels = (rng.random(6000) < 1 / (1 + np.exp(-(0.5 * logits + 0.7)))).astype(np.uint8)
    gain, offset = platt(logits, labels)
    assert gain == pytest.approx(0.5, abs=0.05)
    share = labels.mean()  # what the labels hold beyond half and half is no part of it
    assert offset == pytest.approx(0.7 - np.log(share / (1 - share)), abs=0.1)


def test_logits_that_point_the_wrong_way_are_not_turned_around() -> None:
    labels = (np.arange(100) % 2).astype(np.uint8)
    gain, _ = platt(np.where(labels == 1, -2.0, 2.0) + np.linspace(-1, 1, 100), labels)
    assert gain == 0.01
