"""`python -m ml explain` paints by any method, and keeps what the checks found in the card."""

import dataclasses
import itertools
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml import architectures, artifacts, compiling
from ml.cli import main
from ml.contract import (
    Calibration,
    Domain,
    ExplanationFigures,
    MapFigures,
    ModelSpec,
    Preprocessing,
)
from ml.evaluation import evaluate
from ml.explanation import METHODS
from ml.inference import Detector
from ml.modelcard import FILE_NAME
from ml.publishing import keep_explanation
from tests.ml.conftest import blob, jpeg

SIDE = 16


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of twelve small images, large enough to be halved."""
    path = tmp_path_factory.mktemp("data") / "squares.zip"
    rng = np.random.default_rng(1)
    with zipfile.ZipFile(path, "w") as archive:
        for label in ("REAL", "FAKE"):
            for index in range(6):
                pixels = rng.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
                archive.writestr(f"{label}/{index}.jpg", jpeg(pixels))
    return path


@pytest.fixture(scope="module")
def stored(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of such images with fresh weights, measured on them; tests change a copy."""
    spec = ModelSpec(
        name="squares",
        architecture="tiny",
        architecture_options={},
        preprocessing=Preprocessing(SIDE, SIDE),
        gradcam_layer="features",
        domain=Domain(SIDE, SIDE, "Squares of noise."),
        calibration=Calibration(),
        weights_sha256="",
    )
    network = architectures.build("tiny", {}, input_size=(SIDE, SIDE))
    graph = compiling.compile_network(spec, network)
    folder = tmp_path_factory.mktemp("models") / "squares"
    artifacts.save(folder, spec, network.save_weights, graph=graph)
    return folder


@pytest.fixture
def model(stored: Path, tmp_path: Path) -> Path:
    """The model, to be changed."""
    return Path(shutil.copytree(stored, tmp_path / "squares"))


def check(model: Path, data: Path, *more: str) -> list[str]:
    """The command's arguments."""
    return [
        "explain",
        "--check",
        "--model",
        str(model),
        "--data",
        str(data),
        "--images",
        "8",
        *more,
    ]


def test_each_method_paints_its_own_picture(model_dir: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "fake.jpg", tmp_path / "out.png"
    file.write_bytes(blob(1, 1))
    pictures = {}
    for method in METHODS:
        arguments = ["--model", str(model_dir), "--out", str(out), "--method", method]
        assert main(["explain", str(file), *arguments]) == 0
        with Image.open(out) as picture:
            assert (picture.format, picture.size) == ("PNG", (512, 512))
            pictures[method] = np.asarray(picture.convert("RGB")).astype(int)
    # Behind its global average HiResCAM is Grad-CAM, but for rounding; the others differ.
    assert np.abs(pictures["hires-cam"] - pictures["grad-cam"]).max() <= 2
    del pictures["hires-cam"]
    for one, other in itertools.combinations(pictures.values(), 2):
        assert np.abs(one - other).max() > 2


def test_checks_are_told_as_a_table_and_as_json(
    model: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    methods = ["--method", "grad-cam", "--method", "layer-cam"]
    assert main(check(model, data, *methods)) == 0
    captured = capsys.readouterr()
    assert "8 images, 4 half-replaced" in captured.out
    assert "checked 4 of 4 kinds of map" in captured.err
    rows = {line.split()[0]: line.split()[1:] for line in captured.out.splitlines()[2:]}
    assert list(rows) == ["grad-cam", "layer-cam", "random", "sobel"]
    assert main(check(model, data, *methods, "--json")) == 0
    figures = ExplanationFigures.from_json(capsys.readouterr().out)
    assert rows["grad-cam"][0] == f"{figures.methods['grad-cam'].deletion_auc:.3f}"
    assert rows["sobel"][2:] == ["-", "-"]


def test_what_was_found_is_kept_in_spec_and_card(
    model: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(check(model, data, "--method", "grad-cam", "--keep")) == 1
    assert "not_published: " in capsys.readouterr().err
    measured = evaluate(Detector.load(model), data)
    spec = dataclasses.replace(artifacts.read_spec(model), evaluation=measured)
    artifacts.write_text(model / artifacts.SPEC_FILE, spec.to_json())
    assert main(check(model, data, "--method", "grad-cam", "--keep")) == 0
    record = artifacts.read_spec(model).evaluation
    assert record is not None
    assert record.explanation is not None
    assert list(record.explanation.methods) == ["grad-cam"]
    assert dataclasses.replace(record, explanation=None) == measured
    card = (model / FILE_NAME).read_text(encoding="utf-8")
    assert f"{record.explanation.methods['grad-cam'].deletion_auc:.4f}" in card

    # What was measured alike stands side by side; what was not takes its place.
    other = {"layer-cam": MapFigures(0.25, 0.75)}
    alike = dataclasses.replace(record.explanation, methods=other)
    assert kept_methods(keep_explanation(model, alike)) == ["grad-cam", "layer-cam"]
    on_fewer = dataclasses.replace(alike, images=2)
    assert kept_methods(keep_explanation(model, on_fewer)) == ["layer-cam"]


def kept_methods(spec: ModelSpec) -> list[str]:
    """The methods whose figures the spec holds."""
    assert spec.evaluation is not None
    assert spec.evaluation.explanation is not None
    return list(spec.evaluation.explanation.methods)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["explain"], "wrong_arguments"),
        (["explain", "x.jpg"], "wrong_arguments"),
        (["explain", "--out", "x.png"], "wrong_arguments"),
        (["explain", "x.jpg", "--out", "x.png", "--method", "saliency"], "unknown_method"),
        (["explain", "--check", "--method", "saliency"], "unknown_method"),
        (
            ["explain", "x.jpg", "--out", "x.png", "--method", "grad-cam", "--method", "layer-cam"],
            "wrong_arguments",
        ),
        (["explain", "x.jpg", "--out", "x.png", "--model", "nowhere"], "missing_spec"),
        (["explain", "--check", "--model", "nowhere", "--data", "none.zip"], "missing_spec"),
    ],
)
def test_an_error_is_a_code_and_one_sentence(
    arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"{code}: ")


def test_images_that_cannot_be_halved_are_refused(
    model_dir: Path, archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(check(model_dir, archive)) == 1
    assert "no_halves: " in capsys.readouterr().err
