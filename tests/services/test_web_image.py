"""What the web image runs needs none of the packages that only the worker image has."""

from pathlib import Path

import pytest

from tests.data import drawn_image
from tests.installation import ROOT, running_installation
from tools.requirements import read_pins

pytestmark = pytest.mark.services
# Distribution -> the name it is imported by.
IMPORTED_AS = {"scikit-learn": "sklearn", "protobuf": "google", "pillow": "PIL"}


@pytest.fixture
def without_worker_packages(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH that hides every package of requirements.txt alone."""
    folder = tmp_path / "hidden"
    folder.mkdir()
    worker = read_pins(ROOT / "requirements.txt").keys()
    only_worker = worker - read_pins(ROOT / "requirements-web.txt").keys()
    assert "tensorflow" in only_worker
    for distribution in only_worker:
        name = IMPORTED_AS.get(distribution, distribution.replace("-", "_"))
        (folder / f"{name}.py").write_text(
            f'raise ModuleNotFoundError("No module named {name!r}: it is hidden", name={name!r})\n'
        )
    return folder


def test_schema_models_static_files_and_pages(
    tmp_path: Path, without_worker_packages: Path
) -> None:
    variables = {
        "PYTHONPATH": str(without_worker_packages),
        "STATIC_ROOT": str(tmp_path / "static"),
    }
    with running_installation(
        tmp_path / "var", variables, programs=["web", "beat"]
    ) as installation:
        assert "hidden" in installation.manage("shell", "-c", TRY_TENSORFLOW).stdout
        installation.manage("check")
        models = installation.rows("SELECT name FROM detection_registeredmodel ORDER BY name")
        assert models == [("cifake-residual",), ("faces-inception",)]
        visitor = installation.visitor().sign_up("web@example.org")
        submission = visitor.submit({"waiting.jpg": drawn_image((64, 64))})
        assert installation.states(submission) == ["queued"]
        assert "waiting.jpg" in visitor.get(f"/submissions/{submission}/").text
        installation.wait_for_line("beat", "celery beat")


TRY_TENSORFLOW = """
try:
    import tensorflow
except ModuleNotFoundError as error:
    print(error)
"""
