"""A search trains each topology once, the same way whatever interrupts it, and keeps the winner."""

import csv
import dataclasses
import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ml import datasets
from ml.artifacts import load_network
from ml.contract import EpochReport, Preprocessing, StepReport, TrainingConfig
from ml.datasets import LabelledImages
from ml.errors import TrainingError
from ml.search import ranking, report
from ml.search.grid import Topology
from ml.search.ledger import Ledger
from ml.search.outcome import Outcome
from ml.search.plan import Budget
from ml.search.ranking import Row
from ml.search.topologies import configuration, search
from tests.data import ROOT
from tests.ml.conftest import jpeg

SIDE = 24
FIRST = (Topology(1, 4), Topology(2, 4))
HEADS = ((1, 4), (1, 8), (2, 4))
CONFIG = dataclasses.replace(
    configuration(Budget(images=None, validation_images=40, epochs=2), seed=7), batch_size=16
)


def second(base: Topology) -> Sequence[Topology]:
    return [Topology(base.conv_layers, base.filters, layers, units) for layers, units in HEADS]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of 60 images of each class, large enough for three convolutions."""
    path = tmp_path_factory.mktemp("data") / "patches.zip"
    rng = np.random.default_rng(3)
    with zipfile.ZipFile(path, "w") as file:
        for label, name in enumerate(("REAL", "FAKE")):
            for index in range(60):
                pixels = rng.integers(40, 180, (SIDE, SIDE, 3))
                pixels[..., 0 if label else 2] += 60
                file.writestr(f"{name}/{index:02}.jpg", jpeg(pixels.astype(np.uint8)))
    return path


@pytest.fixture(scope="module")
def patches(archive: Path) -> LabelledImages:
    return datasets.load(archive, Preprocessing(SIDE, SIDE))


class Diary:
    """Notes the epochs that were trained."""

    def __init__(self) -> None:
        self.epochs: list[tuple[str, int]] = []

    def note(self, name: str, report: EpochReport | StepReport) -> None:
        if isinstance(report, EpochReport):
            self.epochs.append((name, report.epoch))


def run(
    images: LabelledImages, out_dir: Path, config: TrainingConfig = CONFIG
) -> tuple[tuple[Row, ...], Diary]:
    diary = Diary()
    rows = search(images, config, out_dir, first=FIRST, second=second, progress=diary.note)
    assert rows is not None
    return rows, diary


@pytest.fixture(scope="module")
def finished(patches: LabelledImages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a search that nothing interrupted."""
    path = tmp_path_factory.mktemp("searches") / "whole"
    rows, diary = run(patches, path)
    assert len(rows) == len(FIRST) + len(HEADS)
    assert len(diary.epochs) == len(set(diary.epochs)) == 2 * len(rows)
    return path


def figures(out_dir: Path) -> dict[str, list[float]]:
    """The validation losses of each topology, by epoch."""
    return {
        name: [epoch.validation_loss for epoch in row.outcome.epochs]
        for name, row in Ledger(out_dir / "trials", Row).items()
    }


def test_the_heads_stand_on_one_convolutional_part(finished: Path) -> None:
    rows = [row for _, row in Ledger(finished / "trials", Row).items()]
    first = [row for row in rows if row.topology.stage == 1]
    chosen = ranking.base(first, validation_images=40)
    assert chosen
    assert {row.topology for row in rows if row.topology.stage == 2} == set(second(chosen.topology))


def row(topology: Topology, accuracy: float | None) -> Row:
    """A trial of one epoch with this accuracy, or one that failed."""
    if accuracy is None:
        return Row(topology, topology.parameters(), Outcome("failed", "No room.", ()))
    loss = 1 - accuracy
    epoch = EpochReport(1, 1, loss, loss, accuracy, loss, accuracy, seconds=1.0)
    return Row(topology, topology.parameters(), Outcome("finished", "", (epoch,)))


def test_of_what_cannot_be_told_apart_heads_are_put_on_the_one_with_fewest_features() -> None:
    rows = [
        row(Topology(1, 128), 0.8065),
        row(Topology(3, 128), 0.8005),
        row(Topology(3, 64), 0.7925),
        row(Topology(3, 16), None),
    ]
    # One standard error is 0.9 points at 2,000 images and 0.2 at 40,000.
    near, far = ranking.base(rows, 2_000), ranking.base(rows, 40_000)
    assert near
    assert far
    assert (near.topology, far.topology) == (Topology(3, 128), Topology(1, 128))
    assert ranking.base(rows[-1:], 2_000) is None


def test_a_finished_search_is_not_done_again(finished: Path, patches: LabelledImages) -> None:
    rows, diary = run(patches, finished)
    assert diary.epochs == []
    assert len(rows) == len(FIRST) + len(HEADS)


def test_the_winner_is_a_model_and_no_checkpoint_is_left(
    finished: Path, patches: LabelledImages
) -> None:
    rows, _ = run(patches, finished)
    spec, network = load_network(finished / "winner")
    assert spec.name == rows[0].topology.name
    assert network.count_params() == rows[0].parameters
    assert not spec.flip_averaging
    assert not (finished / "runs").exists()


def test_results_are_ranked_in_every_form(finished: Path) -> None:
    rows = report.write(finished)
    stored = json.loads((finished / "results.json").read_text())
    accuracies = [row["accuracy"] for row in stored["rows"]]
    assert accuracies == sorted(accuracies, reverse=True)
    assert [row["rank"] for row in stored["rows"]] == [1, 2, 3, 4, 5]
    assert stored["winner"] == stored["rows"][0]["topology"] == rows[0].topology.name
    assert stored["data"]["train_images"] == 80
    with (finished / "results.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [line["topology"] for line in table] == [row.topology.name for row in rows]
    assert len((finished / "results.md").read_text().splitlines()) == 2 + 5
    with Image.open(finished / "results.png") as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 50


# Trains in a process of its own, and tells each epoch at once.
PROCESS = """
import sys
from pathlib import Path
from ml import datasets
from ml.contract import EpochReport, Preprocessing
from ml.search.topologies import search
from tests.ml.test_search_topologies import CONFIG, FIRST, SIDE, second

def tell(name, report):
    if isinstance(report, EpochReport):
        print(name, report.epoch, flush=True)

images = datasets.load(Path(sys.argv[1]), Preprocessing(SIDE, SIDE))
search(images, CONFIG, Path(sys.argv[2]), first=FIRST, second=second, progress=tell)
"""


def process(archive: Path, out_dir: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(archive), str(out_dir)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_search_killed_in_a_trial_goes_on_in_that_trial(
    archive: Path, patches: LabelledImages, finished: Path, tmp_path: Path
) -> None:
    worker = process(archive, tmp_path)
    assert worker.stdout
    told = [worker.stdout.readline().split() for _ in range(3)]
    worker.kill()  # after the first epoch of the second trial
    worker.communicate()
    _, diary = run(patches, tmp_path)
    done = {(name, int(epoch)) for name, epoch in told}
    assert done.isdisjoint(diary.epochs)
    whole = figures(finished)
    assert figures(tmp_path).keys() == whole.keys()
    for name, losses in figures(tmp_path).items():
        np.testing.assert_allclose(losses, whole[name], rtol=1e-4)


def test_two_processes_train_no_topology_twice(
    archive: Path, finished: Path, tmp_path: Path
) -> None:
    workers = process(archive, tmp_path), process(archive, tmp_path)
    outputs = [worker.communicate()[0].splitlines() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    epochs = [line for output in outputs for line in output]
    assert len(epochs) == len(set(epochs)) == 2 * (len(FIRST) + len(HEADS))
    assert figures(tmp_path).keys() == figures(finished).keys()
    assert (tmp_path / "winner" / "spec.json").is_file()


def test_a_topology_that_cannot_be_built_is_a_row_with_its_reason(
    patches: LabelledImages, tmp_path: Path
) -> None:
    rows = search(
        patches,
        dataclasses.replace(CONFIG, epochs=1),
        tmp_path,
        first=(Topology(1, 4), Topology(1, 0)),
        second=lambda base: [],
    )
    assert rows is not None
    last = rows[-1]
    assert (last.topology, last.outcome.status, last.outcome.best) == (
        Topology(1, 0),
        "failed",
        None,
    )
    assert last.outcome.reason == "filters must be at least 1. Received: 0."
    assert report.write(tmp_path)[0].outcome.status == "finished"
    table = (tmp_path / "results.md").read_text().splitlines()
    assert table[-1].endswith("| failed: filters must be at least 1. Received: 0. |")


def test_where_every_topology_diverges_the_rows_say_so_and_the_search_ends(
    patches: LabelledImages, tmp_path: Path
) -> None:
    wild = dataclasses.replace(CONFIG, peak_learning_rate=1e30)
    with pytest.raises(TrainingError) as caught:
        search(patches, wild, tmp_path, first=FIRST, second=second)
    assert caught.value.code == "no_finished_trial"
    rows = dict(Ledger(tmp_path / "trials", Row).items())
    assert set(rows) == {shape.name for shape in FIRST}
    assert {row.outcome.status for row in rows.values()} == {"diverged"}
    assert all("finite" in row.outcome.reason for row in rows.values())


def test_a_stop_keeps_what_was_finished(patches: LabelledImages, tmp_path: Path) -> None:
    diary = Diary()
    stopped = search(
        patches,
        CONFIG,
        tmp_path,
        first=FIRST,
        second=second,
        progress=diary.note,
        should_stop=lambda: len(diary.epochs) == 3,
    )
    assert stopped is None
    assert len(Ledger(tmp_path / "trials", Row).items()) == 1
    assert len(list((tmp_path / "runs").glob("*/checkpoint.npz"))) == 2


@pytest.mark.parametrize("change", [{"epochs": 3}, {"seed": 8}])
def test_a_folder_belongs_to_one_plan(
    finished: Path, patches: LabelledImages, change: dict[str, Any]
) -> None:
    (name,) = change
    with pytest.raises(TrainingError, match=name) as caught:
        run(patches, finished, dataclasses.replace(CONFIG, **change))
    assert caught.value.code == "search_changed"
