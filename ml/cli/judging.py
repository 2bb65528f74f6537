"""The commands that use models: `predict` files, `explain` one."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from ml import gradcam
from ml.cli.terminal import answer, tell
from ml.contract import ModelSpec, Prediction
from ml.errors import ArtifactError, ImageReadError
from ml.preprocessing import open_upright

if TYPE_CHECKING:
    from ml.inference import Detector

SHIPPED = Path(__file__).resolve().parent.parent / "pretrained" / "cifake-residual"
OVERLAY_SIDE = 512
OVERLAY_OPACITY = 0.5


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register this module's commands."""
    _add_predict(commands.add_parser("predict", help="P(FAKE) of image files"))
    _add_explain(commands.add_parser("explain", help="paint the evidence on one image"))


def _add_predict(predict: argparse.ArgumentParser) -> None:
    _add_model(predict)
    predict.add_argument("files", type=Path, nargs="+", metavar="FILE")
    predict.add_argument("--json", action="store_true", help="one object a line")
    predict.set_defaults(run=_predict)


def _add_explain(explain: argparse.ArgumentParser) -> None:
    _add_model(explain)
    explain.add_argument("file", type=Path, metavar="FILE")
    explain.add_argument("--out", type=Path, required=True, help="PNG to write")
    explain.set_defaults(run=_explain)


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", type=Path, default=SHIPPED, help="folder of the model")


def _predict(options: argparse.Namespace) -> int:
    detector = _detector(options)
    status = 0
    for path, result in zip(options.files, detector.predict(options.files), strict=True):
        if isinstance(result, ImageReadError):
            status = 1
        row = _row(path, result, detector.spec)
        answer(json.dumps(row) if options.json else _line(row))
    return status


def _explain(options: argparse.Namespace) -> int:
    detector = _detector(options)
    result = detector.predict([options.file])[0]
    if isinstance(result, ImageReadError):
        raise result
    _overlay(open_upright(options.file), result).save(options.out, "PNG")
    tell(_line(_row(options.file, result, detector.spec)))
    return 0


def _detector(options: argparse.Namespace) -> "Detector":
    from ml.inference import Detector

    return Detector.load(options.model)


def _row(path: Path, result: Prediction | ImageReadError, spec: ModelSpec) -> dict[str, Any]:
    if isinstance(result, ImageReadError):
        return {"file": str(path), "error": result.code, "sentence": result.sentence}
    return {
        "file": str(path),
        "p_fake": round(result.p_fake, 6),
        "logit": round(result.logit, 4),
        "in_domain": spec.in_domain(*open_upright(path).size),
        "model": spec.name,
    }


def _line(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"{row['file']}  {row['error']}: {row['sentence']}"
    doubt = "" if row["in_domain"] else "  (outside of the images the model was validated for)"
    return f"{row['file']}  P(FAKE) {row['p_fake']:.4f}{doubt}"


def _overlay(image: Image.Image, result: Prediction) -> Image.Image:
    """Lay the heatmap over the image, both brought to a size in which they can be seen."""
    if result.heatmap is None:
        raise ArtifactError("no_heatmap", "The model gave no heatmap.")
    scale = OVERLAY_SIDE / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    picture = image.resize(size, Image.Resampling.BICUBIC)
    return Image.blend(picture, gradcam.colourise(result.heatmap.values, size), OVERLAY_OPACITY)
