"""A model card tells the figures of its record, all of them, and none that was not measured."""

import dataclasses
import re
from typing import Any

import pytest

from ml.contract import (
    Bootstrap,
    Calibration,
    DataRecord,
    Domain,
    EpochReport,
    EvaluationRecord,
    ExplanationFigures,
    FalseAlarms,
    MapFigures,
    Metrics,
    ModelSpec,
    OperatingPoint,
    Preprocessing,
    Speed,
    TrainingConfig,
    TrainingRecord,
)
from ml.degradation import TIERS
from ml.modelcard import CIFAKE, render

CONFUSION = {"real_as_real": 88, "real_as_fake": 12, "fake_as_real": 7, "fake_as_fake": 9_093}


def metrics(start: float) -> Metrics:
    """Figures of which no two are the same."""
    names = [name for name in Metrics.__dataclass_fields__ if name not in ("n", "confusion")]
    shares: dict[str, Any] = {name: start + step / 1000 for step, name in enumerate(names)}
    return Metrics(n=9_200, confusion=CONFUSION, **shares)


@pytest.fixture
def record() -> EvaluationRecord:
    shares = {name: getattr(metrics(0.9), name) for name in Metrics.__dataclass_fields__}
    return EvaluationRecord(
        **shares,
        model="card",
        weights_sha256="ab",
        data="holdout.zip",
        data_sha256="cd",
        threshold=0.5,
        threshold_rule="set beforehand",
        split="test",
        images_per_second=1234.5,
        unreadable=("a.jpg: damaged",),
        deduplicated=metrics(0.8),
        bootstrap=Bootstrap({"accuracy": (0.8911, 0.9122)}, 1000, 0.95, 7),
        tiers={tier.name: metrics(0.5 + place / 10) for place, tier in enumerate(TIERS)},
        speed=Speed(1.25, 1.75, "2 cores", 0.4),
        seed=7,
        versions={"numpy": "2.4.6"},
    )


def card(
    record: EvaluationRecord | None,
    training: TrainingRecord | None = None,
    calibration: Calibration | None = None,
) -> str:
    spec = ModelSpec(
        name="card",
        architecture="tiny",
        architecture_options={},
        preprocessing=Preprocessing(),
        gradcam_layer="features",
        domain=Domain(32, 32, "Thumbnails."),
        calibration=calibration or Calibration(),
        weights_sha256="ab",
        evaluation=record,
        training=training,
    )
    return render(spec, CIFAKE)


def cells(text: str, title: str) -> list[list[str]]:
    """The cells of every table row with this title."""
    rows = re.findall(rf"^\| {re.escape(title)} \| (.*) \|$", text, re.MULTILINE)
    return [row.split(" | ") for row in rows]


def test_every_figure_of_both_columns_is_told(record: EvaluationRecord) -> None:
    text = card(record)
    titles = {"ece_uncalibrated": "ece before calibration"}
    titles |= {"selective_accuracy": "accuracy on the decided"}
    titles |= {"average_precision": "average precision"}
    titles |= {"recall_at_5_percent_fpr": "recall at 5 % false alarms"}
    titles |= {"false_alarms": "real images called AI-generated"}
    titles |= {"misses": "AI-generated images called real"}
    for name in Metrics.__dataclass_fields__.keys() - {"n", "confusion"}:
        expected = [f"{getattr(record, name):.4f}", f"{getattr(metrics(0.8), name):.4f}"]
        assert cells(text, titles.get(name, name)) == [expected]
    assert cells(text, "fake as fake") == [["9,093", "9,093"]]
    assert "1 could not be read" in text


def test_the_interval_says_how_it_was_made(record: EvaluationRecord) -> None:
    assert "With 95% confidence, over all of them: accuracy 0.8911 to 0.9122" in card(record)
    assert "1,000 resamples class by class, seed 7" in card(record)


def test_every_tier_is_a_row_beside_the_images_as_they_are(record: EvaluationRecord) -> None:
    text = card(record)
    assert cells(text, "as they are")[0][0] == f"{record.accuracy:.4f}"
    for tier in TIERS:
        (row,) = cells(text, tier.sentence)
        assert row[0] == f"{record.tiers[tier.name].accuracy:.4f}"
        assert row[4] == f"{record.tiers[tier.name].roc_auc:.4f}"


def test_speed_and_versions_are_told(record: EvaluationRecord) -> None:
    assert "1.25 ms, with heatmap 1.75 ms" in card(record)
    assert "2 cores, load average 0.4" in card(record)
    assert "numpy 2.4.6" in card(record)


def test_heatmaps_are_told_beside_maps_that_know_no_network(record: EvaluationRecord) -> None:
    found = ExplanationFigures(
        images=500,
        pairs=250,
        layer="features",
        map_size=(8, 8),
        seed=3,
        methods={"grad-cam": MapFigures(0.41, 0.82, 0.73, 0.04)},
        baselines={"sobel": MapFigures(0.6, 0.7)},
    )
    text = card(dataclasses.replace(record, explanation=found))
    assert cells(text, "grad-cam") == [["0.4100", "0.8200", "0.7300", "0.0400"]]
    assert cells(text, "sobel") == [["0.6000", "0.7000", "-", "-"]]
    assert "500 images and 250 half-replaced ones" in text


def test_only_the_test_part_is_called_sealed(record: EvaluationRecord) -> None:
    sealed = "The test images were used for these figures only."
    assert sealed in card(record)
    other = card(dataclasses.replace(record, split="validation"))
    assert sealed not in other
    assert "all of validation" in other


def test_what_was_not_measured_has_no_heading(record: EvaluationRecord) -> None:
    bare = dataclasses.replace(record, tiers={}, speed=None, bootstrap=None, deduplicated=None)
    text = card(bare)
    for absent in ("## Degraded", "## Heatmaps", "## Speed", "confidence", "without copies"):
        assert absent not in text
    assert "## Figures" not in card(None)


def test_a_model_that_decides_nothing_says_so(record: EvaluationRecord) -> None:
    silent = dataclasses.replace(record, selective_accuracy=None, deduplicated=None)
    assert cells(card(silent), "accuracy on the decided")[0] == ["none decided"]


def test_a_run_whose_first_epochs_have_no_figures_tells_those_of_the_kept_one() -> None:
    reports = [EpochReport(epoch, 9, 0.2, 0.1, 0.90, 0.1, epoch / 10, 5.0) for epoch in (7, 8, 9)]
    record = TrainingRecord(
        TrainingConfig(epochs=9),
        DataRecord("train.zip", 90, "ab", 10, "cd"),
        {"pytorch": "2.13.0"},
        tuple(reports),
        "averaged",
        kept_epoch=8,
        remark="Trained elsewhere.",
    )
    text = card(None, record)
    assert "9 of 9 epochs; averaged weights, 80.00% on validation." in text
    assert "Made with pytorch 2.13.0. Trained elsewhere.\n" in text


def test_the_bound_on_false_alarms_and_what_others_would_take_are_told() -> None:
    points = ((0.0, 0.99), (0.01, 0.75), (0.1, 0.2))
    table = FalseAlarms(300, tuple(OperatingPoint(*point) for point in points))
    text = card(None, calibration=Calibration(1.0, 0.4, 0.6, table))
    assert "is raised to 0.7500" in text
    assert "at most 1% of the 300 REAL validation images" in text
    assert cells(text, "1.00%") == [["3", "0.750000"]]
    assert cells(text, "10.00%") == [["30", "0.200000"]]
    wide = card(None, calibration=Calibration(1.0, 0.1, 0.9, table))
    assert "at most 1% of the 300 REAL validation images lie above\nthe upper end as it is." in wide
    assert "False alarms are bounded" not in card(None)
