"""The terminal: results on stdout, one sentence on stderr when something is wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from ml import checkpoints
from ml.artifacts import read_spec
from ml.cli import main
from tests.data import ROOT
from tests.ml.conftest import blob

TRAIN = ["--architecture", "tiny", "--epochs", "2", "--batch-size", "16"]
TRAIN += ["--validation-images", "40", "--ema-momentum", "0.9", "--peak-learning-rate", "0.05"]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "fake.jpg", tmp_path / "real.png"
    paths[0].write_bytes(blob(1, 1))
    Image.new("RGB", (40, 30), "blue").save(paths[1])
    return paths


def test_from_images_to_a_published_model(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, model, data = str(tmp_path / "run"), str(tmp_path / "model"), str(archive)
    assert main(["train", "--data", data, "--out", run, *TRAIN]) == 0
    assert "epoch 2/2 loss" in capsys.readouterr().err
    assert main(["export", "--run", run, "--data", data, "--out", model, "--name", "cli"]) == 0
    capsys.readouterr()
    assert main(["false-alarms", "--model", model, "--data", data]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("   0.00% of 20 REAL images: from 0.")
    assert len(lines) == 11
    assert main(["publish", "--model", model, "--test", data, "--train", data]) == 1
    assert "test_overlaps_training: " in capsys.readouterr().err
    assert main(["evaluate", "--model", model, "--data", data, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["model"], record["n"]) == ("cli", 200)
    assert record["accuracy"] > 0.9


def test_a_prediction_a_line(
    model_dir: Path, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "--model", str(model_dir), "--json", *map(str, files)]) == 0
    fake, real = map(json.loads, capsys.readouterr().out.splitlines())
    assert (fake["file"], fake["in_domain"]) == (str(files[0]), True)
    assert (real["file"], real["in_domain"]) == (str(files[1]), False)
    assert fake["p_fake"] > 0.5 > real["p_fake"]


def test_a_bad_file_gets_its_error_in_its_place_and_status_1(
    model_dir: Path, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    files[0].write_bytes(b"words")
    assert main(["predict", "--model", str(model_dir), *map(str, files)]) == 1
    bad, good = capsys.readouterr().out.splitlines()
    assert "not_an_image: " in bad
    assert "P(FAKE) " in good
    assert "outside of the images" in good


def test_an_explanation_is_a_picture(
    model_dir: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "explained.png"
    assert main(["explain", str(files[1]), "--model", str(model_dir), "--out", str(out)]) == 0
    with Image.open(out) as picture:
        assert (picture.format, picture.size) == ("PNG", (512, 384))


def test_an_evaluation_with_tiers_and_plots(
    model_dir: Path, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--tiers", "--plots", str(tmp_path / "plots"), "--split", "holdout"]
    assert main(["evaluate", "--model", str(model_dir), "--data", str(archive), *options]) == 0
    captured = capsys.readouterr()
    assert "blobs.zip, holdout" in captured.out
    assert "noise_0.10  accuracy " in captured.out
    assert captured.err.count("wrote ") == len(list((tmp_path / "plots").iterdir())) >= 6


def test_without_data_it_judges_the_test_part_of_cifake_or_says_what_to_give(
    model_dir: Path,
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("VERIPIX_DATA", str(tmp_path))
    assert main(["evaluate", "--model", str(model_dir), "--json"]) == 1
    assert "missing_data: Give the images with --data" in capsys.readouterr().err
    (tmp_path / "cifake").mkdir()
    (tmp_path / "cifake" / "test.zip").symlink_to(archive)
    assert main(["evaluate", "--model", str(model_dir), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["data"], record["split"], record["n"]) == ("test.zip", "test", 200)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["evaluate", "--data", "none.zip", "--model", "nowhere"], "missing_spec"),
        (["predict", "x.jpg", "--model", "nowhere"], "missing_spec"),
        (["train", "--data", "none.zip", "--out", "var/none"], "missing_data"),
        (["train", "--data", "x", "--out", "x", "--architecture", "vgg"], "unknown_architecture"),
        (["train", "--data", "x", "--out", "x", "--epochs", "0"], "invalid_field"),
        (["train", "--data", "x", "--out", "x", "--precision", "int8"], "invalid_field"),
        (["export", "--run", "none", "--data", "x", "--out", "x"], "no_checkpoint"),
    ],
)
def test_an_error_is_a_code_and_one_sentence(
    arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith(f"{code}: ")
    assert line.endswith(".")


def test_a_picture_that_cannot_be_written_is_told(
    model_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (32, 32)).save(picture)
    out = tmp_path / "none" / "out.png"
    assert main(["explain", str(picture), "--model", str(model_dir), "--out", str(out)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("file_error: ")
    assert str(out) in line


def test_a_run_of_one_epoch_warms_up_within_it(archive: Path, tmp_path: Path) -> None:
    options = ["--architecture", "tiny", "--epochs", "1", "--validation-images", "40"]
    assert main(["train", "--data", str(archive), "--out", str(tmp_path / "run"), *options]) == 0
    state, _ = checkpoints.read_required(tmp_path / "run")
    assert state.config.warmup_epochs == 0.25


def test_a_run_is_not_called_by_another_recipes_name(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = str(tmp_path / "run"), str(tmp_path / "model")
    options = ["--architecture", "tiny", "--epochs", "1", "--validation-images", "40"]
    assert main(["train", "--data", str(archive), "--out", run, *options]) == 0
    export = ["export", "--run", run, "--data", str(archive), "--out", out]
    assert main([*export, "--recipe", "bird-lotfi"]) == 1
    assert "other_recipe: " in capsys.readouterr().err
    assert main(export) == 0
    assert read_spec(Path(out)).name == "my-tiny"


def test_the_module_runs_and_tells_its_status() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ml", "predict", "x.jpg", "--model", "nowhere"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("missing_spec: ")
    assert "Traceback" not in done.stderr
