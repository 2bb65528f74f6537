"""Judge images from a terminal, with the model and the rules of the portal."""

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from detection import image_files, ml_gateway
from detection.image_files import ImageRejected, Limits
from detection.management.champion import version_for_command
from detection.ml_gateway import GatewayError
from detection.models import ModelVersion, VerdictKind
from detection.services.judging import image_judge


class Command(BaseCommand):
    """Prints a line or a JSON object for each file."""

    help = "Judge image files: real photograph, AI-generated, or inconclusive."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take files and folders."""
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="file or folder")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument("--model", default="", metavar="NAME[:VERSION]")

    def handle(self, *args: Any, **options: Any) -> None:
        """Judge every file; exit with 1 if one of them could not be judged."""
        version = version_for_command(options["model"])
        _load(version)
        is_complete = True
        for path in _files(options["paths"]):
            answer = _judged(path, version)
            is_complete = is_complete and "error" not in answer
            self.stdout.write(json.dumps(answer) if options["json"] else _line(answer))
        if not is_complete:
            sys.exit(1)


def _load(version: ModelVersion) -> None:
    """Load the version before the first file, so that no file's time includes it."""
    try:
        ml_gateway.warm_up(version.directory, version.spec, threads=settings.INFERENCE_THREADS)
    except GatewayError as error:
        raise CommandError(f"{error.sentence} [{error.code}]") from error


def _files(paths: list[Path]) -> Iterator[Path]:
    """Yield files as named, and the files below folders that are named like images."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for below in sorted(path.rglob("*")):
            if below.is_file() and below.suffix.lower() in image_files.EXTENSIONS:
                yield below


def _judged(path: Path, version: ModelVersion) -> dict[str, Any]:
    """Return the answer for one file, or its error in the same place."""
    started = time.perf_counter()
    answer: dict[str, Any] = {"file": str(path)}
    try:
        answer |= _verdict(path, version)
    except (ImageRejected, GatewayError) as error:
        return answer | {"error": {"code": error.code, "message": error.sentence}}
    except OSError as error:
        message = f"The file cannot be read: {error.strerror}."
        return answer | {"error": {"code": "unreadable_file", "message": message}}
    answer["milliseconds"] = round(1000 * (time.perf_counter() - started), 1)
    return answer


def _verdict(path: Path, version: ModelVersion) -> dict[str, Any]:
    limits = Limits(settings.MAX_UPLOAD_BYTES, settings.MAX_PIXELS)
    with path.open("rb") as stream:
        inspected = image_files.inspect(stream, limits)
        stream.seek(0)
        content = stream.read()
    size = inspected.width, inspected.height
    judgement = image_judge(version=version, content=content, size=size, with_heatmap=False)
    return {
        "verdict": judgement.verdict.kind,
        "p_fake": round(judgement.answer.p_fake, 6),
        "in_domain": judgement.in_domain,
        "model": version.model.name,
        "version": version.number,
    }


def _line(answer: dict[str, Any]) -> str:
    file = _printable(answer["file"])
    if "error" in answer:
        return f"{file}: {answer['error']['message']} [{answer['error']['code']}]"
    label = VerdictKind(answer["verdict"]).label
    note = "" if answer["in_domain"] else ", not validated for this kind of image"
    return f"{file}: {label} ({100 * answer['p_fake']:.1f} % AI-generated{note})"


def _printable(name: str) -> str:
    """Escape what a file's name may hold and a terminal would obey or could not encode."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
