"""The page of models: what each was measured to do, in words that people count by."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from detection import plain_figures
from detection.models import ModelVersion, RegisteredModel
from detection.plain_figures import Share
from detection.services.registry import version_promote, version_register
from portal.models import User
from tests import colours

PATH = "/models/"
SHIPPED = Path(__file__).resolve().parents[2] / "ml" / "pretrained"


def shipped(name: str) -> dict[str, Any]:
    """The spec of a model that ships."""
    spec: dict[str, Any] = json.loads((SHIPPED / name / "spec.json").read_text(encoding="utf-8"))
    return spec


def with_figures(version: ModelVersion, name: str) -> None:
    """Give a version the figures of a model that ships."""
    figures = {key: shipped(name)[key] for key in ("evaluation", "training")}
    ModelVersion.objects.filter(pk=version.pk).update(spec=version.spec | figures)


FIT: dict[str, Any] = {
    "real": 60,
    "fake": 40,
    "sources": [{"name": "our desk"}, {"name": ""}],
    "overall": {"ece": 0.081, "roc_auc": 0.9},
    "tiers": {
        "screenshot": {"real": 20, "fake": 20, "recall": 0.25, "false_alarm_rate": 0.05},
        "as_they_are": {"real": 20, "fake": 20, "recall": 0.5, "false_alarm_rate": 0.05},
    },
    "false_alarms": 0.033,
    "false_alarms_interval": [0.009, 0.114],
    "misses": 0.0,
    "coverage": 0.5,
    "selective_accuracy": 0.96,
}


TEST: dict[str, Any] = {
    "confusion": {
        "real_as_real": 1970,
        "real_as_fake": 30,
        "fake_as_real": 0,
        "fake_as_fake": 1000,
    },
    "coverage": 0.9,
    "selective_accuracy": 0.99,
    "ece": 0.01,
}
TEST["tiers"] = {"blur_0.6": TEST | {"coverage": 0.0, "selective_accuracy": None}}


@pytest.mark.parametrize(
    ("value", "images", "words"),
    [
        (0.0166, 10_000, "about 17 of 1,000"),
        (0.0166, 100, "about 2 of 100"),
        (0.0001, 10_000, "fewer than 1 of 1,000"),
        (0.0, 210, "none of 210"),
        (1.0, 3, "all 3"),
        (2 / 3, 3, "2 of 3"),
        (0.9999, 10_000, "more than 999 of 1,000"),
    ],
)
def test_shares_are_told_as_people_count(value: float, images: int, words: str) -> None:
    assert str(Share(value, images)) == words


def test_without_figures_of_verdicts_decisions_are_counted() -> None:
    plain, grey = plain_figures.measured({"evaluation": TEST})
    assert (plain.name, plain.real, plain.fake) == ("", 2000, 1000)
    assert not plain.by_verdict
    assert (str(plain.false_alarms), str(plain.misses)) == ("about 15 of 1,000", "none of 1,000")
    assert (str(plain.decided), str(plain.right)) == ("about 900 of 1,000", "about 990 of 1,000")
    assert (grey.name, grey.right) == ("Slightly blurred", None)


def test_figures_of_verdicts_go_before_counts_of_decisions() -> None:
    spec = {"evaluation": TEST | {"false_alarms": 0.008, "misses": 0.012}}
    first = plain_figures.measured(spec)[0]
    assert first.by_verdict
    assert (str(first.false_alarms), str(first.misses)) == ("about 8 of 1,000", "about 12 of 1,000")


def test_a_fit_tells_its_held_out_pictures_and_where_it_learnt() -> None:
    spec = {"photo": FIT}
    (row,) = plain_figures.measured(spec)
    assert (str(row.false_alarms), str(row.misses)) == ("about 3 of 100", "none of 40")
    assert row.chance == "1 to 11 of 100"
    found = plain_figures.found_by_fit(spec)
    assert [(one.name, str(one.found)) for one in found] == [
        ("The same pictures as they are", "about 50 of 100"),
        ("As a screenshot", "about 25 of 100"),
    ]
    assert plain_figures.calibration_error(spec) == pytest.approx(8.1)
    assert "60 real and 40 AI-generated pictures from our desk and a source without a name" in (
        plain_figures.trained_on(spec)
    )


def test_without_models_the_page_says_what_happens(as_alice: Client) -> None:
    text = as_alice.get(PATH).text
    assert text.count("No model answers here yet.") == 3
    assert "A photograph is called inconclusive, without a number" in text


def test_without_figures_it_says_so(as_alice: Client, model: ModelVersion) -> None:
    text = as_alice.get(PATH).text
    assert model.label in text
    assert colours.SENTENCE in text
    assert "came without measured figures" in text


def test_the_figures_are_told_in_words_and_by_tier(as_alice: Client, model: ModelVersion) -> None:
    with_figures(model, "cifake-residual")
    text = as_alice.get(PATH).text
    assert "On 10,000 real and 10,000 AI-generated test images" in text
    assert "of 1,000</strong> real images" in text
    assert "Strongly compressed (JPEG quality 40)" in text
    assert "94,000 labelled images" in text
    assert 'class="share-fill share-fill--alarm"' in text
    assert "style=" not in text


def test_another_bound_than_the_measured_one_is_told(
    as_alice: Client, model: ModelVersion, settings: Settings
) -> None:
    figures = TEST | {"false_alarms": 0.008, "misses": 0.012, "max_false_alarms": 0.01}
    table = {"real": 3000, "points": [{"share": 0.001, "threshold": 0.99}]}
    calibration = model.spec["calibration"] | {"false_alarms": table}
    spec = model.spec | {"evaluation": figures, "calibration": calibration}
    ModelVersion.objects.filter(pk=model.pk).update(spec=spec)
    settings.MAX_FALSE_ALARMS = 0.01
    assert "at most 1 in 100 real ones" in as_alice.get(PATH).text
    assert "another bound" not in as_alice.get(PATH).text
    settings.MAX_FALSE_ALARMS = 0.002
    assert "Here another bound holds, 0.2 in 100" in as_alice.get(PATH).text


def test_a_fit_to_photographs(as_alice: Client, model: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=model.pk).update(spec=model.spec | {"photo": FIT})
    RegisteredModel.objects.filter(pk=model.model_id).update(track="photo")
    text = as_alice.get(PATH).text
    assert "On pictures held out of the fit: 60 real, 40 AI-generated" in text
    assert "As a screenshot" in text
    assert "were called likely AI-generated" in text


def test_faces_are_for_research_only(as_alice: Client, tmp_path: Path) -> None:
    colours.store(tmp_path / "faces", name="faces-inception", track="face")
    version, _ = version_register(directory=tmp_path / "faces")
    version_promote(version=version, reason="For the tests.")
    with_figures(version, "faces-inception")
    text = as_alice.get(PATH).text
    assert "For research and evaluation only." in text
    assert "of 100</strong> real images" in text


def test_who_answered_when_and_why_but_not_who_promoted(
    as_alice: Client, admin: User, model: ModelVersion, tmp_path: Path
) -> None:
    colours.store(tmp_path / "second", strength=2.0)
    second, _ = version_register(directory=tmp_path / "second")
    version_promote(
        version=second,
        reason="Learnt from more images.",
        user=admin,
        override_reason="No figures yet, watched closely.",
    )
    text = as_alice.get(PATH).text
    assert "Learnt from more images." in text
    assert f"<strong>{second.label}</strong> in place of {model.label}" in text
    assert "For the tests." in text
    assert admin.email not in text


def test_the_card_is_a_text_to_download(as_alice: Client, model: ModelVersion) -> None:
    path = f"/models/{model.model.name}/{model.number}/card/"
    assert path not in as_alice.get(PATH).text
    assert as_alice.get(path).status_code == 404
    (model.directory / "MODEL_CARD.md").write_text("# colours <script>", encoding="utf-8")
    assert path in as_alice.get(PATH).text
    answer = as_alice.get(path)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert 'attachment; filename="colours-1-card.md"' in answer["Content-Disposition"]
    assert b"".join(answer.streaming_content) == b"# colours <script>"  # type: ignore[attr-defined]


def test_the_four_people(
    client: Client, as_alice: Client, as_charlie: Client, as_admin: Client, model: ModelVersion
) -> None:
    for path in (PATH, f"/models/{model.model.name}/{model.number}/card/"):
        assert client.get(path)["Location"].startswith("/accounts/login/")
    for somebody in (as_alice, as_charlie, as_admin):
        assert somebody.get(PATH).status_code == 200
    assert as_alice.get("/models/colours/7/card/").status_code == 404
    assert as_alice.get("/models/nobody/1/card/").status_code == 404


def test_the_header_leads_there(as_alice: Client, client: Client) -> None:
    assert f'href="{PATH}" aria-current="page"' in as_alice.get(PATH).text
    assert f'href="{PATH}"' not in client.get("/").text
