"""The command that judges: `predict` what files are."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.cli.terminal import answer
from ml.contract import ModelSpec, Prediction
from ml.errors import ImageReadError
from ml.preprocessing import open_upright

if TYPE_CHECKING:
    from ml.inference import AnyDetector

SHIPPED = Path(__file__).resolve().parent.parent / "pretrained" / "cifake-residual"


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register this module's command."""
    _add_predict(commands.add_parser("predict", help="P(FAKE) of image files"))


def _add_predict(predict: argparse.ArgumentParser) -> None:
    _add_model(predict)
    predict.add_argument("files", type=Path, nargs="+", metavar="FILE")
    predict.add_argument("--json", action="store_true", help="one object a line")
    predict.set_defaults(run=_predict)


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", type=Path, default=SHIPPED, help="folder of the model")


def _predict(options: argparse.Namespace) -> int:
    detector = _detector(options)
    status = 0
    results = detector.predict(options.files, with_heatmap=False)
    for path, result in zip(options.files, results, strict=True):
        if isinstance(result, ImageReadError):
            status = 1
        row = row_of(path, result, detector.spec)
        answer(json.dumps(row) if options.json else line_of(row))
    return status


def _detector(options: argparse.Namespace) -> "AnyDetector":
    from ml.inference import load

    return load(options.model)


def row_of(path: Path, result: Prediction | ImageReadError, spec: ModelSpec) -> dict[str, Any]:
    """Return what is told of a file, ready for JSON."""
    if isinstance(result, ImageReadError):
        return {"file": str(path), "error": result.code, "sentence": result.sentence}
    size = open_upright(path).size
    is_novel = result.novelty is not None and result.novelty > 1
    row: dict[str, Any] = {
        "file": str(path),
        "p_fake": round(result.p_fake, 6),
        "logit": round(result.logit, 4),
        "in_domain": spec.in_domain(*size) and not is_novel,
        "model": spec.name,
    }
    if result.novelty is not None:
        row["novelty"] = round(result.novelty, 4)
    if spec.track == "photo":
        row["doubts"] = list(_doubts(result, size, spec))
        row["verdict"] = "inconclusive" if row["doubts"] else _verdict(result.p_fake, spec)
    return row


def _verdict(p_fake: float, spec: ModelSpec) -> str:
    if p_fake >= spec.calibration.band_high:
        return "likely AI-generated"
    return "likely real" if p_fake <= spec.calibration.band_low else "inconclusive"


def _doubts(result: Prediction, size: tuple[int, int], spec: ModelSpec) -> Iterator[str]:
    """Yield why a model's number says nothing of a picture of this upright size."""
    if not spec.in_domain(*size):
        yield f"it has {size[0]} x {size[1]} pixels, and the model was {_validated(spec)}"
    if result.novelty is not None and result.novelty > 1:
        yield (
            "it is unlike the pictures that the model was fitted to "
            f"(novelty {result.novelty:.2f}; above 1 is unlike)"
        )


def _validated(spec: ModelSpec) -> str:
    if spec.domain.shorter_sides is None:
        return f"validated for {spec.domain.width} x {spec.domain.height}"
    low, high = spec.domain.shorter_sides
    return f"validated for shorter sides of {low if low == high else f'{low} to {high}'}"


def line_of(row: dict[str, Any]) -> str:
    """Return the same as a line for people."""
    if "error" in row:
        return f"{row['file']}  {row['error']}: {row['sentence']}"
    if row.get("doubts"):
        return f"{row['file']}  {row['verdict']}: {'; '.join(row['doubts'])}"
    if "verdict" in row:
        return f"{row['file']}  {row['verdict']}  P(FAKE) {row['p_fake']:.4f}"
    doubt = "" if row["in_domain"] else "  (outside of the images the model was validated for)"
    return f"{row['file']}  P(FAKE) {row['p_fake']:.4f}{doubt}"
