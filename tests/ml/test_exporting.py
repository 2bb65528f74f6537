"""A whole-model file answers as the detector does, in a process that knows Keras alone."""

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from ml import architectures, artifacts, exporting
from ml.contract import Calibration, ModelSpec, Option
from ml.inference import Detector
from ml.recipes import Format

PIXELS = np.random.default_rng(3).integers(0, 256, (7, 8, 8, 3)).astype(np.uint8)
READ = """
import sys, keras, numpy as np
assert "ml" not in sys.modules
for path in sys.argv[2:]:
    model = keras.models.load_model(path)
    np.save(path + ".npy", model.predict(np.load(sys.argv[1]), verbose=0))
"""


@pytest.mark.parametrize("flip_averaging", [True, False])
def test_keras_alone_gives_the_detectors_answers(
    flip_averaging: bool, model_dir: Path, spec: ModelSpec, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(model_dir, tmp_path / "model"))
    changed = dataclasses.replace(
        spec,
        calibration=dataclasses.replace(spec.calibration, temperature=0.7),
        flip_averaging=flip_averaging,
    )
    artifacts.write_text(copy / artifacts.SPEC_FILE, changed.to_json())
    files = [exporting.write_whole(copy, "keras"), exporting.write_whole(copy, "h5")]
    assert [path.name for path in files] == ["model.keras", "model.h5"]
    assert not [path for path in copy.iterdir() if path.name.startswith(".")]
    np.save(tmp_path / "pixels.npy", PIXELS)
    arguments = [str(tmp_path / "pixels.npy"), *map(str, files)]
    subprocess.run(
        [sys.executable, "-c", READ, *arguments], cwd=tmp_path, check=True, capture_output=True
    )
    expected, _ = Detector.load(copy).predict_arrays(PIXELS)
    for path in files:
        found = np.load(f"{path}.npy")[:, 0]
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "form"),
    [("three_block", {"resolution": 22}, "keras"), ("resnet50", {"resolution": 32}, "h5")],
)
def test_the_published_networks_are_explained_and_survive_the_file(
    name: str, options: dict[str, Option], form: Format, spec: ModelSpec, tmp_path: Path
) -> None:
    network = architectures.build(name, options, input_size=(8, 8))
    # A fresh ResNet50 has logits far from where the sigmoid can tell them apart.
    temperature = float(np.abs(network(PIXELS.astype(np.float32)).numpy()).max())
    published = dataclasses.replace(
        spec,
        architecture=name,
        architecture_options=options,
        calibration=Calibration(temperature),
        flip_averaging=False,
    )
    artifacts.save(tmp_path / name, published, network.save_weights)
    read = keras.models.load_model(exporting.write_whole(tmp_path / name, form))
    found = read.predict(PIXELS, verbose=0)[:, 0]
    explained = Detector.load(tmp_path / name).explain_arrays(PIXELS)
    expected = np.array([answer.p_fake for answer in explained])
    assert np.ptp(expected) > 0.001
    np.testing.assert_allclose(found, expected, atol=1e-5)
    height, width = network.get_layer("features").output.shape[1:3]
    for answer in explained:
        assert answer.heatmap is not None
        assert answer.heatmap.values.shape == (height, width)
