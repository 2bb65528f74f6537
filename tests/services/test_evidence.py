"""What a file says, and where it was seen before, on the embedded installation and on MariaDB."""

import json

import pytest
from PIL import Image

from tests import credentials, metadata, scenes
from tests.installation import Installation
from tests.visitor import Visitor

pytestmark = pytest.mark.services


@pytest.fixture(scope="module", params=["embedded", "on_servers"])
def portal(request: pytest.FixtureRequest) -> Installation:
    """The same portal in its two shapes."""
    installation: Installation = request.getfixturevalue(request.param)
    return installation


@pytest.fixture(scope="module")
def erin(portal: Installation) -> Visitor:
    """Signed up through the real pages."""
    return portal.visitor().sign_up("erin@example.org")


def page_of(portal: Installation, visitor: Visitor, name: str, content: bytes) -> str:
    """The verdict page of an image that is handed in now."""
    submission = visitor.submit({name: content})
    assert portal.wait_until_ended(submission) == ["finished"]
    (link,) = visitor.analysis_links(submission)
    return visitor.get(link).text


def test_findings_are_stored_as_they_were_found(portal: Installation, erin: Visitor) -> None:
    page = page_of(portal, erin, "beach.jpg", metadata.camera_file(scenes.scene((400, 300))))
    assert 'data-code="camera_record"' in page
    assert 'data-code="no_validated_model"' in page
    ((stored, certainty),) = portal.rows(
        "SELECT a.findings, a.certainty FROM detection_analysis a"
        " JOIN detection_submittedimage i ON i.id = a.image_id"
        " WHERE i.file_name = %s AND a.track <> 'face'",
        "beach.jpg",
    )
    assert certainty == ""
    codes = [finding["code"] for finding in json.loads(stored)]
    assert codes[0] == "camera_record"
    assert "personal_data" in codes


def test_a_signature_counts_only_where_the_signer_is_trusted(
    portal: Installation, erin: Visitor
) -> None:
    signed = credentials.signed_ai(scenes.jpeg(scenes.scene(seed=5), 90))
    assert 'data-code="label_says_ai"' in page_of(portal, erin, "before.jpg", signed)
    trust_list = portal.folder / "trust" / "c2pa-trust-list.pem"
    trust_list.parent.mkdir(exist_ok=True)
    trust_list.write_bytes(credentials.trust_list_pem())
    try:
        page = page_of(portal, erin, "after.jpg", signed)
    finally:
        trust_list.unlink()
    assert 'data-verdict="likely_ai" data-code="signed_ai"' in page
    assert 'data-certainty="settled"' in page
    assert "Seen before" in page


def test_nearly_the_same_picture_is_found_by_its_bands(portal: Installation, erin: Visitor) -> None:
    picture = scenes.scene((320, 240), seed=9)
    smaller = picture.resize((280, 210), Image.Resampling.LANCZOS)
    page_of(portal, erin, "first.jpg", scenes.jpeg(picture, 90))
    page = page_of(portal, erin, "again.jpg", scenes.jpeg(smaller, 70))
    assert 'data-testid="sighting" data-same="false"' in page
    other = portal.visitor().sign_up("frank@example.org")
    assert "Seen before" not in page_of(portal, other, "mine.jpg", scenes.jpeg(picture, 90))
