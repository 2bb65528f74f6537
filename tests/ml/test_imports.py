"""What the web process may import stays light, and the science knows nothing of the web."""

import subprocess
import sys
from pathlib import Path

import pytest

from ml.explanation import METHODS
from tests.data import ROOT
from tests.ml import photo_models

LIGHT = (
    "ml.contract ml.preprocessing ml.artifacts ml.datasets ml.explanation ml.heatmaps "
    "ml.inference ml.compiling ml.runtimes.tensorflow ml.runtimes.litert ml.cli"
)


def loaded_by(modules: str) -> set[str]:
    program = f"import sys, {modules.replace(' ', ', ')}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_the_light_modules_leave_the_heavy_libraries_unloaded() -> None:
    heavy = {"tensorflow", "keras", "sklearn", "h5py", "ai_edge_litert", "cv2", "scipy"}
    assert not loaded_by(LIGHT) & heavy


@pytest.mark.parametrize("module", ["ml.training ml.publishing ml.evaluation"])
def test_no_module_loads_the_web(module: str) -> None:
    assert not loaded_by(module) & {"django", "celery", "portal", "detection"}


@pytest.mark.parametrize("method", METHODS)
def test_a_verdict_with_heatmap_leaves_tensorflow_unloaded(method: str) -> None:
    program = (
        "import sys, numpy as np; from ml.cli.judging import SHIPPED;"
        "from ml.inference import load;"
        "pixels = np.ones((1, 32, 32, 3), np.uint8);"
        f"answer, = load(SHIPPED).explain_arrays(pixels, {method!r});"
        "print(answer.p_fake, answer.heatmap.values.max(), *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    p_fake, peak, *modules = done.stdout.split()
    assert 0 <= float(p_fake) <= 1
    assert float(peak) in (0, 1)
    assert done.stderr == ""
    loaded = {name.split(".")[0] for name in modules}
    assert "ai_edge_litert" in loaded
    assert not loaded & {"tensorflow", "keras", "h5py", "cv2", "scipy"}


def test_a_photo_model_leaves_training_unloaded(tmp_path: Path, photo_graph: bytes) -> None:
    directory = photo_models.store(tmp_path / "photos", photo_graph, photo_models.heads())
    path = tmp_path / "picture.png"
    path.write_bytes(photo_models.png(224, 224))
    program = (
        "import sys; from pathlib import Path; from ml.inference import load;"
        f"answer, = load(Path({str(directory)!r})).predict([{str(path)!r}]);"
        "print(answer.p_fake, answer.heatmap.values.shape[0], *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    p_fake, rows, *modules = done.stdout.split()
    assert 0 < float(p_fake) < 1
    assert rows == "28"
    assert done.stderr == ""
    loaded = {name.split(".")[0] for name in modules}
    assert {"ai_edge_litert", "cv2"} <= loaded
    assert not loaded & {"tensorflow", "keras", "h5py", "sklearn", "matplotlib"}
