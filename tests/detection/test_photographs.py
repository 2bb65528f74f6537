"""A photograph is looked at by a model that was fitted on such pictures, or by none at all."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from detection import ml_gateway
from detection.models import Analysis, ModelVersion, ShadowAnswer, State, Track, VerdictKind
from detection.models.registry import PHOTO_LEAST_SIDE
from detection.services.analysis import analysis_retry, analysis_run
from detection.services.explanations import ExplanationRefused, explanation_request
from detection.services.registry import challenger_set, version_promote, version_register
from detection.services.repeats import (
    RepeatRefused,
    analyses_repeat,
    analysis_repeat,
    champions,
    outdated,
)
from detection.services.shadow import shadow_run
from detection.services.shadow_report import shadow_report
from ml.contract import Calibration
from ml.photo.crops import LEAST_SIDE
from portal.models import User
from tests import images, photos, work


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored model of the photo track."""
    folder = tmp_path_factory.mktemp("photo") / "photo"
    photos.store(folder, photos.figures())
    return folder


@pytest.fixture
def photo_model(db: None, photo_folder: Path) -> ModelVersion:
    """The registered version that answers for photographs, not promoted yet."""
    version, _ = version_register(directory=photo_folder)
    return version


def photograph(colour: str = "red", size: tuple[int, int] = (160, 128)) -> bytes:
    """A file that is large enough to be a photograph."""
    return images.plain(colour, size)


def make_novel(monkeypatch: pytest.MonkeyPatch, novelty: float) -> None:
    """Let every answer of a model say that the image lies so far from the validated ones."""
    answers = ml_gateway.answers

    def novel(*args: Any, **options: Any) -> list[ml_gateway.Answer]:
        return [
            dataclasses.replace(one, novelty=novelty)
            for one in answers(*args, **options)
            if isinstance(one, ml_gateway.Answer)
        ]

    monkeypatch.setattr(ml_gateway, "answers", novel)


def promote(version: ModelVersion) -> None:
    version_promote(version=version, reason="For the tests.", override_reason="Its figures are.")


def page(client: Client, analysis: Analysis) -> str:
    answer = client.get(reverse("analysis_detail", args=[analysis.public_id]))
    assert answer.status_code == 200
    return answer.text


def codes(analysis: Analysis) -> list[str]:
    return [reason["code"] for reason in analysis.reasons]


# -- which images are photographs ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "track"),
    [
        ((128, 128), Track.PHOTO),
        ((4000, 128), Track.PHOTO),
        ((127, 4000), Track.THUMBNAIL),
        ((32, 32), Track.THUMBNAIL),
    ],
)
def test_the_shorter_side_tells_what_is_a_photograph(
    alice: User, size: tuple[int, int], track: Track
) -> None:
    analysis = work.queued(alice, images.plain(work.RED, size))
    assert analysis.track == track
    assert type(analysis.image).objects.of_track(track).get() == analysis.image


def test_the_science_takes_every_photograph_and_none_below() -> None:
    assert LEAST_SIDE == PHOTO_LEAST_SIDE


# -- without a model -------------------------------------------------------------------------------


def test_without_a_model_the_analysis_ends_with_that(alice: User, model: ModelVersion) -> None:
    analysis = work.analysed(alice, photograph())
    assert (analysis.state, analysis.verdict) == (State.FINISHED, VerdictKind.INCONCLUSIVE)
    assert codes(analysis) == ["no_validated_model", "coin_elsewhere", "look_elsewhere"]
    assert (analysis.model_version, analysis.p_fake, analysis.in_domain) == (None, None, False)
    assert (analysis.heatmap.name, analysis.heatmap_method) == ("", "")
    assert analysis.summary == (
        "No conclusion can be drawn: there is no validated model for this kind of picture here yet."
    )


def test_its_page_says_so_and_shows_no_number(
    alice: User, as_alice: Client, model: ModelVersion
) -> None:
    analysis = work.analysed(alice, photograph())
    text = page(as_alice, analysis)
    assert "No validated model for this kind of picture yet" in text
    assert "What can be looked at instead" in text
    assert 'data-testid="file-facts"' in text
    for absent in ('data-testid="percentage"', 'data-testid="overlay"', "to fit one", "every 1s"):
        assert absent not in text
    submission = reverse("submission_detail", args=[analysis.image.submission.public_id])
    for address in (reverse("history"), submission, reverse("submission_new")):
        listed = as_alice.get(address).text
        assert analysis.public_id in listed
        assert "% AI" not in listed
    assert "no model yet" in as_alice.get(reverse("history")).text


def test_staff_are_told_the_way_to_one(admin: User, as_admin: Client, model: ModelVersion) -> None:
    text = page(as_admin, work.analysed(admin, photograph()))
    assert "Label 40 images to fit one" in text
    assert f'href="{reverse("admin:detection_photo_fit")}"' in text
    assert "to fit one" not in page(as_admin, work.analysed(admin, images.plain(work.RED, (9, 9))))


def test_the_panel_shows_such_an_analysis(
    alice: User, as_admin: Client, model: ModelVersion
) -> None:
    analysis = work.analysed(alice, photograph())
    listed = reverse("admin:detection_analysis_changelist")
    assert as_admin.get(listed).status_code == 200
    answer = as_admin.get(reverse("admin:detection_analysis_change", args=[analysis.pk]))
    assert answer.status_code == 200
    assert "no_validated_model" in answer.text


def test_thumbnails_are_answered_as_before(
    alice: User, model: ModelVersion, photo_model: ModelVersion
) -> None:
    promote(photo_model)
    analysis = work.analysed(alice)
    assert (analysis.track, analysis.model_version) == (Track.THUMBNAIL, model)
    assert (analysis.verdict, codes(analysis)) == ("likely_ai", ["model_sure", "band"])


# -- with one --------------------------------------------------------------------------------------


@pytest.fixture
def champion(model: ModelVersion, photo_model: ModelVersion) -> ModelVersion:
    """The version that answers for photographs, beside that for thumbnails."""
    promote(photo_model)
    return photo_model


@pytest.mark.parametrize(
    ("colour", "verdict"),
    [("red", "likely_ai"), ("blue", "likely_real"), ("grey", "inconclusive")],
)
def test_it_answers_in_its_domain(
    alice: User, champion: ModelVersion, colour: str, verdict: str
) -> None:
    analysis = work.analysed(alice, photograph(colour))
    assert (analysis.verdict, analysis.in_domain) == (verdict, True)
    assert (analysis.track, analysis.model_version) == (Track.PHOTO, champion)
    doubts = [] if verdict == "inconclusive" else ["few_pixels"]
    assert codes(analysis)[1:] == [*doubts, "false_alarms", "held_out"]
    assert analysis.heatmap


def test_the_page_says_what_the_fit_was_made_on_and_is_worth(
    alice: User, as_alice: Client, champion: ModelVersion
) -> None:
    text = page(as_alice, work.analysed(alice, photograph()))
    assert "100 real and 100 AI-generated pictures from site and camera." in text
    assert "in 87 of 100 (95 % interval 83 to 91)" in text
    assert "at most 5 in 100 real pictures" in text
    assert "6 in 100 were called AI-generated (95 % interval 3 to 13)" in text
    assert "Only the size is checked" not in text
    assert 'data-testid="percentage"' in text


def test_the_map_of_a_photograph_is_the_only_one(
    alice: User, as_alice: Client, champion: ModelVersion
) -> None:
    analysis = work.analysed(alice, photograph("blue"))
    text = page(as_alice, analysis)
    assert f"{analysis.heatmap_method}: where the crops speak for real" in text
    assert 'data-testid="method"' not in text
    with pytest.raises(ExplanationRefused):
        explanation_request(analysis=analysis, method="layer-cam")  # type: ignore[arg-type]
    evidence = reverse("analysis_evidence", args=[analysis.public_id])
    assert "every 1s" not in as_alice.get(evidence).text


def assert_tells_nothing(client: Client, analysis: Analysis, heading: str) -> None:
    """Neither number nor map, anywhere, though the number is kept for staff."""
    assert (analysis.verdict, analysis.in_domain) == ("inconclusive", False)
    assert analysis.p_fake is not None
    assert not analysis.heatmap
    assert codes(analysis)[-2:] == ["domain", "no_number"]
    text = page(client, analysis)
    assert heading in text
    assert photos.DOMAIN.sentence in text
    assert 'data-testid="percentage"' not in text
    assert 'data-testid="overlay"' not in text
    assert "% AI" not in client.get(reverse("history")).text


def test_an_unlike_picture_gets_no_conclusion_and_no_number(
    alice: User, as_alice: Client, champion: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_novel(monkeypatch, 1.01)
    analysis = work.analysed(alice, photograph())
    assert (analysis.code, analysis.novelty) == ("unlike_validated", 1.01)
    assert_tells_nothing(as_alice, analysis, "Unlike the pictures this model was validated on")


def test_of_an_unlike_picture_of_another_size_both_are_told(
    alice: User, as_alice: Client, champion: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_novel(monkeypatch, 1.01)
    analysis = work.analysed(alice, photograph(size=(700, 601)))
    assert codes(analysis) == ["unlike_validated", "other_size", "domain", "no_number"]
    assert_tells_nothing(as_alice, analysis, "pixels, is another one as well")


def test_a_picture_just_like_the_validated_ones_is_answered(
    alice: User, champion: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_novel(monkeypatch, 1.0)
    assert work.analysed(alice, photograph()).verdict == "likely_ai"


@pytest.mark.parametrize(
    ("low", "high", "band"),
    [
        (0.1, 0.3, (0.1, 0.5)),
        (0.7, 0.9, (0.5, 0.9)),
        (0.7, 0.7, (0.5, 0.7)),
        (0.2, 0.8, (0.2, 0.8)),
    ],
)
def test_no_verdict_goes_against_what_is_more_probable(
    db: None, tmp_path: Path, low: float, high: float, band: tuple[float, float]
) -> None:
    version = photos.version(tmp_path / "photo", calibration=Calibration(1.0, low, high))
    assert version.band == band


def test_another_size_gets_no_conclusion_and_no_number(
    alice: User, as_alice: Client, champion: ModelVersion
) -> None:
    analysis = work.analysed(alice, photograph(size=(700, 601)))
    assert analysis.code == "out_of_domain"
    assert_tells_nothing(as_alice, analysis, "Not validated for this kind of image")
    assert_tells_nothing(as_alice, analysis, "and the model was validated for others")


def test_what_was_queued_before_there_were_photographs_is_one(
    alice: User, champion: ModelVersion
) -> None:
    analysis = work.queued(alice, photograph())
    Analysis.objects.update(track=Track.THUMBNAIL, state=State.FAILED)
    analysis.refresh_from_db()
    analysis_retry(analysis=analysis)
    assert analysis_run(analysis_id=analysis.pk)
    analysis.refresh_from_db()
    assert (analysis.track, analysis.model_version) == (Track.PHOTO, champion)


def test_a_challenger_answers_in_its_shadow(
    alice: User,
    admin: User,
    champion: ModelVersion,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    second = photos.version(tmp_path / "second", strength=-3.0)
    challenger_set(version=second, user=admin)
    work.delivered("background")
    analysis = work.analysed(alice, photograph())
    assert work.delivered("background") == [analysis.pk]
    make_novel(monkeypatch, 2.0)
    assert shadow_run(analysis_id=analysis.pk) == 1
    answer = ShadowAnswer.objects.get()
    # The champion takes the picture for known: each has a domain of its own.
    assert (answer.version, answer.in_domain, analysis.in_domain) == (second, False, True)
    changes = shadow_report(version=second).changes
    assert changes["likely_ai"]["inconclusive"] == 1
    work.analysed(alice)
    assert work.delivered("background") == []


# -- analysing again -------------------------------------------------------------------------------


def refused(analysis: Analysis, user: User) -> str:
    with pytest.raises(RepeatRefused) as caught:
        analysis_repeat(analysis=analysis, user=user)
    return caught.value.code


def test_what_nobody_could_judge_is_judged_when_somebody_can(
    alice: User, as_alice: Client, model: ModelVersion, photo_model: ModelVersion
) -> None:
    first = work.analysed(alice, photograph())
    assert "Analyse again" not in page(as_alice, first)
    assert refused(first, alice) == "no_champion"
    promote(photo_model)
    text = page(as_alice, first)
    assert "No model had been asked; photo 1 answers now." in text
    repeat = analysis_repeat(analysis=first, user=alice)
    assert repeat.track == Track.PHOTO
    assert analysis_run(analysis_id=repeat.pk)
    repeat.refresh_from_db()
    assert (repeat.verdict, repeat.model_version) == ("likely_ai", photo_model)
    assert list(Analysis.objects.current()) == [repeat]
    assert "photo 1 has looked since" in page(as_alice, first)
    assert first.public_id in page(as_alice, repeat)
    assert refused(repeat, alice) == "same_version"


def test_an_old_verdict_by_the_thumbnails_model_gives_way_too(
    alice: User, as_alice: Client, model: ModelVersion, photo_model: ModelVersion
) -> None:
    old = work.ended(
        work.queued(alice, photograph()),
        track=Track.THUMBNAIL,
        model_version=model,
        verdict="inconclusive",
        in_domain=False,
        reasons=[{"code": "out_of_domain", "sentence": "No conclusion can be drawn."}],
    )
    assert 'data-testid="percentage"' in page(as_alice, old)
    assert not outdated(Analysis.objects.all(), champions()).exists()
    promote(photo_model)
    repeat = analysis_repeat(analysis=old, user=alice)
    assert analysis_run(analysis_id=repeat.pk)
    assert [one.pk for one in Analysis.objects.current()] == [repeat.pk]


def test_of_many_each_is_asked_of_its_own_champion(
    alice: User, admin: User, as_admin: Client, model: ModelVersion, photo_model: ModelVersion
) -> None:
    thumbnail, photo = work.analysed(alice), work.analysed(alice, photograph())
    everything = Analysis.objects.all()
    assert analyses_repeat(analyses=everything, user=admin) == 0
    promote(photo_model)
    everything_page = reverse("admin:registry_repeat_all")
    assert "colours 1 and photo 1" in as_admin.get(everything_page).text
    assert analyses_repeat(analyses=everything, user=admin) == 1
    (repeat,) = Analysis.objects.repeats()
    assert (repeat.image, repeat.track) == (photo.image, Track.PHOTO)
    assert thumbnail.image.analyses.count() == 1


# -- the terminal ----------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """A photograph, one of a size that was not validated, and a thumbnail."""
    named = {
        "a.png": photograph(),
        "b.png": photograph(size=(601, 601)),
        "c.png": images.plain("red"),
    }
    for name, content in named.items():
        (tmp_path / name).write_bytes(content)
    return [str(tmp_path / name) for name in named]


def test_a_terminal_says_it_too(
    model: ModelVersion, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("classify", *files)
    first, second, thumbnail = capsys.readouterr().out.splitlines()
    for line in (first, second):
        assert "Inconclusive. No conclusion can be drawn: there is no validated model" in line
    assert "Likely AI-generated (9" in thumbnail
    call_command("classify", "--json", files[0])
    told = json.loads(capsys.readouterr().out)
    assert (told["reason"], told["in_domain"]) == ("no_validated_model", False)
    assert (told["p_fake"], told["model"], told["version"]) == (None, None, None)


def test_a_terminal_asks_the_champion_of_photographs(
    champion: ModelVersion, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("classify", "--json", *files)
    inside, outside, thumbnail = map(json.loads, capsys.readouterr().out.splitlines())
    assert (inside["verdict"], inside["model"], inside["version"]) == ("likely_ai", "photo", 1)
    assert (outside["reason"], outside["p_fake"]) == ("out_of_domain", None)
    assert thumbnail["model"] == "colours"
    call_command("classify", "--json", "--model", "colours", files[0])
    assert json.loads(capsys.readouterr().out)["model"] == "colours"
