"""What a report tells: one dictionary, of which every form of it is made."""

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from detection.findings import Finding
from detection.models import Analysis, Certainty, Face, ModelVersion, State
from detection.models.judged import Judged
from detection.reporting.figures import card_figures
from detection.services.findings_told import findings_told, without_camera

# Raised whenever a reader of the old form could misunderstand the new one; docs/reports.md.
SCHEMA_VERSION = 1
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
NOT_FINISHED = "There is a report once the analysis has finished."
PROOF = "An indication, never a proof."
HEATMAP = "The heatmap is coarse, and shows what moved the model, not where an image was altered."
SCORE_MAP = (
    "The score map shows which crops of the picture speak for the answer, not where it was altered."
)
EVEN_ODDS = "The percentage presumes that half of the images handed in are AI-generated."
OTHER_SOURCES = (
    "Generators and cameras that the model has not learnt from leave other traces; there it is "
    "wrong more often."
)
SIZE_ONLY = (
    "Of the kind of image only the size is checked: a drawing or a shrunken photograph of this "
    "size gets a verdict too, and it is worth little."
)
SILENCE = (
    "That a file says nothing of its origin proves nothing: such entries are easily removed, and "
    "without a signature easily forged."
)


class ReportRefused(Exception):
    """There is nothing to report; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def report_content(
    *, analysis: Analysis, site: str, with_file_name: bool = False, tells_camera: bool = True
) -> dict[str, Any]:
    """Return all that a report tells about a finished analysis; docs/report.schema.json says how.

    Private lines of findings, such as where a picture was taken, are in no report.

    Args:
        analysis: Of a whole image.
        site: The address of this installation, such as `https://veripix.example.org`.
        with_file_name: For the owner alone: names of files tell names of people.
        tells_camera: Whether it tells what the file says of camera, time and program.

    Raises:
        ReportRefused: `not_finished`.
    """
    if analysis.state != State.FINISHED:
        raise ReportRefused("not_finished", NOT_FINISHED)
    on_faces = analysis.image.analyses.on_faces().for_display().newest_first()
    findings = findings_told(analysis)
    if not tells_camera:
        findings = without_camera(findings)
    looked = on_faces.filter(state=State.FINISHED).first()
    content = {
        "schema_version": SCHEMA_VERSION,
        "installation": {"address": site, "software": f"Veripix {settings.VERSION}"},
        "image": _image(analysis, with_file_name=with_file_name),
        "analysed_at": moment_text(analysis.finished_at),
        "verdict": _verdict(analysis, shows_number=analysis.shows_number),
        "findings": [finding_told(one) for one in findings],
        "faces": [_face(face) for face in looked.faces.all()] if looked else [],
        "model": model_told(analysis.model_version),
        "faces_model": model_told(looked.model_version if looked else None),
        "heatmap": {"method": analysis.heatmap_method} if analysis.heatmap else None,
        "limits": _limits(analysis),
    }
    cleaned: dict[str, Any] = _clean(content)
    return cleaned


def digest_of(content: dict[str, Any]) -> str:
    """Return the SHA-256 of a report's content as canonical JSON: sorted, compact, ASCII."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _image(analysis: Analysis, *, with_file_name: bool) -> dict[str, Any]:
    image = analysis.image
    bits = image.perceptual_hash
    name = {"file_name": image.file_name} if with_file_name else {}
    return {
        **name,
        "format": image.format,
        "width": image.width,
        "height": image.height,
        "bytes": image.byte_size,
        "sha256": image.sha256,
        "perceptual_hash": None if bits is None else f"{bits & 0xFFFF_FFFF_FFFF_FFFF:016x}",
        "handed_in_at": moment_text(image.created_at),
    }


def _verdict(judged: Judged, *, shows_number: bool) -> dict[str, Any]:
    certainty = Certainty(judged.certainty).label if judged.certainty else None
    return {
        "kind": judged.verdict,
        "label": judged.get_verdict_display(),
        "certainty": judged.certainty or None,
        "certainty_label": certainty,
        "percent_ai": judged.percent_fake if shows_number else None,
        "is_in_domain": judged.in_domain,
        "rests_on_file": judged.rests_on_file,
        "reasons": [_reason(reason) for reason in judged.reasons],
        "would_change": list(judged.would_change),
    }


def _reason(stored: dict[str, Any]) -> dict[str, str]:
    return {"code": stored["code"], "sentence": stored["sentence"]}


def finding_told(finding: Finding) -> dict[str, Any]:
    """Return a finding as it is told to anybody."""
    public = finding.without_private().as_json()
    public["details"] = [
        {"label": line["label"], "value": line["value"]} for line in public["details"]
    ]
    return public


def _face(face: Face) -> dict[str, Any]:
    place = {name: getattr(face, name) for name in ("number", "left", "top", "width", "height")}
    return {**place, "verdict": _verdict(face, shows_number=face.shows_number)}


def model_told(version: ModelVersion | None) -> dict[str, Any] | None:
    """Return a version with its measured figures; `None` where no model was asked."""
    if version is None:
        return None
    return {
        "label": version.label,
        "name": version.model.name,
        "number": version.number,
        "track": version.model.track,
        "weights_sha256": version.weights_sha256,
        "domain": version.domain_sentence,
        "card": card_figures(version.spec),
    }


def _limits(analysis: Analysis) -> list[str]:
    """Return what the verdict does not say, the most important first."""
    limits = [PROOF]
    if analysis.model_version is not None:
        limits.append(OTHER_SOURCES)
        if analysis.shows_number:
            limits.append(EVEN_ODDS)
        if analysis.in_domain and not analysis.is_photo:
            limits.append(SIZE_ONLY)
    if analysis.heatmap:
        limits.append(SCORE_MAP if analysis.is_photo else HEATMAP)
    return [*limits, SILENCE]


def moment_text(moment: datetime | None) -> str | None:
    """Return a moment in UTC to the second, so that one moment is always one text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _clean(value: Any) -> Any:
    """Return the same without what no text may hold: half characters, and controls but newlines.

    What files say of themselves is anybody's bytes; a PDF and a terminal must survive it.
    """
    if isinstance(value, str):
        whole = value.encode("utf-8", "replace").decode("utf-8")
        return CONTROLS.sub("\N{REPLACEMENT CHARACTER}", whole)
    if isinstance(value, dict):
        return {key: _clean(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_clean(one) for one in value]
    return value
