"""Staff read what there is for a fit, how it goes, what it is worth, and two fits side by side."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from detection.admin.registry.fitted import fitted
from detection.curves import Line, chart
from detection.models import Dataset, Label, ModelVersion, Stage, Track, TrainingRun, Work
from detection.services.registry import version_promote
from detection.services.training import fit_request
from ml.contract.photo import FitWarning, SourceFigures
from portal.models import User
from tests import panel, people, photos
from tests.fixtures import signed_in

FIT = reverse("admin:detection_photo_fit")
MATERIAL = reverse("admin:detection_photo_fit_material")


def page_of(client: Client, version: ModelVersion) -> str:
    return panel.text_of(client, reverse("admin:detection_modelversion_change", args=[version.pk]))


def form(*datasets: Dataset, **changes: Any) -> dict[str, Any]:
    given = {"datasets": [one.pk for one in datasets], "name": "photo", "false_alarms_percent": "5"}
    return {**given, **changes}


class TestFitPage:
    """What there is, and asking for it."""

    def test_it_says_what_there_is_and_what_is_missing(self, as_admin: Client) -> None:
        dataset = photos.dataset(real=21, fake=12)
        photos.add(dataset, 900, Label.FAKE, side=100)
        text = panel.text_of(as_admin, FIT)
        assert "<dt>Real</dt><dd>21</dd>" in text
        assert "<dt>AI-generated</dt><dd>12</dd>" in text
        assert "<dt>Too small, left out</dt><dd>1</dd>" in text
        assert "<strong>8 AI-generated ones</strong> are missing" in text
        assert "All come from one source" in text

    def test_other_datasets_are_counted_as_they_are_ticked(self, as_admin: Client) -> None:
        one, other = photos.dataset("One"), photos.dataset("Other", first=100)
        answer = as_admin.get(MATERIAL, form(one, other))
        assert "<dd>40</dd>" in answer.text
        assert "missing" not in answer.text
        assert "<dt>Real</dt><dd>0</dd>" in as_admin.get(MATERIAL).text

    def test_an_administrator_asks_for_a_fit(self, as_admin: Client, admin: User) -> None:
        dataset = photos.dataset()
        answer = as_admin.post(FIT, form(dataset, name="site", false_alarms_percent="2"))
        run = TrainingRun.objects.get()
        assert answer.url == reverse("admin:detection_trainingrun_change", args=[run.pk])  # type: ignore[attr-defined]
        assert (run.model_name, run.requested_by) == ("site", admin)
        assert run.config["false_alarms"] == pytest.approx(0.02)

    def test_a_frozen_list_is_fitted_to_again(self, as_admin: Client, admin: User) -> None:
        run = fit_request(user=admin, datasets=[photos.dataset()])
        TrainingRun.objects.update(state=Work.CANCELLED, slot=None)
        as_admin.post(FIT, form(snapshot=run.snapshot.pk))
        assert TrainingRun.objects.count() == 2
        assert TrainingRun.objects.first().snapshot == run.snapshot  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"datasets": []}, "Choose at least one dataset."),
            ({"false_alarms_percent": "0"}, "greater than or equal to 1"),
            ({"name": "No Name"}, "small letters, digits and hyphens"),
        ],
    )
    def test_what_makes_no_sense_is_said_in_the_form(
        self, as_admin: Client, changes: dict[str, Any], said: str
    ) -> None:
        answer = as_admin.post(FIT, form(photos.dataset(), **changes))
        assert said in answer.text
        assert not TrainingRun.objects.exists()

    def test_too_few_are_refused_in_a_sentence(self, as_admin: Client) -> None:
        answer = as_admin.post(FIT, form(photos.dataset(real=3)))
        assert "review 17 more real ones." in answer.text

    def test_nobody_else_asks(self, as_charlie: Client) -> None:
        reviewer = people.person("reviewer")
        reviewer.is_staff = True
        reviewer.save()
        reviewer.user_permissions.add(Permission.objects.get(codename="view_trainingrun"))
        for client in (as_charlie, signed_in(reviewer)):
            for answer in (client.get(FIT), client.get(MATERIAL), client.post(FIT, form())):
                assert answer.status_code in (302, 403)
                assert "Fit a photo model" not in answer.text
        assert not TrainingRun.objects.exists()


class TestRunPage:
    """A fit that goes."""

    @pytest.mark.parametrize(
        ("stage", "said"),
        [
            (Stage.PREPARING, "Reading images: 10 of 40 images"),
            (Stage.VALIDATING, "Validating: 10 of 40 steps"),
        ],
    )
    def test_it_has_no_epochs(self, as_admin: Client, admin: User, stage: Stage, said: str) -> None:
        run = fit_request(user=admin, datasets=[photos.dataset()])
        TrainingRun.objects.update(
            state=Work.RUNNING, stage=stage, step=10, steps=40, images_per_second=2.5
        )
        text = panel.text_of(as_admin, reverse("admin:detection_trainingrun_change", args=[run.pk]))
        assert said in text
        assert "The whole fit" in text
        assert "2.5 images/s" in text
        assert "left</p>" in text
        assert "False alarms allowed" in text
        for word in ("Epoch", "Loss", "Learning rate", "fresh weights"):
            assert word not in text

    def test_the_list_names_it(self, as_admin: Client, admin: User) -> None:
        fit_request(user=admin, datasets=[photos.dataset()])
        text = panel.text_of(as_admin, reverse("admin:detection_trainingrun_changelist"))
        assert "fit of photo" in text


class TestFigures:
    """What a version says of itself."""

    def test_worth_comes_first_in_plain_words(self, as_admin: Client, tmp_path: Path) -> None:
        text = page_of(as_admin, photos.version(tmp_path / "photo"))
        assert "names the right one in <strong>87.0 %</strong>" in text
        assert text.index("What the fit is worth") < text.index("By source")
        for said in (
            "Saved again as JPEG, quality 60",
            "Captured from a screen",
            "one class alone",
            "What a network sees in them, alone",
            "1.0 points more",
            "pictures learnt from",
        ):
            assert said in text

    def test_what_is_worth_nothing_says_so_and_has_no_way_on(
        self, as_admin: Client, tmp_path: Path
    ) -> None:
        version = photos.version(tmp_path / "photo", photos.worthless())
        text = page_of(as_admin, version)
        assert "Nothing that is shown yet." in text
        assert "its interval reaches chance" in text
        promotion = panel.url("promote", version.pk)
        text = panel.text_of(as_admin, promotion)
        assert "It cannot be promoted, whatever the reason" in text
        assert 'data-testid="confirm"' not in text
        as_admin.post(promotion, {"reason": "I want it all the same."})
        assert ModelVersion.objects.champion_of(Track.PHOTO) is None

    def test_the_smallest_fit_has_a_page(self, as_admin: Client, tmp_path: Path) -> None:
        overall = photos.split_figures(ece=None)
        small = photos.figures(
            images=40,
            overall=overall,
            curve=(),
            expected_roc_auc=None,
            sources=(SourceFigures("", 20, 20, overall, None),),
            tiers={},
            members={},
            warnings=(FitWarning("one_source", "All pictures come from one source."),),
        )
        text = page_of(as_admin, photos.version(tmp_path / "small", small))
        assert "too few pictures to tell what more would bring" in text
        assert "All pictures come from one source." in text
        assert "the only source" in text
        assert "not said" in text

    @pytest.mark.parametrize(
        ("images", "roc_auc", "verdict"),
        [
            (260, 0.90, "kept"),
            (260, 0.86, "within"),
            (260, 0.80, "broken"),
            (210, 0.80, "too_few"),
        ],
    )
    def test_the_last_promise_is_held_against_what_came(
        self, as_admin: Client, tmp_path: Path, images: int, roc_auc: float, verdict: str
    ) -> None:
        photos.version(tmp_path / "first", photos.figures(0.87))
        second = photos.version(
            tmp_path / "second", photos.figures(roc_auc, images=images), strength=2.0
        )
        found = fitted(second)
        assert found is not None
        assert found["promise"].verdict == verdict
        assert found["promise"].new == images - 200
        said = {
            "kept": "<strong>kept</strong>",
            "within": "not reached, but within",
            "broken": "<strong>not kept</strong>",
            "too_few": "Only 10 came in",
        }
        text = page_of(as_admin, second)
        assert said[verdict] in text
        assert "photo 1, from 200 pictures, promised 88.0" in text

    def test_a_network_has_no_such_page(self, as_admin: Client, model: ModelVersion) -> None:
        assert fitted(model) is None
        assert "What the fit is worth" not in page_of(as_admin, model)


class TestComparison:
    """Two fits beside each other, without a set that both were judged on."""

    @pytest.mark.parametrize(
        ("roc_auc", "said"),
        [
            (0.88, "Not surely different: ROC AUC 87.0"),
            (0.97, "The second is better"),
            (0.70, "The second is worse"),
        ],
    )
    def test_intervals_say_which_is_better(
        self, as_admin: Client, tmp_path: Path, roc_auc: float, said: str
    ) -> None:
        first = photos.version(tmp_path / "first")
        second = photos.version(tmp_path / "second", photos.figures(roc_auc), strength=2.0)
        address = f"{panel.url('compare')}?first={first.pk}&second={second.pk}"
        text = panel.text_of(as_admin, address)
        assert said in text
        assert "There is no set on which both" not in text

    def test_a_fit_beside_a_network_says_what_is_missing(
        self, as_admin: Client, model: ModelVersion, tmp_path: Path
    ) -> None:
        version = photos.version(tmp_path / "photo")
        address = f"{panel.url('compare')}?first={model.pk}&second={version.pk}"
        text = panel.text_of(as_admin, address)
        assert "What each fit found" not in text
        assert "There is no set on which both" in text


def test_the_first_is_promoted_in_the_panel_and_rolled_back_to(
    as_admin: Client, tmp_path: Path
) -> None:
    first = photos.version(tmp_path / "first")
    text = panel.text_of(as_admin, panel.url("promote", first.pk))
    assert "is the first to answer in its track" in text
    as_admin.post(panel.url("promote", first.pk))
    second = photos.version(tmp_path / "second", strength=2.0)
    assert version_promote(version=second, reason="Better.")
    as_admin.post(panel.url("promote", first.pk))
    assert ModelVersion.objects.champion_of(Track.PHOTO) == first


def test_a_long_axis_is_marked_in_numbers_that_people_count_in() -> None:
    drawn = chart("ROC AUC", [Line("A", "first", [(40, 0.7), (300, 0.8)])], epochs=350)
    assert drawn is not None
    assert [mark.text for mark in drawn.across] == ["0", "100", "200", "300"]
    short = chart("Loss", [Line("A", "first", [(1, 0.7)])], epochs=30)
    assert short is not None
    assert dataclasses.asdict(short)["by"] == "epoch"
    assert [mark.text for mark in short.across][:2] == ["0", "5"]
