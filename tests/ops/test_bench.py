"""The benchmark judges by its bars and keeps its report where it belongs."""

import dataclasses
import json
import math
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench.fits import SIZES, PhotoBench
from bench.model import LoopFigures, ModelFigures, RuntimeFigures
from bench.photo import bars as photo_bars
from bench.photo import table as photo_table
from bench.portal import PortalFigures
from bench.retraining import RetrainingFigures
from bench.training import TrainingFigures
from bench.views import ViewsFigures
from bench.views import bars as views_bars
from bench.views import read as read_views
from bench.views import table as views_table

TRAINING = TrainingFigures(97.0, 100.0)
RETRAINING = RetrainingFigures(60.0, 400.0, 900.0, 80.0)
PEAKS = {"web": 80.0, "web, worker 1": 100.0, "inference": 150.0}
PORTAL = PortalFigures(30.0, 60.0, 90.0, PEAKS, 3.0, 1.2)


def model(
    *, explained: float = 1.2, by_keras: float = 60.0, through: float = 900.0
) -> ModelFigures:
    """Figures that meet every bar, but for those that a test changes."""
    return ModelFigures(
        {
            "litert": RuntimeFigures(0.4, 1.0, explained, 1000.0, 70.0),
            "tensorflow": RuntimeFigures(6.0, 2.0, 2.5, 900.0, 700.0),
            "keras": RuntimeFigures(6.5, 40.0, 60.0, 800.0, 710.0),
        },
        LoopFigures(through, 1000.0, 500.0),
    )


def missed(
    model: ModelFigures,
    portal: PortalFigures,
    training: TrainingFigures = TRAINING,
    retraining: RetrainingFigures = RETRAINING,
) -> list[str]:
    judged = bench.bars(model, training, retraining, {"embedded": portal})
    return [words for is_met, words in judged if not is_met]


def test_every_bar_is_met() -> None:
    assert missed(model(), PORTAL) == []


def test_each_missed_bar_is_named_with_its_figure() -> None:
    slow = model(explained=2.05, through=890.0)
    peaks = {"web": 80.0, "web, worker 1": 201.0, "inference": 701.0}
    portal = PortalFigures(30.0, 1200.0, 1500.0, peaks, 5.2, 2.04)
    starved = RetrainingFigures(60.0, 3001.0, 9000.0, 80.0)
    assert missed(slow, portal, TrainingFigures(94.0, 100.0), starved) == [
        "a heatmap at most doubles a prediction: 2.05 times",
        "one image with heatmap in 1/40 of the time of plain Keras: 1/29",
        "batches of 64 reach 0.9 of the bare interpreter's throughput: 0.89",
        "training keeps at least 0.95 of the speed of a bare `fit`: 0.940",
        "one image within 3 s at the median while a run trains: 3001 ms",
        "one image within 1 s at the median, embedded: 1200 ms",
        "a web process stays within 200 MB, embedded: 201 MB",
        "the inference worker stays within 200 MB, embedded: 701 MB",
        "a new worker's first verdict comes within 5 s, embedded: 5.2 s",
        "the PDF of one analysis in 2 s, embedded: 2.04 s",
    ]


def test_the_tables_hold_every_figure() -> None:
    portal = "\n".join(bench.portal_table({"embedded": PORTAL}, model(), 200, 60))
    assert "| 200 images by 4 clients, until the last verdict | 30.0 images/s |" in portal
    assert "| the same model called bare on the same files | 500 images/s |" in portal
    assert "| new inference worker, process start to first verdict | 3.0 s |" in portal
    assert "| the PDF of one analysis, asked for until there | 1.20 s |" in portal
    assert "| peak memory, web, worker 1 | 100 MB |" in portal
    training = "\n".join(bench.training_table(TRAINING))
    assert "| a bare `fit` on arrays in memory | 100.0 images/s |" in training
    retraining = "\n".join(bench.retraining_table(RETRAINING))
    assert "| the same while a run trains | 400 ms |" in retraining
    alone = "\n".join(bench.model_table(model()))
    assert "| LiteRT (serves) | 0.4 s | 1.00 ms | 1.20 ms | 1000 images/s | 70 MB |" in alone
    assert "| the same batches through the bare interpreter | 1000 images/s |" in alone


def test_a_report_replaces_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"# Before\n{bench.BEGIN}old\n{bench.END}after\n")
    monkeypatch.setattr(bench, "REPORT", page)
    bench.keep("new\n")
    bench.keep("newer\n")
    assert page.read_text() == f"# Before\n{bench.BEGIN}\nnewer\n\n{bench.END}after\n"


def test_fits_to_photographs_without_times_are_not_judged_by_them() -> None:
    found = PhotoBench(
        auc=dict.fromkeys(SIZES, 0.9),
        recall=dict.fromkeys(SIZES, 0.6),
        others={"site2": 0.61, "site3": 0.85},
        left_out={"site2": 0.5},
        categories={"city": 0.8},
        ece=0.02,
        ece_plain=0.05,
        kept=0.95,
        strangers={"faces": 1.0, "site2": 0.2},
        megapixels_seconds=0.6,
        fit_seconds=200.0,
    )
    missed = [words for is_met, words in photo_bars(found) if not is_met]
    assert missed == [
        "12 megapixels within 0.5 s on one core: 0.60 s",
        "300 pictures within 3 minutes: 200 s",
    ]
    untimed = dataclasses.replace(found, megapixels_seconds=math.nan, fit_seconds=math.nan)
    assert len(photo_bars(untimed)) == len(photo_bars(found)) - 2
    assert all(is_met for is_met, _ in photo_bars(untimed))
    assert "nan" not in "\n".join(photo_table(untimed))


VIEWS = ViewsFigures(0.01, 1.2, {"read": 0.2, "noise": 0.1}, 900.0, 320.0)


def test_findings_and_views_have_one_bar_together() -> None:
    ((is_met, words),) = views_bars(VIEWS)
    assert is_met
    assert words == "findings and views of 12 megapixels within 2.5 s on one core: 1.21 s"
    assert not views_bars(dataclasses.replace(VIEWS, findings=1.4))[0][0]
    assert "| of these: noise | 100 ms |" in views_table(VIEWS)


def test_figures_of_views_come_back_from_their_process() -> None:
    assert read_views(json.dumps(dataclasses.asdict(VIEWS))) == VIEWS
