"""All plots of one evaluation, and its classification report, in a folder that the user names."""

from collections.abc import Sequence
from pathlib import Path

from ml import plots
from ml.contract import CLASS_ORDER, EvaluationRecord, ModelSpec
from ml.evaluation.judging import Judged, Kept

__all__ = ["draw"]


def draw(judged: Judged, record: EvaluationRecord, spec: ModelSpec, folder: Path) -> list[Path]:
    """Write the plots of an evaluation and scikit-learn's report, and return their files.

    `history.png` needs a spec that tells how the weights came to be, `tiers.png` a record with
    tiers, `mistakes.png` at least one mistake. Two of the plots show images of the data set, so
    its licence decides where they may go.
    """
    p_fake, written = judged.p_fake(spec), []

    def to(name: str) -> Path:
        written.append(folder / name)
        return written[-1]

    if spec.training and spec.training.epochs:
        plots.history(spec.training.epochs, to("history.png"))
    plots.confusion(record, to("confusion.png"))
    plots.roc_and_pr(p_fake, judged.labels, record, spec.threshold, to("roc-and-pr.png"))
    plots.reliability(
        judged.logits, judged.labels, spec.calibration, to("reliability.png"), spec.threshold
    )
    if record.tiers:
        plots.tiers(record, to("tiers.png"))
    if judged.mistakes:
        _grid(judged.mistakes, spec, to("mistakes.png"), "The surest mistakes")
    _grid(judged.sample, spec, to("sample.png"), "A sample, mistakes in red")
    to("classification-report.txt").write_text(_report(judged, spec), encoding="utf-8")
    return written


def _report(judged: Judged, spec: ModelSpec) -> str:
    """Return scikit-learn's table of precision, recall and F1 of each class, with their means."""
    from sklearn.metrics import classification_report

    called = judged.p_fake(spec) >= spec.threshold
    return str(
        classification_report(
            judged.labels,
            called,
            labels=range(len(CLASS_ORDER)),
            target_names=CLASS_ORDER,
            digits=4,
            zero_division=0.0,
        )
    )


def _grid(kept: Sequence[Kept], spec: ModelSpec, path: Path, heading: str) -> None:
    called = [int(one.p_fake >= spec.threshold) for one in kept]
    titles = [
        f"is {CLASS_ORDER[one.label]}, called {CLASS_ORDER[told]}\nP(FAKE) {one.p_fake:.4f}"
        for one, told in zip(kept, called, strict=True)
    ]
    wrong = [one.label != told for one, told in zip(kept, called, strict=True)]
    plots.picture_grid([one.pixels for one in kept], titles, path, heading=heading, marked=wrong)
