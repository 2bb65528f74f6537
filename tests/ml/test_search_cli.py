"""The searches from a terminal: where the images are found, several processes, a clean stop."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ml.cli import main
from tests.data import ROOT

SMALL = ["--architecture", "tiny", "--images", "200", "--validation-images", "40", "--epochs", "2"]
STUDY = ["search", "hyperparameters", *SMALL]


@pytest.fixture
def place(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder, and the images in the folder of the data sets."""
    (tmp_path / "cifake").mkdir()
    shutil.copy(archive, tmp_path / "cifake" / "train.zip")
    monkeypatch.setenv("VERIPIX_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_images_are_found_and_results_lie_below_var(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*STUDY, "--trials", "2", "--confirmations", "0"]) == 0
    told = capsys.readouterr()
    out = Path("var") / "search-hyperparameters-tiny"
    assert f"images from {place / 'cifake' / 'train.zip'}, results in {out}" in told.err
    assert "trial-0000 epoch 2/2 validation " in told.err
    table = told.out.splitlines()
    assert table[0].startswith("| trial | accuracy %")
    assert len([line for line in table if line.startswith("| ")]) == 2 + 2
    assert table[-1].startswith("best ")
    names = {path.name for path in (place / out).glob("results.*")}
    assert names == {"results.json", "results.csv", "results.md", "results.png"}


def test_two_processes_share_one_study(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = [*STUDY, "--out", "study", "--trials", "4", "--confirmations", "1"]
    assert main([*arguments, "--processes", "2"]) == 0
    results = json.loads((place / "study" / "results.json").read_text())
    assert len(results["rows"]) == 4
    told = [line for line in capfd.readouterr().err.splitlines() if " epoch " in line]
    begun = [line.split(" validation")[0] for line in told]
    assert len(begun) == len(set(begun))


def test_a_signal_stops_every_process_and_the_same_command_goes_on(place: Path) -> None:
    arguments = [*STUDY, "--trials", "500", "--processes", "2"]
    arguments += ["--data", str(place / "cifake" / "train.zip")]
    command = subprocess.Popen(
        [sys.executable, "-m", "ml", *arguments, "--out", str(place / "study")],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stderr
    try:
        for line in command.stderr:
            if " epoch 2/2 " in line:
                break
        processes = psutil.Process(command.pid).children(recursive=True)
        command.send_signal(signal.SIGTERM)
        _, rest = command.communicate(timeout=120)
    finally:
        command.kill()
        command.wait()
    assert command.returncode == 130
    assert rest.rstrip().endswith("The same command goes on from there.")
    assert psutil.wait_procs(processes, timeout=30)[1] == []


@pytest.mark.parametrize("kind", ["topologies", "hyperparameters"])
def test_without_images_it_says_where_it_looked(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VERIPIX_DATA", str(tmp_path / "nowhere"))
    monkeypatch.chdir(tmp_path)
    assert main(["search", kind]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("missing_data: Give the images with --data")
    assert "cifake/train.zip" in line
    assert not list(tmp_path.iterdir())


def test_a_process_that_fails_tells_why_and_so_does_the_command(
    place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    few = ["search", "topologies", "--validation-images", "4000", "--processes", "2"]
    assert main(few) == 1
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("too_few")]
    assert len(errors) == 2
