"""Where a picture was taken, by whom and with which camera is told to its owner and nobody else."""

import io
import logging
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from detection.models import Analysis, Feedback, Item, Label, ModelVersion, ShareLink
from detection.services.datasets import items_add_from_analyses
from detection.services.sharing import link_create
from detection.services.webhooks.events import analysis_data, submission_data
from portal.models import User
from tests import labelled, reports, telltale, work
from tests.programs import program
from tests.telltale import SMALL

# What no page may hold, as any page writes it.
SECRETS = (telltale.SERIAL, telltale.OWNER, *telltale.PLACES)


@pytest.fixture
def analysis(alice: User, model: ModelVersion) -> Analysis:
    """Alice's, of a file that tells everything."""
    return work.analysed(alice, telltale.telltale("JPEG", SMALL), name="a.jpg")


@pytest.fixture
def link(analysis: Analysis, alice: User) -> ShareLink:
    """With which others see it."""
    return link_create(analysis=analysis, user=alice, days=7)


def secrets_in(client: Client, path: str) -> list[str]:
    """What an answer gives away; the answer has to be one."""
    answer: Any = client.get(path)
    assert answer.status_code == 200, path
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return [word for word in SECRETS if word.encode() in content]


def test_the_owner_is_shown_it(as_alice: Client, analysis: Analysis) -> None:
    shown = secrets_in(as_alice, f"/analyses/{analysis.public_id}/")
    assert {telltale.SERIAL, telltale.OWNER, telltale.LATITUDE, telltale.LONGITUDE} <= set(shown)


def test_whoever_has_a_link_is_not(link: ShareLink) -> None:
    for part in ("", "report.json"):
        assert secrets_in(Client(), f"/shared/{link.token}/{part}") == []
    answer = Client().get(f"/shared/{link.token}/report.pdf")
    assert answer.status_code == 200, answer.text
    sheet = PdfReader(io.BytesIO(answer.content))
    text = " ".join(page.extract_text() for page in sheet.pages)
    assert "An indication, never a proof" in " ".join(text.split())
    assert [word for word in SECRETS if word in text] == []


def test_reports_that_are_made_to_be_handed_on_do_not_hold_it(
    as_alice: Client, analysis: Analysis
) -> None:
    report = as_alice.get(f"/analyses/{analysis.public_id}/report.json")
    assert [word for word in SECRETS if word.encode() in report.content] == []
    code = report.json()["issued"]["code"]
    assert secrets_in(Client(), reverse("verify_code", args=[code])) == []


def test_neither_tables_nor_programs_nor_messages_hold_it(
    as_alice: Client, alice: User, charlie: User, analysis: Analysis
) -> None:
    submission = analysis.image.submission
    for form in ("csv", "json"):
        path = reverse(f"submission_export_{form}", args=[submission.public_id])
        assert secrets_in(as_alice, path) == []
    one = f"/api/v1/analyses/{analysis.public_id}/"
    for path in (one, f"{one}report.json", "/api/v1/analyses/"):
        assert secrets_in(program(alice), path) == []
    assert program(charlie).get(one).status_code == 404
    for told in (analysis_data(analysis), submission_data(submission)):
        assert [word for word in SECRETS if word in str(told)] == []


def test_lists_and_comparisons_of_ones_own_do_without(
    as_alice: Client, alice: User, analysis: Analysis
) -> None:
    other = work.analysed(alice, telltale.telltale("PNG", SMALL), name="b.png")
    pair = f"?left={analysis.public_id}&right={other.public_id}"
    for path in ("/history/", f"/submissions/{analysis.image.submission.public_id}/"):
        assert secrets_in(as_alice, path) == []
    assert secrets_in(as_alice, reverse("compare") + pair) == []


def test_staff_see_the_picture_and_not_where_it_was_taken(
    as_admin: Client, admin: User, alice: User, analysis: Analysis
) -> None:
    data = labelled.dataset()
    reports.report(analysis, Label.REAL)
    items_add_from_analyses(
        dataset=data, analyses=Analysis.objects.filter(pk=analysis.pk), user=admin, label=Label.REAL
    )
    feedback = Feedback.objects.get()
    rows = {
        "analysis": analysis.pk,
        "submission": analysis.image.submission_id,
        "feedback": feedback.pk,
        "dataset": data.pk,
    }
    for name, pk in rows.items():
        page = reverse(f"admin:detection_{name}_change", args=[pk])
        assert secrets_in(as_admin, page) == [], name
        assert secrets_in(as_admin, reverse(f"admin:detection_{name}_changelist")) == [], name
    for item in Item.objects.all():
        assert secrets_in(as_admin, reverse("admin:detection_item_change", args=[item.pk])) == []
    assert secrets_in(as_admin, reverse("admin:detection_item_changelist")) == []
    assert as_admin.get(f"/images/{analysis.image.public_id}/preview/").status_code == 200
    assert as_admin.get(f"/images/{analysis.image.public_id}/original/").status_code == 404
    assert as_admin.get(f"/analyses/{analysis.public_id}/").status_code == 404


def test_somebody_with_the_same_file_learns_nothing_of_the_other(
    as_charlie: Client, charlie: User, analysis: Analysis
) -> None:
    own = work.analysed(charlie, telltale.telltale("WEBP", SMALL), name="c.webp")
    page = as_charlie.get(f"/analyses/{own.public_id}/")
    assert analysis.public_id not in page.text
    assert as_charlie.get(f"/analyses/{analysis.public_id}/").status_code == 404


def test_no_log_tells_it(
    alice: User, as_alice: Client, model: ModelVersion, caplog: pytest.LogCaptureFixture
) -> None:
    # Ours from the lowest level that LOG_LEVEL can be; those of libraries tell warnings alone.
    with caplog.at_level(logging.DEBUG, "detection"), caplog.at_level(logging.DEBUG, "portal"):
        analysis = work.analysed(alice, telltale.telltale("JPEG", SMALL), name="a.jpg")
        broken = telltale.telltale("PNG", SMALL)[:-40]
        work.hand_in(alice, broken, name="broken.png")
        as_alice.get(f"/analyses/{analysis.public_id}/")
        as_alice.get("/analyses/no-such-analysis/")
    assert [word for word in SECRETS if word in caplog.text] == []
