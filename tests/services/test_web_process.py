"""Web server and inference worker stay light: no TensorFlow, and 200 MB are enough for each."""

from pathlib import Path

import psutil
import pytest

from tests.data import drawn_image
from tests.installation import Installation

pytestmark = pytest.mark.services
MOST_BYTES = 200 * 1024 * 1024


@pytest.fixture(scope="module", params=["embedded", "on_servers"])
def portal(request: pytest.FixtureRequest) -> Installation:
    """Both shapes, after a visitor has been through every kind of page."""
    installation: Installation = request.getfixturevalue(request.param)
    visitor = installation.visitor().sign_up(f"light-{request.param}@example.org")
    files = {f"{n}.jpg": drawn_image((1600, 1200), seed=n) for n in range(4)}
    files["small.jpg"] = drawn_image((32, 32))
    submission = visitor.submit(files)
    installation.wait_until_ended(submission)
    for path in ("/history/", "/guide/", "/account/", *visitor.analysis_links(submission)):
        assert visitor.get(path).ok, path
    for path in visitor.analysis_links(submission):
        assert visitor.get(f"{path}report.pdf").content.startswith(b"%PDF"), path
    return installation


def web_processes(portal: Installation) -> list[psutil.Process]:
    """gunicorn's master and its worker."""
    master = psutil.Process(portal.pid("web"))
    return [master, *master.children(recursive=True)]


def test_it_never_loads_tensorflow(portal: Installation) -> None:
    for process in web_processes(portal):
        loaded = Path(f"/proc/{process.pid}/maps").read_text()
        assert "libpython" in loaded or "python3" in loaded
        for library in ("tensorflow", "ai_edge_litert", "sklearn", "scipy", "matplotlib", "h5py"):
            assert f"/{library}/" not in loaded, f"{process.name()} has loaded {library}"
        # Reports are printed by processes of their own.
        assert "libpango" not in loaded


def test_it_fits_into_200_megabytes(portal: Installation) -> None:
    serving = web_processes(portal)[1:]
    assert serving
    for process in serving:
        assert process.memory_info().rss <= MOST_BYTES


def test_verdicts_and_heatmaps_need_no_tensorflow(portal: Installation) -> None:
    """The images of `portal` have been judged by this very process, and the small one explained."""
    worker = psutil.Process(portal.pid("inference"))
    loaded = Path(f"/proc/{worker.pid}/maps").read_text()
    assert "/ai_edge_litert/" in loaded
    for library in ("tensorflow", "keras", "h5py", "sklearn", "scipy", "cv2"):
        assert f"/{library}/" not in loaded, f"the inference worker has loaded {library}"
    assert worker.memory_info().rss <= MOST_BYTES


def test_the_training_worker_waits_without_tensorflow(portal: Installation) -> None:
    portal.start("training")
    try:
        portal.wait_for_line("training", ".> training")
        loaded = Path(f"/proc/{portal.pid('training')}/maps").read_text()
        assert "/tensorflow/" not in loaded
        assert psutil.Process(portal.pid("training")).memory_info().rss <= MOST_BYTES
    finally:
        portal.stop("training")
