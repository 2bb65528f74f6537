"""From an upload to a verdict, on the embedded installation and on MariaDB with Redis."""

import io
from typing import Any

import pytest
from PIL import Image

from tests.data import cifake_images, drawn_image
from tests.installation import Installation
from tests.visitor import Visitor

pytestmark = pytest.mark.services
THUMBNAIL = (32, 32)


@pytest.fixture(scope="module", params=["embedded", "on_servers"])
def portal(request: pytest.FixtureRequest) -> Installation:
    """The same portal in its two shapes."""
    installation: Installation = request.getfixturevalue(request.param)
    return installation


@pytest.fixture(scope="module")
def alice(portal: Installation) -> Visitor:
    """Signed up through the real pages."""
    return portal.visitor().sign_up("alice@example.org")


@pytest.fixture(scope="module")
def bob(portal: Installation) -> Visitor:
    """Somebody else."""
    return portal.visitor().sign_up("bob@example.org")


def verdicts(portal: Installation, submission: str) -> dict[str, tuple[str, Any, bool]]:
    """File name -> verdict, p_fake, in_domain as stored."""
    rows = portal.rows(
        "SELECT i.file_name, a.verdict, a.p_fake, a.in_domain FROM detection_analysis a"
        " JOIN detection_submittedimage i ON i.id = a.image_id"
        " JOIN detection_submission s ON s.id = i.submission_id"
        " WHERE s.public_id = %s AND a.track <> 'face'",
        submission,
    )
    return {name: (verdict, p_fake, bool(inside)) for name, verdict, p_fake, inside in rows}


def test_real_cifake_images_get_the_right_verdicts(portal: Installation, alice: Visitor) -> None:
    images = cifake_images("REAL", 6) | cifake_images("FAKE", 6)
    submission = alice.submit(images)
    assert portal.wait_until_ended(submission) == ["finished"] * 12
    stored = verdicts(portal, submission)
    assert stored.keys() == images.keys()
    opposite = {"real": "likely_ai", "fake": "likely_real"}
    wrong = [n for n, (verdict, _, _) in stored.items() if verdict == opposite[n.split("-")[0]]]
    right = [n for n, (verdict, _, _) in stored.items() if verdict.startswith("likely")]
    assert len(wrong) <= 1
    assert len(right) - len(wrong) >= 8
    assert all(0 <= p_fake <= 1 and inside for _, p_fake, inside in stored.values())


def test_the_verdict_page_shows_the_result_and_the_heatmap(
    portal: Installation, alice: Visitor
) -> None:
    submission = alice.submit({"Größe 🌄.jpg": drawn_image(THUMBNAIL)})
    portal.wait_until_ended(submission)
    (link,) = alice.analysis_links(submission)
    page = alice.get(link)
    assert "Größe 🌄.jpg" in page.text
    assert "cifake-residual" in page.text
    heatmap = alice.get(f"{link}heatmap/")
    assert heatmap.headers["Content-Type"] == "image/png"
    assert Image.open(io.BytesIO(heatmap.content)).format == "PNG"


def test_an_odd_size_lies_outside_the_models_domain(portal: Installation, alice: Visitor) -> None:
    submission = alice.submit({"odd.jpg": drawn_image((64, 48))})
    portal.wait_until_ended(submission)
    ((verdict, p_fake, inside),) = verdicts(portal, submission).values()
    assert (verdict, inside) == ("inconclusive", False)
    assert 0 <= p_fake <= 1
    (link,) = alice.analysis_links(submission)
    assert "not validated for this kind of image" in alice.get(link).text


def test_no_validated_model_looks_at_a_photograph(portal: Installation, alice: Visitor) -> None:
    submission = alice.submit({"holiday.jpg": drawn_image((640, 480))})
    assert portal.wait_until_ended(submission) == ["finished"]
    assert verdicts(portal, submission) == {"holiday.jpg": ("inconclusive", None, False)}
    (link,) = alice.analysis_links(submission)
    page = alice.get(link)
    assert "there is no validated model for this kind of picture here yet" in page.text
    assert 'data-testid="percentage"' not in page.text
    assert alice.get(f"{link}heatmap/").status_code == 404


def test_a_bad_file_is_named_and_leaves_the_others_alone(
    portal: Installation, alice: Visitor
) -> None:
    submission = alice.submit({"good.jpg": drawn_image(THUMBNAIL), "bad.jpg": b"this is text"})
    assert portal.wait_until_ended(submission) == ["finished"]
    page = alice.get(f"/submissions/{submission}/").text
    assert "good.jpg" in page
    assert "bad.jpg" in page


def test_images_added_one_by_one_get_one_verdict_each(portal: Installation, alice: Visitor) -> None:
    submission = alice.open_submission()
    for number in range(3):
        answer = alice.add_image(submission, f"{number}.png", drawn_image(THUMBNAIL, seed=number))
        assert answer.status_code == 201, answer.text
    refused = alice.add_image(submission, "page.jpg", b"<!doctype html><script>alert(1)</script>")
    assert 400 <= refused.status_code < 500
    assert refused.json()["error"]["file"] == "page.jpg"
    assert portal.wait_until_ended(submission) == ["finished"] * 3


def test_nobody_else_sees_anything_of_it(
    portal: Installation, alice: Visitor, bob: Visitor
) -> None:
    submission = alice.submit({"mine.jpg": drawn_image(THUMBNAIL)})
    portal.wait_until_ended(submission)
    (analysis,) = alice.analysis_links(submission)
    ((image,),) = portal.rows(
        "SELECT i.public_id FROM detection_submittedimage i"
        " JOIN detection_submission s ON s.id = i.submission_id WHERE s.public_id = %s",
        submission,
    )
    paths = [f"/submissions/{submission}/", f"/submissions/{submission}/progress/", analysis]
    paths += [f"{analysis}status/", f"{analysis}heatmap/"]
    paths += [f"/images/{image}/{kind}/" for kind in ("thumbnail", "preview", "original")]
    for path in paths:
        assert alice.get(path).status_code == 200, path
        assert bob.get(path).status_code == 404, path
        assert portal.visitor().get(path, allow_redirects=False).status_code == 302, path
    assert bob.post(f"{analysis}retry/").status_code == 404
    bob.post("/history/delete/", {"analysis": analysis.split("/")[2]})
    assert alice.get(analysis).status_code == 200


def test_deleting_removes_row_and_files(portal: Installation, alice: Visitor) -> None:
    media = portal.folder / "media"
    before = {path for path in media.rglob("*") if path.is_file()}
    submission = alice.submit({"delete-me.jpg": drawn_image(THUMBNAIL, seed=99)})
    portal.wait_until_ended(submission)
    (analysis,) = alice.analysis_links(submission)
    assert {path for path in media.rglob("*") if path.is_file()} > before
    assert alice.post("/history/delete/", {"analysis": analysis.split("/")[2]}).ok
    assert alice.get(analysis).status_code == 404
    assert {path for path in media.rglob("*") if path.is_file()} == before


def test_deleting_the_account_removes_everything(portal: Installation) -> None:
    media = portal.folder / "media"
    before = {path for path in media.rglob("*") if path.is_file()}
    eve = portal.visitor().sign_up("eve@example.org")
    submission = eve.submit({f"{n}.jpg": drawn_image(THUMBNAIL, seed=n) for n in range(3)})
    portal.wait_until_ended(submission)
    assert eve.post("/account/delete/", {"password": "wrong"}).status_code == 422
    assert eve.is_signed_in()
    assert eve.post("/account/delete/", {"password": "correct-horse-battery-7"}).ok
    assert not eve.is_signed_in()
    assert portal.states(submission) == []
    assert portal.rows("SELECT id FROM portal_user WHERE email = %s", "eve@example.org") == []
    assert {path for path in media.rglob("*") if path.is_file()} == before


def test_an_address_can_be_used_once_however_it_is_written(portal: Installation) -> None:
    portal.visitor().sign_up("once@example.org")
    twin = portal.visitor()
    form = {"email": "Once@Example.org", "password1": "another-long-pass-9"}
    twin.post("/accounts/signup/", {**form, "password2": form["password1"]})
    rows = portal.rows("SELECT email FROM portal_user WHERE lower(email) = %s", "once@example.org")
    assert rows == [("once@example.org",)]
