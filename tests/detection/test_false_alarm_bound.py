"""A setting bounds false alarms on real images, and everything that gives verdicts goes by it."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from detection.models import AuditEvent, ModelVersion, VerdictKind
from detection.models.false_alarms import FalseAlarmBound
from detection.services.evaluations import evaluations_make
from detection.services.gates import gates_check
from detection.services.served_figures import record_of_today
from detection.services.shadow_report import verdict_of
from detection.services.shipped import measurement_take_over, shipped_register
from detection.services.signatures import version_verify
from detection.templatetags.verdict_scale import verdict_scale
from ml import artifacts, calibration
from ml.contract import MAX_FALSE_ALARMS, Calibration, FalseAlarms, ModelSpec, OperatingPoint
from portal.models import User
from tests import colours, images, photos, sealed, work

# Of 400 real images 1 % got .9 or more, and none .999: the band of the colours ends at .8.
TABLE = FalseAlarms(
    400,
    tuple(OperatingPoint(*pair) for pair in ((0.0, 0.999), (0.01, 0.9), (0.05, 0.7), (0.5, 0.1))),
)
MEASURED = dataclasses.replace(colours.SPEC.calibration, false_alarms=TABLE)


@pytest.fixture
def measured(model: ModelVersion, tmp_path: Path) -> ModelVersion:
    """A version like the one that answers, whose false alarms are known."""
    return sealed.version(tmp_path / "measured", strength=3.5, calibration=MEASURED)


@pytest.mark.parametrize(
    ("setting", "band"),
    [
        (0.5, (0.2, 0.8)),
        (0.05, (0.2, 0.8)),
        (0.049, (0.2, 0.9)),
        (0.01, (0.2, 0.9)),
        (0.005, (0.2, 0.999)),
        (0.0001, (0.2, 0.999)),
    ],
)
def test_the_upper_end_is_lifted_as_far_as_the_setting_asks(
    measured: ModelVersion, settings: Settings, setting: float, band: tuple[float, float]
) -> None:
    settings.MAX_FALSE_ALARMS = setting
    assert measured.band == band


def test_a_version_from_before_keeps_its_band(model: ModelVersion, settings: Settings) -> None:
    settings.MAX_FALSE_ALARMS = 0.0001
    del model.spec["calibration"]["false_alarms"]
    assert model.band == (0.2, 0.8)
    assert model.false_alarms is None


def test_the_bound_tells_share_threshold_and_images(
    measured: ModelVersion, settings: Settings
) -> None:
    assert measured.false_alarms == FalseAlarmBound(0.01, 0.9, 400)
    assert measured.false_alarms.is_supported
    settings.MAX_FALSE_ALARMS = 0.002
    assert measured.false_alarms == FalseAlarmBound(0.002, 0.999, 400)
    assert not measured.false_alarms.is_supported


def test_the_page_of_a_version_tells_it(
    as_admin: Client, measured: ModelVersion, settings: Settings
) -> None:
    address = reverse("admin:detection_modelversion_change", args=[measured.pk])
    page = " ".join(as_admin.get(address).content.decode().replace("\xa0", " ").split())
    assert "real up to 20.00 % and AI-generated from 90.00 % on" in page
    assert "at most 1.00 % of its 400 real validation images are false alarms." in page
    settings.MAX_FALSE_ALARMS = 0.002
    page = " ".join(as_admin.get(address).content.decode().replace("\xa0", " ").split())
    assert "AI-generated from 99.90 % on" in page
    assert "none of its 400 real validation images is a false alarm: they are too few" in page


def test_a_fit_to_photographs_keeps_the_share_that_was_chosen_for_it(
    db: None, tmp_path: Path
) -> None:
    version = photos.version(tmp_path / "photo", calibration=MEASURED)
    assert version.band == (0.2, 0.8)
    assert version.false_alarms is None


def test_the_default_is_that_of_the_science(settings: Settings) -> None:
    assert settings.MAX_FALSE_ALARMS == MAX_FALSE_ALARMS == 0.01


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=80),
    st.floats(0.0001, 0.5),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_portal_and_science_give_the_same_band(
    scores: list[float], share: float, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    table = calibration.false_alarms(np.array(scores))
    spec = dataclasses.replace(colours.SPEC, calibration=Calibration(1.0, low, high, table))
    version = ModelVersion(spec=json.loads(spec.to_json()))
    bounded = ModelSpec.from_json(spec.to_json()).bounded(share).calibration
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.MAX_FALSE_ALARMS", share)
        assert version.band == (bounded.band_low, bounded.band_high)


def test_a_verdict_changes_with_the_setting_and_without_a_restart(
    alice: User, settings: Settings
) -> None:
    colours.store(Path(settings.SHIPPED_MODELS) / "colours", calibration=MEASURED)
    shipped_register()
    red = images.plain("red")
    before = work.analysed(alice, red)
    assert (before.verdict, before.p_fake and 0.9 < before.p_fake < 0.999) == ("likely_ai", True)
    settings.MAX_FALSE_ALARMS = 0.001
    after = work.analysed(alice, red)
    assert (after.verdict, after.p_fake) == ("inconclusive", before.p_fake)
    scale = verdict_scale(after)
    assert scale is not None
    assert scale.high_percent == 99.9
    assert scale.real_ends < scale.at < scale.ai_begins
    earlier = verdict_scale(before)
    assert earlier is not None
    assert (earlier.high_percent, earlier.at > earlier.ai_begins) == (90.0, True)


def test_answers_in_the_shadow_go_by_it_too(measured: ModelVersion, settings: Settings) -> None:
    assert verdict_of(measured, 0.95, in_domain=True) == VerdictKind.LIKELY_AI
    settings.MAX_FALSE_ALARMS = 0.001
    assert verdict_of(measured, 0.95, in_domain=True) == VerdictKind.INCONCLUSIVE


def decided(version: ModelVersion) -> float | None:
    (value,) = [gate.value for gate in gates_check(version=version) if "decided" in gate.name]
    return value


def test_figures_and_gates_follow_the_setting_without_being_judged_anew(
    measured: ModelVersion, settings: Settings
) -> None:
    sealed.dataset(wrong=4)
    (evaluation,) = evaluations_make(version=measured)
    record = evaluation.record
    assert (record["band"], record["max_false_alarms"]) == ([0.2, 0.9], 0.01)
    assert record_of_today(evaluation) == record
    # Of ten real and ten fake squares two of each say the opposite.
    assert (record["false_alarms"], record["misses"]) == pytest.approx((0.2, 0.2))
    settings.MAX_FALSE_ALARMS = 0.001
    today = record_of_today(evaluation)
    assert (today["false_alarms"], today["misses"]) == pytest.approx((0.0, 0.2))
    assert (today["coverage"], today["selective_accuracy"]) == pytest.approx((0.5, 0.8))
    assert today["accuracy"] == record["accuracy"]
    assert decided(measured) == pytest.approx(record["coverage"] - today["coverage"])


def test_an_evaluation_of_an_earlier_version_is_read_as_if_made_today(
    measured: ModelVersion,
) -> None:
    sealed.dataset(wrong=4)
    (evaluation,) = evaluations_make(version=measured)
    record = dict(evaluation.record)
    for name in ("band", "max_false_alarms", "false_alarms", "misses"):
        del evaluation.record[name]
    evaluation.record["coverage"] = 0.123
    today = record_of_today(evaluation)
    for name in ("band", "coverage", "selective_accuracy", "false_alarms", "misses"):
        assert today[name] == pytest.approx(record[name])
    evaluation.answers.delete(save=False)
    assert record_of_today(evaluation)["coverage"] == 0.123


@pytest.fixture
def bare(db: None, settings: Settings) -> ModelVersion:
    """What shipped before its false alarms were known."""
    colours.store(Path(settings.SHIPPED_MODELS) / "colours")
    ((version, _),) = shipped_register()
    return version


def ship(settings: Settings, **changes: object) -> Path:
    """Ship the same weights with a table, and whatever else is changed."""
    folder = Path(settings.SHIPPED_MODELS) / "colours"
    changed: dict[str, Any] = {"calibration": MEASURED, **changes}
    spec = dataclasses.replace(artifacts.read_spec(folder), **changed)
    artifacts.write_text(folder / "spec.json", spec.to_json())
    return folder


def test_what_ships_later_with_the_same_weights_is_measured_once_and_audited(
    bare: ModelVersion, settings: Settings
) -> None:
    weights, signature = bare.weights_sha256, bare.signature
    ship(settings)
    assert shipped_register() == [(bare, False)]
    bare.refresh_from_db()
    assert bare.band == (0.2, 0.9)
    assert bare.weights_sha256 == weights
    assert bare.signature != signature
    version_verify(version=bare)
    event = AuditEvent.objects.get(action="version_measure")
    assert (event.subject, event.user) == ("colours 1", None)
    assert event.details["band_before"] == [0.2, 0.8]
    assert event.details["band"] == [0.2, 0.9]
    assert event.details["real"] == 400
    looser = FalseAlarms(900, (OperatingPoint(0.0, 0.3),))
    ship(settings, calibration=dataclasses.replace(MEASURED, false_alarms=looser))
    shipped_register()
    bare.refresh_from_db()
    assert bare.band == (0.2, 0.9)
    assert AuditEvent.objects.filter(action="version_measure").count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"calibration": dataclasses.replace(MEASURED, band_high=0.7)},
        {"calibration": dataclasses.replace(MEASURED, temperature=2.0)},
        {"flip_averaging": False},
    ],
)
def test_a_measurement_brings_no_other_change_in(
    bare: ModelVersion, settings: Settings, changes: dict[str, object]
) -> None:
    ship(settings, **changes)
    shipped_register()
    bare.refresh_from_db()
    assert bare.band == (0.2, 0.8)
    version_verify(version=bare)


def test_a_row_that_was_tampered_with_is_not_signed_again(
    bare: ModelVersion, settings: Settings
) -> None:
    bare.spec["calibration"]["band_low"] = 0.3
    bare.save(update_fields=["spec"])
    calibrated = dataclasses.replace(MEASURED, band_low=0.3)
    folder = ship(settings, calibration=calibrated)
    assert not measurement_take_over(version=bare, directory=folder)
    bare.refresh_from_db()
    assert bare.false_alarms is None
    assert not AuditEvent.objects.filter(action="version_measure").exists()
