"""A fit is promoted on what it was shown to be worth, and never where that is nothing."""

from pathlib import Path
from typing import Any

import pytest

from detection.models import Dataset, Evaluation, Label, ModelVersion, Role, Track
from detection.services.evaluations import EvaluationRefused, evaluations_ask, evaluations_make
from detection.services.gate import Gate
from detection.services.gates import gates_asked, gates_check
from detection.services.registry import (
    PromotionRefused,
    champion_before,
    version_promote,
    version_register,
)
from ml.contract.photo import FitWarning
from portal.models import User
from tests import colours, photos, sealed

pytestmark = pytest.mark.django_db
WHY = "I have looked at every picture myself."


def gate(version: ModelVersion, name: str) -> Gate:
    (found,) = [one for one in gates_check(version=version) if one.name == name]
    assert found.sentence.endswith(".")
    return found


def failed(version: ModelVersion) -> list[str]:
    return [one.name for one in gates_check(version=version) if not one.passed]


def sealed_photographs(name: str = "Sealed photographs", *, wrong: int = 0) -> Dataset:
    """Red squares are FAKE and blue ones REAL, and each is a photograph by its size."""
    made = Dataset.objects.create(name=name, role=Role.TEST)
    for number in range(20):
        is_red = number % 2 == 0
        colour = f"rgb({100 + number},0,0)" if is_red else f"rgb(0,0,{100 + number})"
        label = Label.FAKE if is_red != (number < wrong) else Label.REAL
        sealed.add(made, photos.content(0, colour), label, f"{number}.png")
    return made


def test_a_fit_that_is_worth_something_passes_on_its_own_figures(tmp_path: Path) -> None:
    version = photos.version(tmp_path / "photo")
    names = [one.name for one in gates_check(version=version)]
    assert names == ["worth", "false alarms", "calibration", "no shortcut", "size"]
    assert failed(version) == []
    assert "87.0 % of the cases (83.0 % to 91.0 %)" in gate(version, "worth").sentence
    assert version_promote(version=version, reason="The first.")
    assert ModelVersion.objects.champion_of(Track.PHOTO) == version


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("override", ["", WHY])
def test_what_is_worth_nothing_is_never_promoted(
    tmp_path: Path, is_first: bool, override: str
) -> None:
    champion = None
    if not is_first:
        champion = photos.version(tmp_path / "good")
        version_promote(version=champion, reason="Good.")
    version = photos.version(tmp_path / "bad", photos.worthless(), strength=2.0)
    with pytest.raises(PromotionRefused) as caught:
        version_promote(version=version, reason="Now.", override_reason=override)
    assert caught.value.code == "worth_nothing"
    assert "coin's toss" in caught.value.sentence
    assert ModelVersion.objects.champion_of(Track.PHOTO) == champion


def test_a_version_without_figures_is_not_promoted(tmp_path: Path) -> None:
    colours.store(tmp_path / "bare", name="bare", track="photo")
    version, _ = version_register(directory=tmp_path / "bare")
    with pytest.raises(PromotionRefused) as caught:
        version_promote(version=version, reason="Now.", override_reason=WHY)
    assert caught.value.code == "worth_nothing"


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"false_alarms": 0.2, "false_alarms_interval": (0.1, 0.3)}, "false alarms"),
        ({"overall": photos.split_figures(ece=0.081)}, "calibration"),
        ({"overall": photos.split_figures(ece=None)}, "calibration"),
        (
            {"warnings": (FitWarning("shortcut", "File type alone separates them at .93."),)},
            "no shortcut",
        ),
    ],
)
def test_what_is_doubtful_needs_a_reason_the_first_of_the_track_too(
    tmp_path: Path, is_first: bool, changes: dict[str, Any], name: str
) -> None:
    if not is_first:
        champion = photos.version(tmp_path / "good")
        version_promote(version=champion, reason="Good.")
    version = photos.version(tmp_path / "doubtful", photos.figures(**changes), strength=2.0)
    assert failed(version) == [name]
    with pytest.raises(PromotionRefused) as caught:
        version_promote(version=version, reason="Now.")
    assert caught.value.code == "gates_failed"
    promotion = version_promote(version=version, reason="Now.", override_reason=WHY)
    assert promotion is not None
    assert promotion.override_reason == WHY
    assert [one["name"] for one in promotion.gates if not one["passed"]] == [name]
    assert failed(version) == [name]


def test_an_interval_that_lies_below_the_bound_is_no_false_alarm(tmp_path: Path) -> None:
    few = photos.figures(false_alarms=0.0, false_alarms_interval=(0.0, 0.03))
    assert gate(photos.version(tmp_path / "few", few), "false alarms").passed


def test_rolling_back_asks_for_nothing_but_worth(tmp_path: Path) -> None:
    first, second = (
        photos.version(tmp_path / str(number), strength=2.0 + number) for number in (1, 2)
    )
    for version in (first, second):
        assert version_promote(version=version, reason="Better.")
    assert champion_before(track=Track.PHOTO) == first
    assert [one.name for one in gates_asked(version=first)] == ["worth"]
    assert version_promote(version=first, reason="Back.")
    assert ModelVersion.objects.champion_of(Track.PHOTO) == first


def test_sealed_photographs_are_asked_where_there_are_any(tmp_path: Path, admin: User) -> None:
    version = photos.version(tmp_path / "photo")
    sealed.dataset("Thumbnails")
    with pytest.raises(EvaluationRefused) as caught:
        evaluations_ask(version=version, user=admin)
    assert "set of photographs" in caught.value.sentence
    sealed_photographs()
    assert failed(version) == ["judged on Sealed photographs"]
    assert [one.dataset.name for one in evaluations_make(version=version) if one.dataset] == [
        "Sealed photographs"
    ]
    assert gate(version, "worth on Sealed photographs").passed
    assert "calibration on Sealed photographs" in [one.name for one in gates_check(version=version)]


def test_a_version_that_does_worse_on_them_than_the_champion_is_told(tmp_path: Path) -> None:
    champion = photos.version(tmp_path / "good")
    version_promote(version=champion, reason="Good.")
    sealed_photographs()
    worse = photos.version(tmp_path / "worse", strength=-3.0)
    evaluations_make(version=worse)
    names = failed(worse)
    assert "worth on Sealed photographs" in names
    assert "drop on Sealed photographs" in names
    # The champion was judged beside it, and no more than that.
    assert Evaluation.objects.count() == 2
