"""What a fit is worth is told as it is: on noise, on copies, on other sources."""

import numpy as np
import pytest

from ml.photo import validation
from ml.photo.doubts import alike
from ml.photo.validation import Degraded, Sample, Stopped, validate
from tests.ml.samples import features, sample


@pytest.fixture(autouse=True)
def _divided_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two more divisions would say the same in three times the time."""
    monkeypatch.setattr(validation, "REPEATS", 1)


def test_too_few_for_a_band_get_no_verdict() -> None:
    found = validate(sample(15, 15, 1.0), {}, rate=0.05, seed=1)
    assert (found.coverage, found.selective_accuracy) == (0.0, None)


def test_noise_is_worth_nothing() -> None:
    found = validate(sample(25, 25, 0.0), {}, rate=0.05, seed=1)
    assert not found.overall.is_worth_something
    assert found.expected_roc_auc is None


def test_copies_of_noise_are_worth_nothing_as_they_are_held_out_together() -> None:
    noise = sample(20, 20, 0.0)
    places = np.repeat(np.arange(40), 2)
    copies = noise.take(places)
    assert not validate(copies, {}, rate=0.05, seed=1).overall.is_worth_something
    apart = Sample(copies.features, copies.labels, np.arange(80), copies.sources)
    assert validate(apart, {}, rate=0.05, seed=1).overall.roc_auc > 0.9


def test_a_fit_tells_its_curve_its_tiers_and_how_many_false_alarms_it_gives() -> None:
    pictures = sample(80, 80, 0.8)
    spoilt = features(pictures.labels[::2], 0.0, seed=8)
    told: list[tuple[int, int]] = []
    found = validate(
        pictures,
        {"jpeg_q60": Degraded(np.arange(0, 160, 2), spoilt)},
        rate=0.05,
        seed=1,
        step=lambda done, of: told.append((done, of)),
    )
    assert found.overall.roc_auc > 0.75
    assert found.tiers["jpeg_q60"].roc_auc < 0.7
    assert list(found.tiers) == ["as_they_are", "jpeg_q60"]
    unspoilt = found.tiers["as_they_are"]
    assert (unspoilt.real, unspoilt.fake) == (40, 40)
    assert unspoilt.roc_auc > 0.75
    assert 0.3 < found.coverage < 0.9
    assert found.selective_accuracy is not None
    assert found.overall.accuracy < found.selective_accuracy < 1
    assert [point.images for point in found.curve] == [40, 80, 160]
    assert found.curve[0].roc_auc < found.curve[-1].roc_auc == found.overall.roc_auc
    assert found.expected_roc_auc is not None
    assert 0 < found.expected_roc_auc - found.overall.roc_auc < 0.05
    low, high = found.false_alarms_interval
    assert low <= 0.05 <= high
    assert set(found.members) == {"forensics", "network"}
    assert found.kept_as_known > 0.85
    assert told == [(done, len(told)) for done in range(1, len(told) + 1)]


def test_a_source_left_out_tells_what_a_mixture_hides() -> None:
    there, elsewhere = sample(40, 40, 1.6), sample(40, 40, 0.0, seed=3)
    for values in elsewhere.features.values():  # in this source other numbers tell the classes
        values[:, 450:460] += 1.6 * elsewhere.labels[:, None]
    members = {
        name: np.concatenate([values, elsewhere.features[name]])
        for name, values in there.features.items()
    }
    labels = np.concatenate([there.labels, elsewhere.labels])
    both = Sample(members, labels, np.arange(160), ("here",) * 80 + ("there",) * 80)
    found = validate(both, {}, rate=0.05, seed=1)
    for source in found.sources:
        assert source.within is not None
        assert source.left_out is not None
        assert source.within.roc_auc > 0.8
        assert source.left_out.roc_auc < 0.65


def test_a_source_with_one_class_has_no_figures_of_its_own() -> None:
    pictures = sample(20, 20, 0.8)
    names = tuple("camera" if label == 0 else "download" for label in pictures.labels)
    found = validate(
        Sample(pictures.features, pictures.labels, pictures.groups, names), {}, rate=0.05, seed=1
    )
    assert [(each.within, each.left_out) for each in found.sources] == [(None, None)] * 2


def test_sources_that_look_like_one_are_named() -> None:
    one = sample(60, 60, 0.5, sources=("a", "b"))
    assert alike(one, seed=1) == [("a", "b")]
    marked = np.array([source == "b" for source in one.sources])
    for values in one.features.values():
        values[marked, 50:80] += 0.7
    assert alike(one, seed=1) == []


def test_a_class_that_is_mostly_one_group_is_judged_all_the_same() -> None:
    pictures = sample(60, 60, 1.0, sources=("a", "b"))
    groups = np.arange(120)
    groups[60:110] = 60  # of the FAKE, ten others are left
    lopsided = Sample(pictures.features, pictures.labels, groups, pictures.sources)
    found = validate(lopsided, {}, rate=0.05, seed=1)
    assert [point.images for point in found.curve] == [40, 80, 120]
    of_one_source = Sample(pictures.features, pictures.labels, np.arange(120) % 2, pictures.sources)
    assert alike(of_one_source, seed=1) == []  # two groups alone say nothing


def test_what_a_step_raises_ends_the_validation() -> None:
    def stop(done: int, of: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        validate(sample(30, 30, 0.5), {}, rate=0.05, seed=1, step=stop)


def test_the_same_pictures_and_seed_give_the_same_figures() -> None:
    first, again = (validate(sample(20, 20, 0.5), {}, rate=0.05, seed=3) for _ in range(2))
    assert first == again
