"""A model that was really fitted answers for photographs of its site, and for no others."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests import fitted
from tests.data import cifake_images
from tests.installation import Installation, running_installation
from tests.visitor import Visitor

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]
PROMOTE = """
from pathlib import Path
from detection.services.registry import version_promote, version_register
version, _ = version_register(directory=Path({folder!r}))
why = "It is the first for photographs."
# So few pictures may fail a gate or pass it.
version_promote(version=version, reason=why, override_reason=why)
"""
# What the database says of each image's newest answer, in the order of handing in.
ANSWERS = (
    "SELECT a.public_id, a.verdict, a.p_fake, a.in_domain, a.novelty, a.heatmap_method, m.name"
    " FROM detection_analysis a"
    " JOIN detection_submittedimage i ON i.id = a.image_id"
    " JOIN detection_submission s ON s.id = i.submission_id"
    " LEFT JOIN detection_modelversion v ON v.id = a.model_version_id"
    " LEFT JOIN detection_registeredmodel m ON m.id = v.model_id"
    " WHERE s.public_id = %s AND a.track <> 'face' ORDER BY i.id, a.id"
)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, static_root: Path) -> Iterator[Installation]:
    """A portal of its own, as others are to stay without such a model; nothing is promoted yet."""
    folder = tmp_path_factory.mktemp("photographs")
    fitted.store_fitted(folder / "fitted")
    variables = {"STATIC_ROOT": str(static_root)}
    programs = ("web", "inference", "background", "beat")
    with running_installation(folder / "portal", variables, programs=programs) as installation:
        yield installation


@pytest.fixture(scope="module")
def alice(portal: Installation) -> Visitor:
    """Signed up through the real pages."""
    return portal.visitor().sign_up("alice@example.org")


@pytest.fixture(scope="module")
def earlier(portal: Installation, alice: Visitor) -> str:
    """A picture of the site that was handed in when nobody could judge it."""
    (first, *_) = fitted.site_pictures("real", 9).items()
    submission = alice.submit(dict([first]))
    portal.wait_until_ended(submission)
    return submission


@pytest.fixture(scope="module")
def champion(portal: Installation, earlier: str) -> None:
    """The fitted model has been promoted, without any restart."""
    folder = portal.folder.parent / "fitted"
    portal.manage("shell", "-c", PROMOTE.format(folder=str(folder)))


@pytest.mark.usefixtures("champion")
def test_pictures_of_its_site_get_verdicts_with_a_score_map(
    portal: Installation, alice: Visitor
) -> None:
    files = fitted.site_pictures("real", 6) | fitted.site_pictures("fake", 6)
    submission = alice.submit(files)
    assert portal.wait_until_ended(submission) == ["finished"] * 12
    answers = portal.rows(ANSWERS, submission)
    assert {name for *_, name in answers} == {fitted.NAME}
    inside = [answer for answer in answers if answer[3]]
    # Of its own kind it takes 1 in 20 for strangers.
    assert len(inside) >= 9
    means = [sum(p for _, _, p, *_ in half) / 6 for half in (answers[:6], answers[6:])]
    assert means[0] < means[1], "the AI-generated half is to score higher"
    for public_id, _, _, _, novelty, method, _ in inside:
        assert 0 <= novelty <= 1
        assert method == "Score map"
        page = alice.get(f"/analyses/{public_id}/").text
        assert "Score map: where the crops speak for" in page
        assert "40 real and 40 AI-generated pictures from the site." in page
        heatmap = alice.get(f"/analyses/{public_id}/heatmap/")
        with Image.open(io.BytesIO(heatmap.content)) as picture:
            assert max(picture.size) == 256


@pytest.mark.usefixtures("champion")
def test_portraits_are_unlike_its_pictures(portal: Installation, alice: Visitor) -> None:
    submission = alice.submit(fitted.portrait_files(10))
    assert portal.wait_until_ended(submission) == ["finished"] * 10
    answers = portal.rows(ANSWERS, submission)
    assert {(verdict, bool(inside)) for _, verdict, _, inside, *_ in answers} == {
        ("inconclusive", False)
    }
    unlike = [public_id for public_id, *_, novelty, _, _ in answers if novelty > 1]
    assert len(unlike) >= 7
    for public_id in unlike:
        page = alice.get(f"/analyses/{public_id}/").text
        assert "the picture is unlike the pictures this model was validated on" in page
        assert 'data-testid="percentage"' not in page
        assert alice.get(f"/analyses/{public_id}/heatmap/").status_code == 404


@pytest.mark.usefixtures("champion")
def test_thumbnails_are_judged_as_ever(portal: Installation, alice: Visitor) -> None:
    submission = alice.submit(cifake_images("REAL", 2))
    assert portal.wait_until_ended(submission) == ["finished"] * 2
    for _, verdict, _, inside, novelty, method, name in portal.rows(ANSWERS, submission):
        assert (verdict, bool(inside), novelty) == ("likely_real", True, None)
        assert (method, name) == ("Grad-CAM", "cifake-residual")


@pytest.mark.usefixtures("champion")
def test_what_nobody_could_judge_is_analysed_again(
    portal: Installation, alice: Visitor, earlier: str
) -> None:
    ((first, *_, nobody),) = portal.rows(ANSWERS, earlier)
    assert nobody is None
    page = alice.get(f"/analyses/{first}/").text
    assert "No model had been asked; photo 1 answers now." in page
    answer = alice.post(f"/analyses/{first}/again/")
    assert answer.ok
    assert portal.wait_until_ended(earlier) == ["finished"] * 2
    (_, again) = portal.rows(ANSWERS, earlier)
    assert again[-1] == fitted.NAME
    assert f"/analyses/{again[0]}/" in alice.get(f"/submissions/{earlier}/").text
