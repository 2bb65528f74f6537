"""What a person's zip holds, written bit by bit: a million images take no more memory than ten."""

import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import IO, Any

from django.core.files.storage import default_storage
from django.db.models import Model, QuerySet
from django.utils import timezone

from detection.models import (
    Analysis,
    Batch,
    Explanation,
    Face,
    ForensicViews,
    Refusal,
    Submission,
    SubmittedImage,
    UrlFetch,
    ViewKind,
)
from detection.reporting.table import csv_lines
from detection.services.data_exports.account import account_told
from detection.services.data_exports.names import Moment, entry_name, entry_time
from detection.services.data_exports.telling import (
    analysis_told,
    face_told,
    image_told,
    moment,
    row_told,
)
from detection.services.storage import storage_errors

# Rows that are read at a time.
AT_ONCE = 100
CHUNK = 1 << 20
COLUMNS = (
    *("image", "file_name", "handed_in_at", "state", "verdict", "certainty", "percent_ai"),
    *("model", "analysed_at", "format", "width", "height", "bytes", "sha256", "tags", "note"),
)
README = """\
Everything that this installation of Veripix keeps of {email}
Packed on {now}

account.json      the account: addresses, sessions, second factors, tokens, webhooks, usage, acts
submissions.json  what you handed in and when, batches, refused files, fetched addresses
images.json       each image: its file's facts, your note and tags, every verdict with reasons,
                  findings, faces, what you reported as wrong, your consent, links and reports
verdicts.csv      the verdicts that stand, as a table
images/           for each image a folder, named by its id in images.json: the file as you handed
                  it in, under its own name, and what was drawn of it (heatmaps, views)

What is left out: secrets (your password, keys of tokens and webhooks, codes of second factors),
of which only hashes or sealed forms are kept, and previews, which are smaller copies of the images.
An image that was deleted because its time had run out has no file here; images.json says so.
Moments are in UTC.
"""


def everything_write(file: IO[bytes], *, owner: Any, still_wanted: Callable[[], None]) -> None:
    """Write the zip of everything that is kept of a person.

    Args:
        still_wanted: Asked every now and then; raises where nobody wants the zip any more.
    """
    with (
        # Beyond 4 GB and 65,535 files the format is zip64, which the library turns to by itself.
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as packed,
        tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as table,
    ):
        table.writelines(csv_lines(COLUMNS, ()))
        with tempfile.TemporaryFile("w+", encoding="utf-8") as told:
            _write_all(told, _images(packed, table, owner, still_wanted))
            _add(packed, "images.json", told)
        _add(packed, "verdicts.csv", table)
        with tempfile.TemporaryFile("w+", encoding="utf-8") as told:
            _write_all(told, _submissions(owner))
            _add(packed, "submissions.json", told)
        account = json.dumps(account_told(owner), ensure_ascii=False, indent=1)
        packed.writestr("account.json", account, zipfile.ZIP_DEFLATED)
        packed.writestr("README.txt", README.format(email=owner.email, now=moment()))


def in_chunks(rows: QuerySet[Any], at_once: int = AT_ONCE) -> Iterator[list[Any]]:
    """Yield rows by key, some at a time: a cursor of MySQL would bring all of them at once."""
    last = 0
    while chunk := list(rows.filter(pk__gt=last).order_by("pk")[:at_once]):
        yield chunk
        last = chunk[-1].pk


def _images(
    packed: zipfile.ZipFile, table: IO[str], owner: Any, still_wanted: Callable[[], None]
) -> Iterator[dict[str, Any]]:
    """Pack the files of each image, and yield what is told of it."""
    mine = SubmittedImage.objects.visible_to(owner).select_related(
        "submission", "batch_file__batch"
    )
    for images in in_chunks(mine.prefetch_related("tags")):
        still_wanted()
        keys = [image.pk for image in images]
        related = ("model_version__model", "feedback")
        analyses = Analysis.objects.filter(image__in=keys).select_related(*related)
        analyses = analyses.prefetch_related("share_links", "issued_reports").order_by("pk")
        by_image = _grouped(analyses, "image_id")
        explanations = _grouped(Explanation.objects.filter(analysis__image__in=keys), "analysis_id")
        faces = _grouped(Face.objects.filter(analysis__image__in=keys), "analysis_id")
        views = {row.image_id: row for row in ForensicViews.objects.filter(image__in=keys)}
        for image in images:
            told = image_told(image)
            folder = f"images/{image.public_id}"
            pack = partial(_pack, packed, entry_time(image.created_at))
            pack(image.original.name, f"{folder}/{entry_name(image.file_name)}")
            if drawn := views.get(image.pk):
                for kind in ViewKind.values:
                    pack(getattr(drawn, kind).name, f"{folder}/view-{kind}.webp")
            told["analyses"] = []
            for analysis in by_image.get(image.pk, []):
                mark = f"{folder}/heatmap-{analysis.public_id}"
                pack(analysis.heatmap.name, f"{mark}.png")
                signed = f"{folder}/signed-{analysis.public_id}.webp"
                pack(analysis.signed_thumbnail.name, signed)
                for one in explanations.get(analysis.pk, []):
                    pack(one.heatmap.name, f"{mark}-{one.method.replace('+', 'p')}.png")
                told["analyses"].append(
                    {
                        **analysis_told(analysis),
                        "faces": [face_told(one) for one in faces.get(analysis.pk, [])],
                    }
                )
                for face in faces.get(analysis.pk, []):
                    pack(face.heatmap.name, f"{mark}-face-{face.number}.png")
                if analysis.is_current and analysis.track != "face":
                    table.writelines(_row(image, analysis))
            yield told


def _row(image: SubmittedImage, analysis: Analysis) -> Iterable[str]:
    version = analysis.model_version
    row = {
        "image": image.public_id,
        "file_name": image.file_name,
        "handed_in_at": moment(image.created_at),
        "state": analysis.state,
        "verdict": analysis.verdict,
        "certainty": analysis.certainty,
        "percent_ai": analysis.percent_fake if analysis.shows_number else None,
        "model": version.label if version else None,
        "analysed_at": moment(analysis.finished_at) if analysis.finished_at else None,
        "format": image.format,
        "width": image.width,
        "height": image.height,
        "bytes": image.byte_size,
        "sha256": image.sha256,
        "tags": ", ".join(tag.name for tag in image.tags.all()),
        "note": image.note,
    }
    # Its first line is the heading, which stands in the table already.
    return list(csv_lines(COLUMNS, [row]))[1:]


def _submissions(owner: Any) -> Iterator[dict[str, Any]]:
    for chunk in in_chunks(Submission.objects.visible_to(owner)):
        keys = [row.pk for row in chunk]
        batches = _grouped(Batch.objects.filter(submission__in=keys), "submission_id")
        refusals = _grouped(Refusal.objects.filter(submission__in=keys), "submission_id")
        fetches = _grouped(UrlFetch.objects.filter(submission__in=keys), "submission_id")
        for row in chunk:
            yield {
                "id": row.public_id,
                "source": row.source,
                "created_at": moment(row.created_at),
                "batches": [
                    row_told(
                        one,
                        "public_id",
                        "name",
                        "state",
                        "upload_bytes",
                        "files_total",
                        "wants_mail",
                        "created_at",
                        "finished_at",
                    )
                    | {
                        "not_taken": [
                            row_told(file, "path", "error_code", "error_sentence")
                            for file in one.files.filter(image=None)
                        ]
                    }
                    for one in batches.get(row.pk, [])
                ],
                "refusals": [
                    row_told(one, "file_name", "code", "sentence", "created_at")
                    for one in refusals.get(row.pk, [])
                ],
                "fetches": [
                    row_told(one, "url", "state", "error_code", "error_sentence", "created_at")
                    for one in fetches.get(row.pk, [])
                ],
            }


def _pack(packed: zipfile.ZipFile, at: Moment, stored: str | None, name: str) -> None:
    """Copy a stored file into the zip; one that is gone is left out."""
    if not stored:
        return
    try:
        with storage_errors():
            source = default_storage.open(stored, "rb")
    except FileNotFoundError:
        return
    with source, packed.open(zipfile.ZipInfo(name, at), "w", force_zip64=True) as target:
        while some := _read(source):
            target.write(some)


def _read(source: IO[bytes]) -> bytes:
    """Read a piece; what goes wrong with writing is nothing of the storage's."""
    with storage_errors():
        return source.read(CHUNK)


def _add(packed: zipfile.ZipFile, name: str, text: IO[str]) -> None:
    text.flush()
    text.seek(0)
    entry = zipfile.ZipInfo(name, entry_time(timezone.now()))
    entry.compress_type = zipfile.ZIP_DEFLATED
    with packed.open(entry, "w", force_zip64=True) as target:
        while some := text.read(CHUNK):
            target.write(some.encode("utf-8"))


def _write_all(file: IO[str], rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as one JSON array, a row a line."""
    file.write("[")
    for number, row in enumerate(rows):
        file.write(("," if number else "") + "\n" + json.dumps(row, ensure_ascii=False))
    file.write("\n]\n")


def _grouped(rows: Iterable[Model], column: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(getattr(row, column), []).append(row)
    return found
