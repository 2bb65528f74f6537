"""Views are drawn by a worker of their own, which stays light, in both shapes of the portal."""

import re
from pathlib import Path

import psutil
import pytest

from tests.installation import Installation
from tests.scenes import jpeg, scene
from tests.visitor import Visitor
from tests.waiting import wait_for

pytestmark = pytest.mark.services
MOST_BYTES = 200 * 1024 * 1024


@pytest.fixture(scope="module", params=["embedded", "on_servers"])
def portal(request: pytest.FixtureRequest) -> Installation:
    """The same portal in its two shapes."""
    installation: Installation = request.getfixturevalue(request.param)
    return installation


@pytest.fixture(scope="module")
def alice(portal: Installation) -> Visitor:
    """Signed up through the real pages."""
    return portal.visitor().sign_up("alice-looks@example.org")


def handed_in(portal: Installation, alice: Visitor, seed: int) -> str:
    """Hand in a picture and wait for its verdict; the path of its verdict page."""
    submission = alice.submit({"clouds.jpg": jpeg(scene((1200, 900), seed=seed), 90)})
    portal.wait_until_ended(submission)
    (link,) = alice.analysis_links(submission)
    return link


def ask(alice: Visitor, link: str) -> str:
    """Press "Draw the views"; the public id of the image."""
    found = re.search(r'action="(/images/(\w+)/views/ask/)"', alice.get(link).text)
    assert found
    assert alice.post(found[1]).ok
    return found[2]


def states(portal: Installation, image: str) -> list[str]:
    rows = portal.rows(
        "SELECT v.state FROM detection_forensicviews v"
        " JOIN detection_submittedimage i ON i.id = v.image_id WHERE i.public_id = %s",
        image,
    )
    return [state for (state,) in rows]


def wait_until_drawn(portal: Installation, image: str) -> None:
    wait_for(lambda: states(portal, image) == ["finished"], f"views of {image}", timeout=60)


def test_views_are_drawn_without_tensorflow(portal: Installation, alice: Visitor) -> None:
    image = ask(alice, handed_in(portal, alice, 1))
    wait_until_drawn(portal, image)
    for kind in ("error_levels", "noise", "spectrum", "gradient"):
        answer = alice.get(f"/images/{image}/views/{kind}/")
        assert answer.headers["Content-Type"] == "image/webp"
        assert answer.content.startswith(b"RIFF")
    worker = psutil.Process(portal.pid("pictures"))
    loaded = Path(f"/proc/{worker.pid}/maps").read_text()
    assert "/cv2/" in loaded
    for library in ("tensorflow", "keras", "h5py", "sklearn"):
        assert f"/{library}/" not in loaded, f"the pictures worker has loaded {library}"
    assert worker.memory_info().rss <= MOST_BYTES


def test_a_worker_that_is_away_holds_up_no_verdict_and_draws_later(
    portal: Installation, alice: Visitor
) -> None:
    portal.kill("pictures")
    try:
        image = ask(alice, handed_in(portal, alice, 2))
        # Verdicts go on while views wait.
        handed_in(portal, alice, 3)
        assert states(portal, image) == ["queued"]
    finally:
        portal.start("pictures")
    wait_until_drawn(portal, image)
