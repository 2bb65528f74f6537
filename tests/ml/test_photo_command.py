"""`fit-photo` in a terminal: a model and its figures, or one sentence and status 1."""

import json
import zipfile
from pathlib import Path

import pytest

from ml.artifacts import read_spec
from ml.cli import main
from ml.photo import network, validation
from tests.ml.test_photo_fitting import site_files


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Path, Path]:
    """A folder and a zip, as two sites."""
    folder, archive = tmp_path / "first", tmp_path / "second.zip"
    for place, (label, content) in enumerate(site_files("site.zip", 12)):
        path = folder / "some" / label.upper() / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with zipfile.ZipFile(archive, "w") as file:
        for place, (label, content) in enumerate(site_files("site3.zip", 12)):
            file.writestr(f"{label.upper()}/{place}.png", content)
    return folder, archive


@pytest.fixture(autouse=True)
def _graph_is_there(photo_graph: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "cached_graph", lambda folder: photo_graph)
    monkeypatch.setattr(validation, "REPEATS", 1)


def test_a_fit_over_two_sites(
    sources: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, model = [str(path) for path in sources], tmp_path / "model"
    command = ["fit-photo", "--data", *data, "--threads", "1"]
    assert main([*command, "--out", str(model), "--name", "two sites"]) == 0
    told, progress = capsys.readouterr()
    for words in (
        "area under the curve 0.",
        "at 5% false alarms",
        "24 real, 24 AI-generated, 0 left out",
        "of the pictures get one",
        "as they are  48 pictures: area under the curve 0.",
        "warning  one_size: All pictures have a shorter side of 240 pixels",
        "first: within 0.",
        "second: within 0.",
        "learning curve  48: 0.",
        f"model  {model}",
    ):
        assert words in told
    assert "read 48 of 48 pictures" in progress
    spec = read_spec(model)
    assert (spec.name, spec.track) == ("two sites", "photo")
    assert spec.photo is not None
    assert {source.name for source in spec.photo.sources} == {"first", "second"}

    kept = tmp_path / ".model.pictures"
    assert main([*command, "--out", str(model), "--cache", str(kept), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["model"] == str(model)
    assert figures["overall"]["roc_auc"] == spec.photo.overall.roc_auc


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--data", "nowhere.zip"], "missing_data"),
        (["--data", "{folder}", "--false-alarms", "0.7"], "invalid_option"),
        (["--data", "{folder}", "--threads", "0"], "invalid_option"),
        (["--data", "{folder}"], "too_few_images"),
        (["--data", "{folder}/some/REAL"], "no_class_folders"),
        (["--data", "{folder}", "{folder}"], "too_few_images"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_one_sentence(
    arguments: list[str],
    code: str,
    sources: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [argument.format(folder=sources[0]) for argument in arguments]
    out = str(tmp_path / "model")
    assert main(["fit-photo", "--threads", "1", *given, "--out", out]) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(f"{code}: ")
    assert told.endswith(".")
    assert not (tmp_path / "model").exists()


def test_what_is_no_model_is_not_overwritten(
    sources: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one.txt").write_text("words")
    command = ["fit-photo", "--data", str(sources[0]), "--out", str(tmp_path / "letters")]
    assert main(command) == 1
    assert capsys.readouterr().err.startswith("not_a_model: ")
    assert (tmp_path / "letters" / "one.txt").read_text() == "words"
