"""Many verdicts as one table or one JSON document, made bit by bit."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain

from detection.models import Analysis, BatchFile
from detection.models.analyses import AnalysisQuerySet
from detection.reporting.table import Value, csv_lines
from detection.services.report_content import SCHEMA_VERSION
from detection.services.reports import Report, reports_issue

# Read and issued at a time: a history of any length takes no more memory than this.
BATCH = 100
COLUMNS = (
    *("file_name", "state", "verdict", "certainty", "percent_ai", "is_in_domain", "reason"),
    *("findings", "model", "format", "width", "height", "bytes", "sha256", "perceptual_hash"),
    *("handed_in_at", "analysed_at", "verification_code", "check_at"),
)
# Of a batch: the place in it, the analysis whose answer was taken over, and why there is none.
BATCH_COLUMNS = ("path", *COLUMNS, "same_as", "code")


def csv_export(
    *, analyses: AnalysisQuerySet, site: str, refused: Iterable[BatchFile] | None = None
) -> Iterator[str]:
    """Yield a table with a row for each analysis; one without a verdict tells its state.

    Args:
        refused: Files of the same batch that were not accepted: they come last, and each row
            begins with the file's path in the batch.
    """
    batches = _batches(analyses)
    rows = (row for batch in batches for row in _rows(batch, site))
    if refused is None:
        return csv_lines(COLUMNS, rows)
    return csv_lines(BATCH_COLUMNS, chain(rows, map(_of_refused, refused)))


def json_export(
    *, analyses: AnalysisQuerySet, site: str, refused: Iterable[BatchFile] | None = None
) -> Iterator[str]:
    """Yield a JSON document with the report on each analysis that has finished.

    Args:
        refused: Files of the same batch that were not accepted; each with path, code and sentence.
            Each report then tells its file's `path` in the batch and, as `same_as`, the public id
            of the analysis whose answer was taken over.
    """
    yield f'{{"schema_version": {SCHEMA_VERSION}, "reports": ['
    separator = "\n"
    for batch in _batches(analyses):
        for report in reports_issue(analyses=batch, site=site):
            told = report.as_json()
            if refused is not None:
                told |= _within_batch(report.analysis)
            yield separator + json.dumps(told, ensure_ascii=False)
            separator = ",\n"
    if refused is not None:
        rest = [
            {"path": file.path, "code": file.error_code, "message": file.error_sentence}
            for file in refused
        ]
        yield f'\n], "refused": {json.dumps(rest, ensure_ascii=False)}}}\n'
        return
    yield "\n]}\n"


def _batches(analyses: AnalysisQuerySet) -> Iterator[list[Analysis]]:
    """Yield some at a time, by keys that were read first: rows that come in meanwhile wait."""
    keys = list(analyses.values_list("pk", flat=True))
    for start in range(0, len(keys), BATCH):
        related = ("image__views", "image__batch_file", "answered_from")
        rows = Analysis.objects.for_display().select_related(*related)
        rows = rows.defer("answered_from__findings", "answered_from__reasons")
        found = rows.in_bulk(keys[start : start + BATCH])
        yield [found[key] for key in keys[start : start + BATCH] if key in found]


def _rows(batch: list[Analysis], site: str) -> Iterator[dict[str, Value]]:
    reports = {report.analysis.pk: report for report in reports_issue(analyses=batch, site=site)}
    for analysis in batch:
        report = reports.get(analysis.pk)
        row = _of_report(report) if report else _without_verdict(analysis)
        yield row | _within_batch(analysis)


def _within_batch(analysis: Analysis) -> dict[str, Value]:
    """Return what only files of a batch have; of others it is nothing."""
    file = getattr(analysis.image, "batch_file", None)
    source = analysis.answered_from
    return {
        "path": file.path if file else None,
        "same_as": source.public_id if source else None,
    }


def _of_report(report: Report) -> dict[str, Value]:
    content = report.content
    verdict, model = content["verdict"], content["model"]
    return {
        **content["image"],
        "state": report.analysis.state,
        "verdict": verdict["kind"],
        "certainty": verdict["certainty"],
        "percent_ai": verdict["percent_ai"],
        "is_in_domain": _word(verdict["is_in_domain"]),
        "reason": report.analysis.summary,
        "findings": " ".join(finding["code"] for finding in content["findings"]),
        "model": model["label"] if model else None,
        "analysed_at": content["analysed_at"],
        "verification_code": report.issued.code,
        "check_at": report.check_url,
    }


def _without_verdict(analysis: Analysis) -> dict[str, Value]:
    image = analysis.image
    return {
        "file_name": image.file_name,
        "state": analysis.state,
        "reason": analysis.error_sentence,
        "code": analysis.error_code,
        "format": image.format,
        "width": image.width,
        "height": image.height,
        "bytes": image.byte_size,
        "sha256": image.sha256,
    }


def _of_refused(file: BatchFile) -> dict[str, Value]:
    name = file.path.rpartition("/")[2]
    return {
        "path": file.path,
        "file_name": name,
        "state": "refused",
        "reason": file.error_sentence,
        "code": file.error_code,
    }


def _word(is_so: bool | None) -> str | None:
    return None if is_so is None else "yes" if is_so else "no"
