"""A report as a sheet of paper: the template, and the pictures on it."""

from typing import Any

from django.db.models.fields.files import FieldFile
from django.template.loader import render_to_string
from PIL import Image

from detection.models import Face
from detection.reporting import paper, pictures
from detection.reporting.paper import PaperRefused
from detection.services.reports import Report

__all__ = ["PaperRefused", "report_pdf"]

# A file may say a megabyte of itself: a sheet has room for so much, the JSON report has all of it.
MOST_LETTERS = 1500
MOST_LETTERS_IN_ALL = 20_000
MOST_FACES = 12


def report_pdf(report: Report) -> bytes:
    """Return an issued report as a PDF, with the image and the heatmap over it.

    Raises:
        PaperRefused: `no_pdf_library` or `pdf_failed`.
    """
    files, shown_faces = _pictures(report)
    context = {
        **report.as_json(),
        "image_is_there": "image.jpg" in files,
        "overlay_is_there": "overlay.jpg" in files,
        "shown_faces": shown_faces,
        "findings": _fitting(report.content["findings"]),
        "is_crisp": max(report.analysis.image.width, report.analysis.image.height)
        <= pictures.CRISP_SIDE,
    }
    files["report.css"] = render_to_string("reports/report.css").encode()
    return paper.pdf_of(render_to_string("reports/report.html", context), files)


def _fitting(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return findings with as much of their tables as the sheet has room for.

    Long values are cut, and `left_out` counts the lines that found no room.
    """
    room = MOST_LETTERS_IN_ALL
    fitting = []
    for finding in findings:
        lines = []
        for line in finding["details"]:
            shown = {name: _shortened(line[name]) for name in ("label", "value")}
            room -= len(shown["label"]) + len(shown["value"])
            if room < 0:
                break
            lines.append(shown)
        left_out = len(finding["details"]) - len(lines)
        fitting.append({**finding, "details": lines, "left_out": left_out})
    return fitting


def _shortened(text: str) -> str:
    """Return a text of at most `MOST_LETTERS`, with dots where it was cut."""
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 2]} …"


def _pictures(report: Report) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """Return the files of the sheet by name, and the faces with the names of their pictures."""
    analysis = report.analysis
    preview = _read(analysis.image.preview)
    faces = report.content["faces"][:MOST_FACES]
    if preview is None:
        return {}, faces
    image = pictures.opened(preview)
    files = {"image.jpg": pictures.encoded(image)}
    heatmap = _read(analysis.heatmap)
    if heatmap is not None:
        files["overlay.jpg"] = pictures.encoded(pictures.overlaid(image, heatmap))
    looked = analysis.image.analyses.on_faces().newest_first()
    rows = Face.objects.filter(analysis__in=looked).order_by("-analysis", "number")
    by_number = {row.number: row for row in reversed(rows)}
    shown = []
    for face in faces:
        name = f"face-{face['number']}.jpg"
        files[name] = pictures.encoded(_face(image, report, by_number[face["number"]]))
        shown.append({**face, "picture": name})
    return files, shown


def _face(image: Image.Image, report: Report, face: Face) -> Image.Image:
    """Return a face cut out of the image, its heatmap over it where there is one."""
    width, height = report.analysis.image.width, report.analysis.image.height
    box = (
        face.left / width,
        face.top / height,
        (face.left + face.width) / width,
        (face.top + face.height) / height,
    )
    cut = pictures.cut_out(image, box)
    heatmap = _read(face.heatmap)
    return cut if heatmap is None else pictures.overlaid(cut, heatmap)


def _read(stored: FieldFile) -> bytes | None:
    """Return a stored picture; a sheet without one is better than none, should it be gone."""
    if not stored:
        return None
    try:
        with stored.open("rb") as file:
            content: bytes = file.read()
    except OSError:
        return None
    return content
