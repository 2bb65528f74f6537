"""Temperature and band against cases that can be worked out by hand."""

import numpy as np
import pytest

from ml import calibration


def test_the_temperature_undoes_a_known_scale() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 2, 40_000)
    labels = (rng.random(40_000) < 1 / (1 + np.exp(-logits))).astype(np.uint8)
    assert calibration.fit_temperature(logits * 3, labels) == pytest.approx(3, rel=0.05)


def test_a_temperature_further_off_has_a_higher_loss() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 4, 500)
    labels = (logits + rng.normal(0, 3, 500) > 0).astype(np.uint8)
    best = calibration.fit_temperature(logits, labels)
    lowest = calibration.log_loss(logits / best, labels)
    assert lowest < calibration.log_loss(logits / (best * 1.1), labels)
    assert lowest < calibration.log_loss(logits / (best * 0.9), labels)


@pytest.mark.parametrize("count", [2, 100, 1000])
def test_without_a_mistake_it_is_as_sure_as_the_number_of_images_allows(count: int) -> None:
    """Alike logits of +-2 have to become the probability (n + 1) / (n + 2)."""
    labels = np.repeat(np.array([1, 0], np.uint8), count)
    logits = np.where(labels == 1, 2.0, -2.0)
    temperature = calibration.fit_temperature(logits, labels)
    assert 1 / (1 + np.exp(-2 / temperature)) == pytest.approx((count + 1) / (count + 2))


def test_a_model_that_is_always_wrong_ends_at_the_edge_of_the_range() -> None:
    labels = np.array([1, 1, 0, 0], np.uint8)
    logits = np.array([-1.0, -2.0, 1.0, 3.0])
    assert calibration.fit_temperature(logits, labels) == pytest.approx(20.0)


def test_the_log_loss_is_that_of_the_right_class() -> None:
    logits = np.log([3.0, 3.0])  # P(FAKE) = .75
    loss = calibration.log_loss(logits, np.array([1, 0], np.uint8))
    assert loss == pytest.approx((-np.log(0.75) - np.log(0.25)) / 2)


def test_the_band_begins_between_the_last_decided_and_the_first_doubtful_image() -> None:
    # Confidences .9 .8 .7 .6; only the last is wrong.
    p_fake = np.array([0.9, 0.2, 0.7, 0.6])
    labels = np.array([1, 0, 1, 0], np.uint8)
    assert calibration.confidence_bound(p_fake, labels, 0.01) == pytest.approx(0.65)
    assert calibration.confidence_bound(p_fake, labels, 0.25) == 0.5


def test_as_many_images_as_possible_are_decided() -> None:
    # An early mistake is outweighed later: with 1 of 4 allowed, all four may be decided.
    p_fake = np.array([0.9, 0.8, 0.7, 0.6])
    labels = np.array([0, 1, 1, 1], np.uint8)
    assert calibration.confidence_bound(p_fake, labels, 0.25) == 0.5
    assert calibration.confidence_bound(p_fake, labels, 0.2) == 1.0


def test_images_of_one_confidence_are_decided_together_or_not_at_all() -> None:
    p_fake = np.array([0.9, 0.7, 0.7, 0.7])
    labels = np.array([1, 1, 1, 0], np.uint8)
    assert calibration.confidence_bound(p_fake, labels, 0.1) == pytest.approx(0.8)


def test_at_most_one_percent_of_what_is_decided_is_wrong() -> None:
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 6000).astype(np.uint8)
    logits = rng.normal(0, 2, 6000) + np.where(labels == 1, 3.5, -3.5)
    fitted = calibration.fit(logits, labels)
    p_fake = fitted.probability(logits)
    decided = ~fitted.is_inconclusive(p_fake)
    wrong = (p_fake >= 0.5) != (labels == 1)
    assert 0.005 < wrong[decided].mean() <= 0.009
    assert 0.5 < decided.mean() < 1
    assert fitted.band_low == pytest.approx(1 - fitted.band_high)
