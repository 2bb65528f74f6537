"""The terminal: classify, evaluate, register_models."""

import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from PIL import Image
from pytest_django import Settings

from detection.models import ModelVersion
from tests import images, work

pytestmark = pytest.mark.django_db


class Output(str):
    """What a command printed, and the status with which it ended."""

    status: int

    @property
    def json(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.splitlines()]


def run(*arguments: object) -> Output:
    """Run a command to its end."""
    printed = io.StringIO()
    status = 0
    try:
        call_command(*map(str, arguments), stdout=printed)
    except SystemExit as end:
        status = int(str(end.code))
    output = Output(printed.getvalue())
    output.status = status
    return output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images and other files, in folders."""
    root = tmp_path / "images"
    (root / "below").mkdir(parents=True)
    (root / "a-red.png").write_bytes(images.plain(work.RED))
    (root / "below" / "b-blue.PNG").write_bytes(images.plain(work.BLUE))
    (root / "below" / "c-large.jpg").write_bytes(images.image_file("JPEG", (64, 64)))
    (root / "notes.txt").write_text("not named like an image")
    return root


# -- classify ----------------------------------------------------------------------------------


def test_it_prints_a_line_for_each_file(model: ModelVersion, folder: Path) -> None:
    output = run("classify", folder)
    assert output.status == 0
    red, blue, large = output.splitlines()
    assert red.startswith(f"{folder}/a-red.png: Likely AI-generated (9")
    assert blue.startswith(f"{folder}/below/b-blue.PNG: Likely real (")
    assert "c-large.jpg: Inconclusive" in large
    assert "not validated for this kind of image" in large


def test_a_certainty_that_is_not_high_stands_in_the_line(
    model: ModelVersion, tmp_path: Path
) -> None:
    path = tmp_path / "small.jpg"
    Image.new("RGB", (8, 8), work.RED).save(path, quality=20)
    certainty = run("classify", path, "--json").json[0]["certainty"]
    assert certainty in ("low", "moderate")
    assert f"Likely AI-generated, {certainty} certainty (9" in run("classify", path)


def test_it_prints_json(model: ModelVersion, folder: Path) -> None:
    output = run("classify", folder, "--json")
    assert output.status == 0
    assert [set(line) for line in output.json] == [
        {
            *("file", "verdict", "reason", "sentence", "p_fake", "in_domain"),
            *("model", "version", "milliseconds", "certainty", "findings"),
        }
    ] * 3
    red, blue, large = output.json
    assert (red["verdict"], blue["verdict"], large["verdict"]) == (
        *("likely_ai", "likely_real", "inconclusive"),
    )
    assert (red["in_domain"], large["in_domain"]) == (True, False)
    assert (red["model"], red["version"]) == ("colours", 1)
    assert 0 <= blue["p_fake"] < 0.2 < 0.8 < red["p_fake"] <= 1
    assert red["milliseconds"] > 0


def test_a_bad_file_has_its_error_in_its_place(model: ModelVersion, folder: Path) -> None:
    bad = folder / "b-bad.jpg"
    bad.write_text("text")
    missing = folder / "missing.jpg"
    output = run("classify", folder / "a-red.png", bad, missing, folder / "below", "--json")
    assert output.status == 1
    codes = [line.get("error", {}).get("code") for line in output.json]
    assert codes == [None, "unsupported_format", "unreadable_file", None, None]
    assert output.json[1]["file"] == str(bad)
    assert output.json[1]["error"]["message"].endswith(".")
    text = run("classify", bad, missing)
    assert text.status == 1
    assert "[unsupported_format]" in text
    assert "[unreadable_file]" in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"caf\xe9.png", "caf\\udce9.png"),
        (b"\x1b[31mred\n.png", "\\x1b[31mred\\n.png"),
        ("Größe 🌄.png".encode(), "Größe 🌄.png"),
    ],
)
def test_any_name_is_printed_and_none_obeyed(
    model: ModelVersion, folder: Path, name: bytes, shown: str
) -> None:
    path = folder / os.fsdecode(name)
    path.write_bytes(images.plain(work.RED))
    assert run("classify", path).startswith(f"{folder}/{shown}: Likely AI-generated")
    assert os.fsencode(run("classify", path, "--json").json[0]["file"]) == bytes(path)


def test_the_limits_of_the_portal_hold(
    model: ModelVersion, folder: Path, settings: Settings
) -> None:
    settings.MAX_PIXELS = 100
    output = run("classify", folder / "below" / "c-large.jpg", "--json")
    assert output.json[0]["error"]["code"] == "too_many_pixels"


def test_another_version_is_chosen_by_name(
    model: ModelVersion,
    folder: Path,
    other_model: Callable[[Path], None],
    settings: Settings,
    tmp_path: Path,
) -> None:
    other_model(tmp_path / "shipped" / "colours")
    assert run("register_models") == "Registered colours 2. It waits for its promotion.\n"
    first, second = (
        run("classify", folder / "a-red.png", "--json", "--model", label).json[0]
        for label in ("colours", "colours:2")
    )
    assert (first["version"], second["version"]) == (1, 2)
    assert first["p_fake"] != second["p_fake"]


@pytest.mark.parametrize("label", ["unknown", "colours:7", "colours:x"])
@pytest.mark.parametrize("command", [("classify", "x.png"), ("evaluate", "--data", "x")])
def test_an_unknown_model_is_named_with_those_there_are(
    model: ModelVersion, command: tuple[str, ...], label: str
) -> None:
    with pytest.raises(CommandError, match="colours:1") as caught:
        run(*command, "--model", label)
    assert label in str(caught.value)


def test_without_any_model_it_says_what_to_do(folder: Path) -> None:
    with pytest.raises(CommandError, match="register_models"):
        run("classify", folder)


def test_a_broken_model_is_told_once_and_not_per_file(model: ModelVersion, folder: Path) -> None:
    from detection import ml_gateway

    ml_gateway.detector_of.cache_clear()
    shutil.rmtree(model.directory)
    with pytest.raises(CommandError, match="missing_spec"):
        run("classify", folder)


# -- evaluate ----------------------------------------------------------------------------------

KEYS = {
    *("n", "accuracy", "precision", "recall", "f1", "roc_auc", "confusion", "ece", "coverage"),
    *("selective_accuracy", "images_per_second", "model", "version"),
}


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Six FAKE and four REAL images, two of each with the colour of the other class or grey."""
    colours = {
        "FAKE": [*[work.RED] * 4, work.GREY, work.BLUE],
        "REAL": [*[work.BLUE] * 3, work.GREY],
    }
    for label, chosen in colours.items():
        (tmp_path / "labelled" / "deep" / label).mkdir(parents=True)
        for number, colour in enumerate(chosen):
            file = tmp_path / "labelled" / "deep" / label / f"{number}.png"
            file.write_bytes(images.plain(colour))
    return tmp_path / "labelled"


def evaluated(data: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(run("evaluate", "--data", data, "--json"))
    return record


def test_it_measures_a_folder(model: ModelVersion, labelled: Path) -> None:
    record = evaluated(labelled)
    assert set(record) >= KEYS
    assert (record["n"], record["model"], record["version"]) == (10, "colours", 1)
    assert sum(record["confusion"].values()) == 10
    assert record["coverage"] == pytest.approx(0.8)
    assert record["selective_accuracy"] == pytest.approx(7 / 8)
    assert record["images_per_second"] > 0
    # One blue FAKE is wrong; of the two grey ones, which lie at 0.5, exactly one is right.
    assert record["accuracy"] == pytest.approx(0.8)


def test_it_measures_a_zip_the_same(model: ModelVersion, labelled: Path, tmp_path: Path) -> None:
    archive = tmp_path / "labelled.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in labelled.rglob("*.png"):
            file.write(path, path.relative_to(labelled))
    same = ("n", "accuracy", "confusion", "roc_auc", "data_sha256")
    folder, zipped = evaluated(labelled), evaluated(archive)
    assert [folder[key] for key in same] == [zipped[key] for key in same]


def test_it_prints_the_figures_as_lines(model: ModelVersion, labelled: Path) -> None:
    output = run("evaluate", "--data", labelled)
    assert output.startswith("colours 1 on ")
    for key in KEYS - {"model", "version"}:
        assert f" {key}  " in output


def test_tiers_copies_and_plots_come_by_the_same_command(
    model: ModelVersion, labelled: Path, tmp_path: Path
) -> None:
    for label, colour in (("FAKE", work.RED), ("REAL", "green")):
        (tmp_path / "known" / label).mkdir(parents=True)
        (tmp_path / "known" / label / "0.png").write_bytes(images.plain(colour))
    plots = tmp_path / "plots"
    options = ("--tiers", "--training-data", tmp_path / "known", "--plots", plots, "--json")
    record = json.loads(run("evaluate", "--data", labelled, *options))
    assert list(record["tiers"]) == ["jpeg_q40", "noise_0.10", "blur_0.6"]
    assert record["tiers"]["jpeg_q40"]["n"] == 10
    assert record["bootstrap"]["level"] == 0.95
    assert {path.name for path in plots.iterdir()} >= {"confusion.png", "tiers.png", "sample.png"}
    assert (record["n"], record["deduplicated"]["n"]) == (10, 6)


def test_a_missing_class_is_told(model: ModelVersion, labelled: Path) -> None:
    shutil.rmtree(labelled / "deep" / "REAL")
    with pytest.raises(CommandError, match="REAL"):
        evaluated(labelled)


def test_data_that_cannot_be_read_is_told(model: ModelVersion, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="missing"):
        evaluated(tmp_path / "missing")
    (tmp_path / "broken.zip").write_bytes(b"PK no zip")
    with pytest.raises(CommandError):
        evaluated(tmp_path / "broken.zip")


# -- register_models ---------------------------------------------------------------------------


def test_what_ships_is_registered_once(model_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(model_folder, tmp_path / "shipped" / "colours")
    assert run("register_models") == "Registered colours 1. It answers from now on.\n"
    assert run("register_models") == ""


def test_nothing_that_ships_is_an_error() -> None:
    with pytest.raises(CommandError, match="No model ships"):
        run("register_models")


def test_a_broken_shipped_model_is_told(model_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(model_folder, tmp_path / "shipped" / "colours")
    (weights,) = (tmp_path / "shipped" / "colours").glob("*.h5")
    weights.unlink()
    with pytest.raises(CommandError, match="cannot be registered"):
        run("register_models")


def test_a_first_command_on_a_fresh_machine_sets_itself_up(
    model_folder: Path, tmp_path: Path, folder: Path
) -> None:
    shutil.copytree(model_folder, tmp_path / "shipped" / "colours")
    output = run("classify", folder / "a-red.png", "--json")
    assert output.json[0]["model"] == "colours"
