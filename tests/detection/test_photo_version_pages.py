"""Staff read what a fit is worth on the page of its version, two fits side by side, and promote."""

import dataclasses
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from detection.admin.registry.fitted import fitted
from detection.curves import Line, chart
from detection.models import ModelVersion, Track
from detection.services.registry import version_promote
from ml.contract.photo import FitWarning, SourceFigures
from tests import panel, photos


def page_of(client: Client, version: ModelVersion) -> str:
    return panel.text_of(client, reverse("admin:detection_modelversion_change", args=[version.pk]))


class TestFigures:
    """What a version says of itself."""

    def test_worth_comes_first_in_plain_words(self, as_admin: Client, tmp_path: Path) -> None:
        text = page_of(as_admin, photos.version(tmp_path / "photo"))
        assert "names the right one in <strong>87.0 %</strong>" in text
        assert text.index("What the fit is worth") < text.index("By source")
        for said in (
            "Saved again as JPEG, quality 60",
            "Screenshot <span",
            "60 real, 60 AI-generated",
            "at or above the upper end of the",
            "chance taken off; with 200 pictures",
            "one class alone",
            "What a network sees in them, alone",
            "1.0 points more",
            "pictures learnt from",
        ):
            assert said in text

    def test_how_many_get_a_verdict_is_told_where_it_is_known(
        self, as_admin: Client, tmp_path: Path
    ) -> None:
        told = photos.figures(coverage=0.62, selective_accuracy=0.931)
        text = page_of(as_admin, photos.version(tmp_path / "told", told))
        assert "a verdict on <strong>62.0 %</strong> of such pictures" in text
        assert "<strong>93.1 %</strong> of these verdicts are right" in text
        nobody = photos.figures(coverage=0.0, selective_accuracy=None)
        text = page_of(as_admin, photos.version(tmp_path / "nobody", nobody, strength=2.0))
        assert "a verdict on <strong>0.0 %</strong> of such pictures; on the others" in text
        earlier = photos.version(tmp_path / "earlier", strength=2.5)
        assert "a verdict on" not in page_of(as_admin, earlier)

    def test_degraded_pictures_stand_beside_the_same_ones_undegraded(
        self, as_admin: Client, tmp_path: Path
    ) -> None:
        few = photos.split_figures(0.7, real=30, fake=31)
        tiers = {"screenshot": few, "as_they_are": photos.split_figures(0.8, real=30, fake=31)}
        version = photos.version(tmp_path / "photo", photos.figures(tiers=tiers))
        found = fitted(version)
        assert found is not None
        assert [name for name, _ in found["tiers"]] == [
            "Those that were degraded, before they were",
            "Screenshot",
        ]
        text = page_of(as_admin, version)
        assert text.count(">61 pictures<") == 2
        assert "66.0 to 74.0 %" in text

    def test_lists_tell_what_the_fit_found(self, as_admin: Client, tmp_path: Path) -> None:
        version = photos.version(tmp_path / "photo")
        changelist = reverse("admin:detection_modelversion_changelist")
        for text in (panel.text_of(as_admin, changelist), page_of(as_admin, version)):
            assert "ROC AUC 87.0 % (83.0 to 91.0 %) by its fit" in text
        assert "There is no sealed test of photographs" in text

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


def test_a_shortcut_has_to_be_answered_for_by_the_first_version_too(
    as_admin: Client, tmp_path: Path
) -> None:
    shortcut = FitWarning("shortcut", "File type alone separates them at .93.")
    version = photos.version(tmp_path / "first", photos.figures(warnings=(shortcut,)))
    promotion = panel.url("promote", version.pk)
    text = panel.text_of(as_admin, promotion)
    assert "Gates: 1 of 5 failed" in text
    assert "all passed" not in text
    assert text.count('class="reg-gate"') == 5
    assert 'data-testid="override"' in text
    as_admin.post(promotion)
    assert ModelVersion.objects.champion_of(Track.PHOTO) is None
    as_admin.post(promotion, {"reason": "All of ours are JPEGs by now."})
    assert ModelVersion.objects.champion_of(Track.PHOTO) == version
    text = page_of(as_admin, version)
    assert "It answers all the same, because: All of ours are JPEGs by now." in text
    assert 'data-testid="gates"' in text


def test_the_first_is_promoted_in_the_panel_and_rolled_back_to(
    as_admin: Client, tmp_path: Path
) -> None:
    first = photos.version(tmp_path / "first")
    text = panel.text_of(as_admin, panel.url("promote", first.pk))
    assert "is the first to answer in its track" in text
    assert "Gates: all passed" in text
    as_admin.post(panel.url("promote", first.pk))
    text = page_of(as_admin, first)
    assert "It answers; this is how it stands now." in text
    assert text.count('class="reg-gate"') == 5
    second = photos.version(tmp_path / "second", strength=2.0)
    assert version_promote(version=second, reason="Better.")
    text = panel.text_of(as_admin, panel.url("promote", first.pk))
    assert "no gates are asked but for its worth" in text
    assert text.count('class="reg-gate"') == 5
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


def test_heights_are_marked_in_round_numbers() -> None:
    def marks(*values: float, is_share: bool = False) -> list[str]:
        drawn = chart(
            "A", [Line("A", "first", list(enumerate(values)))], epochs=9, is_share=is_share
        )
        assert drawn is not None
        places = [mark.place for mark in drawn.up]
        assert places == sorted(places, reverse=True)
        assert drawn.bottom >= places[0] > places[-1] >= 0
        return [mark.text for mark in drawn.up]

    assert marks(0.61, 0.93, is_share=True) == ["60 %", "70 %", "80 %", "90 %"]
    assert marks(0.993, 1.0, is_share=True) == ["99.4 %", "99.6 %", "99.8 %", "100.0 %"]
    assert marks(0.2, 1.4) == ["0.2", "0.4", "0.6", "0.8", "1.0", "1.2", "1.4"]
    assert len(marks(0.5)) >= 3
