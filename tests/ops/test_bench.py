"""The benchmark judges by its bars and keeps its report where it belongs."""

from pathlib import Path

import pytest

from bench import __main__ as bench
from bench.model import ModelFigures
from bench.portal import PortalFigures

MODEL = ModelFigures(2.0, 3.0, 500.0, 250.0)
PORTAL = PortalFigures(30.0, 60.0, 90.0, {"web": 80.0, "web, worker 1": 100.0, "inference": 700.0})


def missed(model: ModelFigures, portal: PortalFigures) -> list[str]:
    return [words for is_met, words in bench.bars(model, {"embedded": portal}) if not is_met]


def test_every_bar_is_met() -> None:
    assert missed(MODEL, PORTAL) == []


def test_each_missed_bar_is_named_with_its_figure() -> None:
    model = ModelFigures(2.0, 4.1, 500.0, 250.0)
    portal = PortalFigures(30.0, 1200.0, 1500.0, {"web": 80.0, "web, worker 1": 201.0})
    assert missed(model, portal) == [
        "a heatmap at most doubles a prediction: 2.05 times",
        "one image within 1 s at the median, embedded: 1200 ms",
        "a web process stays within 200 MB, embedded: 201 MB",
    ]


def test_the_tables_hold_every_figure() -> None:
    tables = "\n".join(bench.portal_table({"embedded": PORTAL}, MODEL, 200, 60))
    assert "| 200 images by 4 clients, until the last verdict | 30.0 images/s |" in tables
    assert "| peak memory, web, worker 1 | 100 MB |" in tables
    assert "3.00 ms (1.50 times as long)" in "\n".join(bench.model_table(MODEL))


def test_a_report_replaces_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"# Before\n{bench.BEGIN}old\n{bench.END}after\n")
    monkeypatch.setattr(bench, "REPORT", page)
    bench.keep("new\n")
    bench.keep("newer\n")
    assert page.read_text() == f"# Before\n{bench.BEGIN}\nnewer\n\n{bench.END}after\n"
