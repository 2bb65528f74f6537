"""Judge images from a terminal, with the model and the rules of the portal."""

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from detection import image_files, ml_gateway
from detection.findings import Finding
from detection.image_files import ImageRejected, Limits
from detection.management.champion import version_for_command
from detection.management.queued import Left, queued_answers
from detection.ml_gateway import GatewayError
from detection.models import Certainty, ModelVersion, Track, VerdictKind
from detection.models.judged import FILE_CODES
from detection.services.evidence import file_examine
from detection.services.judging import Examined, faces_judge, image_judge
from detection.services.signatures import version_verify
from detection.services.storage import StorageUnavailable
from detection.verdicts import Verdict, decide, opinion_without_model


@dataclass(frozen=True, slots=True)
class _Judges:
    """Who looks at thumbnails, at photographs and at faces; nobody where there is `None`."""

    version: ModelVersion
    photo: ModelVersion | None
    face: ModelVersion | None


class Command(BaseCommand):
    """Prints a line or a JSON object for each file."""

    help = "Judge image files: real photograph, AI-generated, or inconclusive."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take files and folders."""
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="file or folder")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument("--model", default="", metavar="NAME[:VERSION]")
        parser.add_argument("--no-faces", action="store_true", help="do not look for faces")
        parser.add_argument(
            "--queue", action="store_true", help="hand them in as a batch, for the workers to judge"
        )
        parser.add_argument("--user", default="", metavar="EMAIL", help="whose batch it is")

    def handle(self, *args: Any, **options: Any) -> None:
        """Judge every file; exit with 1 if one of them could not be judged."""
        answers = self._queued(options) if options["queue"] else _here(options)
        is_complete = True
        for answer in answers:
            is_complete = is_complete and "error" not in answer
            self.stdout.write(json.dumps(answer) if options["json"] else _line(answer))
        if not is_complete:
            sys.exit(1)

    def _queued(self, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the answers of the workers; once all is handed in, Ctrl-C leaves them to it."""
        if options["model"]:
            raise CommandError("The workers answer with the champion: leave --model out.")
        try:
            yield from queued_answers(
                paths=list(_files(options["paths"])),
                email=options["user"],
                with_faces=not options["no_faces"],
                told=self.stderr,
            )
        except Left:
            sys.exit(130)


def _here(options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the answers of this very process."""
    judges = _judges(options["model"], with_faces=not options["no_faces"])
    for path in _files(options["paths"]):
        yield _judged(path, judges)


def _judges(label: str, *, with_faces: bool) -> _Judges:
    """Return who looks: the version that was asked for, or the champions as in the portal."""
    version = version_for_command(label)
    photo = version if label else ModelVersion.objects.champion_of(Track.PHOTO)
    _load(version)
    if photo is not None and photo != version:
        _load(photo)
    face = ModelVersion.objects.champion_of(Track.FACE) if with_faces else None
    return _Judges(version, photo, face)


def _load(version: ModelVersion) -> None:
    """Load the version before the first file, so that no file's time includes it."""
    try:
        version_verify(version=version)
        ml_gateway.warm_up(version.directory, version.spec, threads=settings.INFERENCE_THREADS)
    except (GatewayError, StorageUnavailable) as error:
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


def _judged(path: Path, judges: _Judges) -> dict[str, Any]:
    """Return the answer for one file, or its error in the same place."""
    started = time.perf_counter()
    answer: dict[str, Any] = {"file": str(path)}
    try:
        answer |= _verdict(path, judges)
    except (ImageRejected, GatewayError) as error:
        return answer | {"error": {"code": error.code, "message": error.sentence}}
    except OSError as error:
        message = f"The file cannot be read: {error.strerror}."
        return answer | {"error": {"code": "unreadable_file", "message": message}}
    answer["milliseconds"] = round(1000 * (time.perf_counter() - started), 1)
    return answer


def _verdict(path: Path, judges: _Judges) -> dict[str, Any]:
    limits = Limits(settings.MAX_UPLOAD_BYTES, settings.MAX_PIXELS)
    with path.open("rb") as stream:
        inspected = image_files.inspect(stream, limits)
        stream.seek(0)
        content = stream.read()
    size = inspected.width, inspected.height
    version = judges.photo if Track.of_size(*size) == Track.PHOTO else judges.version
    said = file_examine(content=content, format=inspected.format, size=size).findings
    verdict = (
        _without_model(size, said) if version is None else _of_image(version, content, size, said)
    )
    verdict["findings"] = [finding.as_json() for finding in said]
    # Looking for faces loads TensorFlow: only where one would be large enough.
    if judges.face is not None and ml_gateway.may_hold_face(*size):
        verdict |= _faces(judges.face, content, size)
    return verdict


def _of_image(
    version: ModelVersion, content: bytes, size: tuple[int, int], said: Sequence[Finding]
) -> dict[str, Any]:
    judgement = image_judge(version=version, file=Examined(content, size, said), with_heatmap=False)
    return {
        **_told_of(judgement.verdict),
        "p_fake": round(judgement.answer.p_fake, 6) if judgement.is_shown else None,
        "in_domain": judgement.in_domain,
        "model": version.model.name,
        "version": version.number,
    }


def _without_model(size: tuple[int, int], said: Sequence[Finding]) -> dict[str, Any]:
    nothing = dict.fromkeys(("p_fake", "model", "version"))
    return (
        _told_of(decide(opinion_without_model(), said, size=size)) | {"in_domain": False} | nothing
    )


def _told_of(verdict: Verdict) -> dict[str, Any]:
    first = verdict.reasons[0]
    return {
        "verdict": verdict.kind,
        "certainty": verdict.certainty,
        "reason": first.code,
        "sentence": first.sentence,
    }


def _faces(version: ModelVersion, content: bytes, size: tuple[int, int]) -> dict[str, Any]:
    """Return the faces from left to right, each in the square that was looked at."""
    judged = faces_judge(version=version, content=content, size=size, with_heatmap=False)
    faces = [
        {
            **{name: getattr(one.answer, name) for name in ("left", "top", "width", "height")},
            "confidence": round(one.answer.confidence, 4),
            "verdict": one.verdict.kind,
            "p_fake": round(one.answer.p_fake, 6),
            "in_domain": one.in_domain,
        }
        for one in judged
    ]
    return {"faces": faces, "face_model": version.model.name, "face_version": version.number}


def _line(answer: dict[str, Any]) -> str:
    file = _printable(answer["file"])
    if "error" in answer:
        return f"{file}: {answer['error']['message']} [{answer['error']['code']}]"
    lines = [f"{file}: {_told(answer)}"]
    for number, face in enumerate(answer.get("faces", ()), start=1):
        place = f"{face['width']}x{face['height']} at {face['left']},{face['top']}"
        lines.append(f"    face {number} ({place}): {_told(face)}")
    return "\n".join(lines)


def _told(judged: dict[str, Any]) -> str:
    label = VerdictKind(judged["verdict"]).label
    # As on the pages: a high certainty goes without saying.
    if judged.get("certainty", "") not in ("", Certainty.HIGH):
        label += f", {Certainty(judged['certainty']).label.lower()}"
    if judged["p_fake"] is None or judged.get("reason") in FILE_CODES:
        return f"{label}. {_printable(judged['sentence'])}"
    note = "" if judged["in_domain"] else ", not validated for this kind of image"
    # As on the pages: no measurement supports more certainty.
    percent = min(max(100 * judged["p_fake"], 0.1), 99.9)
    return f"{label} ({percent:.1f} % AI-generated{note})"


def _printable(name: str) -> str:
    """Escape what a file's name may hold and a terminal would obey or could not encode."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
