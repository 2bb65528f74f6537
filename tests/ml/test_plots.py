"""Each plot is a PNG that shows what it was given, and none needs a display or shared state."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image

from ml import plots
from ml.contract import (
    Calibration,
    Domain,
    EpochReport,
    EvaluationRecord,
    Metrics,
    ModelSpec,
    Preprocessing,
)
from ml.evaluation import measure

Answers = tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8], Metrics]

EPOCHS = [
    EpochReport(number, 3, 0.9 / number, 0.5 / number, 0.8, 0.4 / number, 0.85, 9.0)
    for number in (1, 2, 3)
]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures behind the files, in the order of saving."""
    figures: list[Figure] = []
    written = Figure.savefig

    def savefig(figure: Figure, *args: Any, **options: Any) -> None:
        figures.append(figure)
        written(figure, *args, **options)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return figures


@pytest.fixture
def spec() -> ModelSpec:
    """A spec that takes logits as they are."""
    return ModelSpec(
        name="m",
        architecture="tiny",
        architecture_options={},
        preprocessing=Preprocessing(),
        gradcam_layer="features",
        domain=Domain(32, 32, "Thumbnails."),
        calibration=Calibration(),
        weights_sha256="",
    )


@pytest.fixture
def answers(spec: ModelSpec) -> Answers:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 200).astype(np.uint8)
    logits = np.where(labels == 1, 2.0, -2.0) + rng.standard_normal(400)
    return logits, labels, measure(logits, labels, spec)


def texts(figure: Figure) -> str:
    """Everything that is written on a figure."""
    return " ".join(str(item.get_text()) for item in figure.findobj(Text) if isinstance(item, Text))


def points(line: Line2D) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return np.asarray(line.get_xdata(), np.float64), np.asarray(line.get_ydata(), np.float64)


def is_picture(path: Path) -> bool:
    """Whether this is a PNG with something on it."""
    with Image.open(path) as picture:
        grey = np.asarray(picture.convert("L"))
        return picture.format == "PNG" and picture.width >= 400 and bool(np.ptp(grey) > 100)


def test_history_draws_a_point_per_epoch(tmp_path: Path, drawn: list[Figure]) -> None:
    plots.history(EPOCHS, tmp_path / "deep" / "history.png")
    assert is_picture(tmp_path / "deep" / "history.png")
    losses, accuracies = drawn[0].axes
    assert [points(line)[1].tolist() for line in losses.lines] == [
        [report.train_loss for report in EPOCHS],
        [report.validation_loss for report in EPOCHS],
        [report.averaged_loss for report in EPOCHS],
    ]
    assert len(accuracies.lines) == 2


def test_history_draws_the_training_accuracy_where_it_is_known(
    tmp_path: Path, drawn: list[Figure]
) -> None:
    known = [dataclasses.replace(report, train_accuracy=0.7) for report in EPOCHS]
    plots.history([EPOCHS[0], *known[1:]], tmp_path / "history.png")
    numbers, values = points(drawn[0].axes[1].lines[0])
    assert (numbers.tolist(), values.tolist()) == ([2, 3], [0.7, 0.7])


def test_confusion_tells_counts_and_shares(
    tmp_path: Path, drawn: list[Figure], answers: Answers
) -> None:
    metrics = dataclasses.replace(
        answers[2],
        confusion={"real_as_real": 30, "real_as_fake": 10, "fake_as_real": 5, "fake_as_fake": 1995},
    )
    plots.confusion(metrics, tmp_path / "confusion.png")
    assert is_picture(tmp_path / "confusion.png")
    found = [item.get_text() for item in drawn[0].axes[0].texts]
    assert found == ["30\n75.00%", "10\n25.00%", "5\n0.25%", "1,995\n99.75%"]


@pytest.mark.parametrize("hardness", [0.5, 6.0], ids=["easy", "hard"])
def test_the_curves_pass_through_the_threshold(
    tmp_path: Path, drawn: list[Figure], spec: ModelSpec, answers: Answers, hardness: float
) -> None:
    noise = np.random.default_rng(2).standard_normal(400)
    logits, labels = answers[0] + hardness * noise, answers[1]
    metrics = measure(logits, labels, spec)
    plots.roc_and_pr(
        Calibration().probability(logits), labels, metrics, 0.5, tmp_path / "roc-and-pr.png"
    )
    assert is_picture(tmp_path / "roc-and-pr.png")
    for axes in drawn[0].axes[:2]:
        curve, dot = axes.lines[-2:]
        (xs, ys), (x, y) = points(curve), points(dot)
        assert np.hypot(xs - x, ys - y).min() < 0.02


def test_reliability_shows_both_errors(
    tmp_path: Path, drawn: list[Figure], spec: ModelSpec, answers: Answers
) -> None:
    logits, labels, _ = answers
    calibration = Calibration(0.4)
    plots.reliability(logits, labels, calibration, tmp_path / "reliability.png")
    assert is_picture(tmp_path / "reliability.png")
    metrics = measure(logits, labels, dataclasses.replace(spec, calibration=calibration))
    assert f"Before calibration, error {metrics.ece_uncalibrated:.4f}" in texts(drawn[0])
    assert f"After calibration, error {metrics.ece:.4f}" in texts(drawn[0])


def test_tiers_are_told_in_words_beside_the_images_as_they_are(
    tmp_path: Path, drawn: list[Figure], answers: Answers
) -> None:
    shares = {name: getattr(answers[2], name) for name in Metrics.__dataclass_fields__}
    record = EvaluationRecord(
        **{**shares, "accuracy": 0.9123},
        model="m",
        weights_sha256="",
        data="d",
        data_sha256="",
        threshold=0.5,
        images_per_second=1.0,
        tiers={"jpeg_q40": dataclasses.replace(answers[2], accuracy=0.3333)},
    )
    plots.tiers(record, tmp_path / "tiers.png")
    assert is_picture(tmp_path / "tiers.png")
    shown = texts(drawn[0])
    for text in ("as they are", "JPEG quality 40", "0.9123", "0.3333"):
        assert text in shown
    assert drawn[0].axes[0].get_xlim()[0] <= 0.3, "a bar below chance is not cut off"


@pytest.mark.parametrize("count", [1, 6, 7])
def test_a_grid_shows_every_picture_under_its_title(
    tmp_path: Path, drawn: list[Figure], count: int
) -> None:
    pictures = [np.full((8, 8, 3), 10 * number, np.uint8) for number in range(count)]
    titles = [f"number {number}" for number in range(count)]
    marked = [number == 0 for number in range(count)]
    plots.picture_grid(pictures, titles, tmp_path / "g.png", heading="All", marked=marked)
    shown = [axes for axes in drawn[0].axes if axes.images]
    assert [axes.get_title() for axes in shown] == titles
    for axes, picture in zip(shown, pictures, strict=True):
        assert (np.asarray(axes.images[0].get_array()) == picture).all()
    assert shown[0].title.get_color() == plots.FAKE
    assert all(axes.title.get_color() == plots.INK for axes in shown[1:])


def test_nothing_is_left_in_shared_state(tmp_path: Path) -> None:
    from matplotlib import _pylab_helpers

    plots.history(EPOCHS, tmp_path / "history.png")
    assert _pylab_helpers.Gcf.get_all_fig_managers() == []
