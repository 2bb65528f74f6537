"""Whoever holds a report learns whether it was issued here, and nothing about the person."""

import pytest
from django.test import Client

from detection.models import Analysis, IssuedReport, ModelVersion
from detection.services.intake import images_delete
from detection.services.reports import code_normalised, report_issue
from portal.models import User
from tests import reported, work
from tests.reported import SITE


@pytest.fixture
def issued(alice: User, model: ModelVersion) -> IssuedReport:
    """A report that Alice took along."""
    analysis = reported.finished(alice, model)
    return report_issue(analysis=analysis, site=SITE, with_file_name=True).issued


@pytest.mark.parametrize("who", ["stranger", "alice", "charlie", "admin"])
def test_everybody_learns_what_was_issued(
    issued: IssuedReport, charlie: User, admin: User, who: str
) -> None:
    client = Client()
    if who != "stranger":
        client.force_login(User.objects.get(email=f"{who}@example.org"))
    page = client.get(f"/verify/{issued.code}/").content.decode()
    analysis = issued.analysis
    wanted = ["This report was issued here", "Likely AI-generated", "High certainty"]
    wanted += [issued.code, issued.digest, analysis.image.sha256, str(analysis.model_version)]
    assert [one for one in wanted if one not in page] == []


def test_nothing_personal_stands_there(client: Client, issued: IssuedReport) -> None:
    page = client.get(f"/verify/{issued.code}/").content.decode()
    image = issued.analysis.image
    for private in ("alice", image.file_name, image.public_id, issued.analysis.public_id):
        assert private not in page
    assert reported.POSITION not in page


def test_a_code_is_found_however_it_is_written(client: Client, issued: IssuedReport) -> None:
    plain = issued.code.replace("-", "")
    for entered in (issued.code, issued.code.lower(), plain, f"  {plain[:8]} {plain[8:]} "):
        answer = client.get("/verify/", {"code": entered}, follow=True)
        assert answer.status_code == 200
        assert "This report was issued here" in answer.content.decode()


def test_letters_that_no_code_has_are_taken_for_those_that_look_like_them() -> None:
    assert code_normalised("o0i1-abcd efgh\N{EN DASH}2345") == "QQLL-ABCD-EFGH-2345"
    assert code_normalised("\N{FULLWIDTH LATIN CAPITAL LETTER A}b") == "AB"
    assert code_normalised("") == ""


def test_an_unknown_code_is_told_in_a_sentence(client: Client, issued: IssuedReport) -> None:
    answer = client.get("/verify/AAAA-BBBB-CCCC-DDDD/")
    assert answer.status_code == 404
    assert "No report was issued here under this code" in answer.content.decode()
    half = client.get("/verify/", {"code": "AAAA-BB"})
    assert half.status_code == 404
    assert "That is no whole code" in half.content.decode()


def test_a_code_goes_with_its_image(client: Client, issued: IssuedReport) -> None:
    images_delete(images=[issued.analysis.image])
    assert client.get(f"/verify/{issued.code}/").status_code == 404


def test_a_newer_verdict_is_told(client: Client, issued: IssuedReport, model: ModelVersion) -> None:
    address = f"/verify/{issued.code}/"
    assert "newer verdict" not in client.get(address).content.decode()
    again = Analysis.objects.create(
        image=issued.analysis.image, owner=issued.analysis.owner, is_repeat=True
    )
    assert "newer verdict" not in client.get(address).content.decode()
    work.ended(again, verdict="inconclusive", model_version=model)
    page = client.get(address).content.decode()
    assert "There is a newer verdict on this image:</strong> Inconclusive" in page


def test_the_form_asks_for_a_code(client: Client) -> None:
    answer = client.get("/verify/")
    assert answer.status_code == 200
    assert "Check a report" in answer.content.decode()


def test_trying_codes_is_slowed_down(client: Client, db: None) -> None:
    # Within two minutes at most, so one of them sees more than it allows.
    answers = [client.get(f"/verify/AAAA-BBBB-CCCC-{n:04d}/").status_code for n in range(61)]
    assert answers[:30] == [404] * 30
    assert set(answers) == {404, 429}


def test_nobody_is_asked_who_they_are(client: Client, issued: IssuedReport) -> None:
    answer = client.get(f"/verify/{issued.code}/")
    assert "Set-Cookie" not in answer.headers
    assert not answer.cookies
