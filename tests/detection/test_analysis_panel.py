"""An analysis in the admin panel: findings, certainty and what would change it, in words."""

from django.test import Client

from detection.findings import Detail, Finding
from portal.models import User
from tests import work

FINDING = Finding(
    kind="camera",
    code="camera_named",
    source="EXIF",
    strength="weak",
    leaning="real",
    sentence="The file names a camera <of sorts>.",
    details=(Detail("Model", "Box Brownie"), Detail("Place", "48.1, 11.5", is_private=True)),
)


def test_evidence_is_readable_and_what_is_private_stays_out(as_admin: Client, alice: User) -> None:
    analysis = work.ended(
        work.queued(alice),
        certainty="low",
        findings=[FINDING.as_json()],
        would_change=["An original without compression."],
    )
    text = as_admin.get(f"/admin/detection/analysis/{analysis.pk}/change/").text
    assert "Low certainty" in text
    assert "The file names a camera &lt;of sorts&gt;." in text
    assert "<strong>Weak</strong>, speaks for real" in text
    assert "Model: Box Brownie" in text
    assert "48.1" not in text
    assert "An original without compression." in text
    assert "It is quite sure. <code>model_sure</code>" in text
    assert "&quot;sentence&quot;" not in text


def test_an_analysis_from_before_has_dashes(as_admin: Client, alice: User) -> None:
    analysis = work.queued(alice)
    assert as_admin.get(f"/admin/detection/analysis/{analysis.pk}/change/").status_code == 200
