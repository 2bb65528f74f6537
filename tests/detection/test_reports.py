"""A report tells what was found, and nothing that is nobody's business; its code stays."""

import json
import tomllib
from typing import Any

import jsonschema
import pytest
from django.conf import settings
from django.test import Client

from detection.models import Analysis, IssuedReport, ModelVersion
from detection.plain_figures import measured
from detection.reporting.figures import card_figures, wilson
from detection.services.report_content import ReportRefused, digest_of, report_content
from detection.services.reports import report_issue, reports_issue
from detection.services.sharing import link_create
from detection.templatetags.report_figures import told
from portal.models import User
from tests import photos, reported, work
from tests.data import ROOT
from tests.reported import SITE

SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def analysis(alice: User, model: ModelVersion) -> Analysis:
    """A finished one with everything that a report can tell."""
    return reported.finished(alice, model)


def as_issued(analysis: Analysis, **options: Any) -> dict[str, Any]:
    return report_issue(analysis=analysis, site=SITE, **options).as_json()


def test_it_fits_its_schema(alice: User, analysis: Analysis) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    bare = work.ended(
        work.queued(alice), verdict="inconclusive", p_fake=None, in_domain=None, findings=[]
    )
    for one in (analysis, bare):
        for with_file_name in (True, False):
            jsonschema.validate(as_issued(one, with_file_name=with_file_name), SCHEMA)


def test_it_tells_verdict_reasons_findings_and_model_in_order(analysis: Analysis) -> None:
    content = report_content(analysis=analysis, site=SITE)
    verdict = content["verdict"]
    assert (verdict["kind"], verdict["label"]) == ("likely_ai", "Likely AI-generated")
    assert (verdict["certainty_label"], verdict["percent_ai"]) == ("High certainty", 97.0)
    assert verdict["reasons"] == reported.REASONS
    assert [one["code"] for one in content["findings"]] == ["generator_settings", "camera_fields"]
    assert content["model"]["label"] == str(analysis.model_version)
    assert content["heatmap"] == {"method": "Grad-CAM"}
    assert content["image"]["sha256"] == analysis.image.sha256
    assert content["limits"][0] == "An indication, never a proof."


def test_no_report_holds_private_lines_and_only_the_owners_the_name(analysis: Analysis) -> None:
    owners = json.dumps(as_issued(analysis, with_file_name=True))
    others = json.dumps(as_issued(analysis))
    for text in (owners, others):
        assert "a fox in a library" in text
        assert reported.POSITION not in text
        assert reported.AUTHOR not in text
        assert analysis.image.submission.owner.email not in text
        assert analysis.public_id not in text
    assert reported.FILE_NAME in owners
    assert reported.FILE_NAME not in others


def test_a_number_that_means_nothing_is_not_told(alice: User, model: ModelVersion) -> None:
    photo = reported.finished(alice, model, content=photos.content(1), in_domain=False)
    assert photo.is_photo
    assert report_content(analysis=photo, site=SITE)["verdict"]["percent_ai"] is None


def test_what_no_text_can_hold_is_replaced(alice: User) -> None:
    odd = {"code": "odd", "sentence": "half \ud800 and bell \x07 and\nline"}
    analysis = reported.finished(alice, reasons=[odd])
    told = report_content(analysis=analysis, site=SITE)["verdict"]["reasons"][0]["sentence"]
    assert told == "half ? and bell \N{REPLACEMENT CHARACTER} and\nline"


def test_the_same_content_keeps_its_code_and_other_content_gets_another(
    analysis: Analysis,
) -> None:
    first, again = as_issued(analysis), as_issued(analysis)
    assert first["issued"] == again["issued"]
    assert IssuedReport.objects.count() == 1
    assert as_issued(analysis, with_file_name=True)["issued"]["code"] != first["issued"]["code"]
    changed = work.ended(analysis, verdict="inconclusive")
    assert as_issued(changed)["issued"]["code"] != first["issued"]["code"]


def test_the_digest_is_that_of_the_canonical_json_without_what_was_issued(
    analysis: Analysis,
) -> None:
    received = json.loads(json.dumps(as_issued(analysis)))
    issued = received.pop("issued")
    assert digest_of(received) == issued["digest"]
    received["verdict"]["kind"] = "likely_real"
    assert digest_of(received) != issued["digest"]


def test_many_are_issued_like_one(alice: User, analysis: Analysis) -> None:
    others = [reported.finished(alice, name=f"{n}.jpg") for n in range(3)]
    alone = as_issued(analysis, with_file_name=True)
    waiting = work.queued(alice)
    for _ in range(2):
        issued = reports_issue(analyses=[analysis, *others, waiting], site=SITE)
        assert [report.analysis for report in issued] == [analysis, *others]
        assert issued[0].as_json() == alone
    assert IssuedReport.objects.count() == 4


def test_there_is_none_before_the_end(alice: User, as_alice: Client) -> None:
    waiting = work.queued(alice)
    with pytest.raises(ReportRefused) as refused:
        report_content(analysis=waiting, site=SITE)
    assert refused.value.code == "not_finished"
    answer = as_alice.get(f"/analyses/{waiting.public_id}/report.json")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "not_finished"
    assert as_alice.get(f"/analyses/{waiting.public_id}/report.pdf").status_code == 409


def test_the_owner_downloads_it_as_json(as_alice: Client, analysis: Analysis) -> None:
    answer = as_alice.get(f"/analyses/{analysis.public_id}/report.json")
    body = answer.json()
    jsonschema.validate(body, SCHEMA)
    assert body["image"]["file_name"] == reported.FILE_NAME
    assert body["installation"]["address"] == "http://testserver"
    code = body["issued"]["code"]
    assert answer["Content-Disposition"] == f'attachment; filename="veripix-{code}.json"'
    assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("form", ["json", "pdf"])
def test_it_is_the_owners_alone(
    client: Client, as_charlie: Client, as_admin: Client, analysis: Analysis, form: str
) -> None:
    address = f"/analyses/{analysis.public_id}/report.{form}"
    assert client.get(address).status_code == 302
    assert as_charlie.get(address).status_code == 404
    assert as_admin.get(address).status_code == 404


def test_the_figures_of_a_measured_model_have_their_intervals() -> None:
    spec = json.loads((ROOT / "ml/pretrained/cifake-residual/spec.json").read_text())
    card = card_figures(spec)
    assert card is not None
    assert card["measured_on"] == "Measured on 20,000 images that it had not learnt from."
    figures = {figure["name"]: figure for figure in card["figures"]}
    assert figures["accuracy"]["value"] == pytest.approx(0.9867, abs=1e-4)
    assert figures["accuracy"]["interval"] == [0.985, 0.9882]
    # As verdicts: of the 166 above 50 %, 47 are inconclusive.
    assert figures["false_alarms"]["value"] == 0.0119
    low, high = figures["false_alarms"]["interval"]
    assert low < 0.0119 < high
    low, high = figures["coverage"]["interval"]
    assert low < figures["coverage"]["value"] < high
    assert figures["coverage"]["images"] == 20_000


def test_a_share_of_very_few_is_told_as_a_count() -> None:
    spec = json.loads((ROOT / "ml/pretrained/faces-inception/spec.json").read_text())
    card = card_figures(spec)
    assert card is not None
    (right,) = [figure for figure in card["figures"] if figure["name"] == "selective_accuracy"]
    assert (right["images"], told(right)) == (3, "all 3")
    assert right["interval"] == [0.4385, 1.0]
    assert told({"value": 0.9867, "images": None}) == "98.7\N{NO-BREAK SPACE}%"


def test_verdicts_and_forced_decisions_are_told_apart_in_the_words_of_the_models_page() -> None:
    for name in ("faces-inception", "cifake-residual"):
        spec = json.loads((ROOT / f"ml/pretrained/{name}/spec.json").read_text())
        card, (first, *_) = card_figures(spec), measured(spec)
        assert card is not None
        (alarms,) = [figure for figure in card["figures"] if figure["name"] == "false_alarms"]
        assert alarms["label"] == f"Real images that {first.called_ai}"
        assert ("if it had to decide" in alarms["label"]) is not first.by_verdict


def test_the_figures_of_a_fit_are_those_of_the_fit() -> None:
    card = card_figures({"photo": json.loads(photos.figures().to_json())})
    assert card is not None
    figures = {figure["name"]: figure for figure in card["figures"]}
    assert figures["roc_auc"]["interval"] == [0.83, 0.91]
    assert figures["false_alarms"]["interval"] == [0.03, 0.13]
    assert "coverage" not in figures
    assert card_figures({}) is None


def test_the_interval_of_a_share_is_wilsons() -> None:
    # By hand: 1 of 10 gives 0.0179 to 0.4042.
    assert wilson(1, 10) == pytest.approx((0.0179, 0.4042), abs=1e-4)
    assert wilson(0, 50)[0] == 0.0
    assert wilson(50, 50)[1] == pytest.approx(1.0)


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == settings.VERSION


def test_where_the_file_decided_the_networks_number_is_told_as_what_it_is(
    as_alice: Client, alice: User, model: ModelVersion
) -> None:
    reasons = [{"code": "signed_ai", "sentence": "Somebody signed it."}]
    analysis = reported.finished(
        alice, model, p_fake=0.02, certainty="settled", reasons=reasons, in_domain=True
    )
    verdict = report_content(analysis=analysis, site=SITE)["verdict"]
    assert (verdict["rests_on_file"], verdict["percent_ai"]) == (True, 2.0)
    link = link_create(analysis=analysis, user=alice, days=1)
    text = as_alice.get(f"/shared/{link.token}/").text
    assert "which did not decide this: 2.0 % for AI-generated" in text
    assert "2.0 % probability" not in text
