"""The command that explains: it paints the evidence on one image, or checks the methods."""

import argparse
from pathlib import Path

from PIL import Image

from ml.cli.judging import SHIPPED, line_of, row_of
from ml.cli.places import data_set
from ml.cli.terminal import answer, tell
from ml.contract import ContractError, ExplanationFigures, Prediction
from ml.errors import ArtifactError, ImageReadError
from ml.explanation import METHODS, check_method
from ml.heatmaps import colourise
from ml.preprocessing import open_upright
from ml.quiet import import_tensorflow

OVERLAY_SIDE = 512
OVERLAY_OPACITY = 0.5
IMAGES = 500
COLUMNS = ("deletion_auc", "insertion_auc", "pointing_game", "randomised_correlation")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register this module's command."""
    explain = commands.add_parser("explain", help="paint the evidence on one image, or check maps")
    explain.add_argument("file", type=Path, nargs="?", metavar="FILE")
    explain.add_argument("--model", type=Path, default=SHIPPED, help="folder of the model")
    explain.add_argument("--out", type=Path, help="PNG to write")
    explain.add_argument(
        "--method",
        action="append",
        default=[],
        help=f"one of {', '.join(METHODS)}; --check takes several, or all when none is given; "
        "a model of the photo track has one of its own",
    )
    check = explain.add_argument_group("check the methods instead, on labelled images")
    check.add_argument("--check", action="store_true")
    check.add_argument(
        "--data",
        type=Path,
        help="folder or zip; cifake/test.zip below VERIPIX_DATA where it is not given",
    )
    check.add_argument("--images", type=int, default=IMAGES, help="how many, of both classes")
    check.add_argument("--json", action="store_true", help="the figures as one object")
    check.add_argument("--keep", action="store_true", help="write them into the model and its card")
    explain.set_defaults(run=_explain)


def _explain(options: argparse.Namespace) -> int:
    if options.check:
        for method in options.method:
            check_method(method)
        return _check(options)
    if options.file is None or options.out is None or len(options.method) > 1:
        raise ContractError(
            "wrong_arguments",
            "Give a FILE, --out PNG and at most one --method, or --check. Received: "
            f"FILE {options.file}, --out {options.out}, --method {options.method}.",
        )
    return _paint(options)


def _paint(options: argparse.Namespace) -> int:
    from ml.inference import load

    detector = load(options.model)
    result = detector.predict([options.file], method=(options.method or detector.methods)[0])[0]
    if isinstance(result, ImageReadError):
        raise result
    _overlay(open_upright(options.file), result).save(options.out, "PNG")
    tell(line_of(row_of(options.file, result, detector.spec)))
    tell(f"wrote {options.out}")
    return 0


def _overlay(image: Image.Image, result: Prediction) -> Image.Image:
    """Lay the heatmap over the image, both brought to a size in which they can be seen."""
    if result.heatmap is None:
        raise ArtifactError("no_heatmap", "The model gave no heatmap.")
    scale = OVERLAY_SIDE / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    picture = image.resize(size, Image.Resampling.BICUBIC)
    painted = colourise(result.heatmap.values, size).convert("RGB")
    return Image.blend(picture, painted, OVERLAY_OPACITY)


def _check(options: argparse.Namespace) -> int:
    import_tensorflow()  # The fresh networks need it; first of all, so that it keeps silent.
    from ml import datasets, explanation_checks
    from ml.inference import Detector
    from ml.publishing import keep_explanation, published_record

    data = data_set(options.data, "cifake", "test.zip")
    detector = Detector.load(options.model)
    if options.keep:
        published_record(detector.spec)  # Told now, and not after all the work.
    images = datasets.load(data, detector.spec.preprocessing, limit=options.images)
    figures = explanation_checks.explanation_figures(
        detector.runtime,
        detector.spec,
        images,
        randomised=explanation_checks.untrained(detector.spec),
        methods=options.method or METHODS,
        progress=lambda done, count: tell(f"checked {done} of {count} kinds of map"),
    )
    if options.keep:
        keep_explanation(options.model, figures)
    answer(figures.to_json() if options.json else _table(figures))
    return 0


def _table(figures: ExplanationFigures) -> str:
    """Return the figures as lines for people, one for each kind of map."""
    titles = "".join(f"{title.replace('_', ' '):>24}" for title in COLUMNS)
    rows = [f"{figures.images} images, {figures.pairs} half-replaced", f"{'':12}{titles}"]
    for name, found in (figures.methods | figures.baselines).items():
        values = [getattr(found, column) for column in COLUMNS]
        cells = ["-" if value is None else f"{value:.3f}" for value in values]
        rows.append(f"{name:12}" + "".join(f"{cell:>24}" for cell in cells))
    return "\n".join(rows)
