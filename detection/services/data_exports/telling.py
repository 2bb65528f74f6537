"""What a zip tells of images and verdicts, as JSON; for their owner, so private lines too."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Model
from django.utils import timezone

from detection.models import Analysis, Face, Feedback, SubmittedImage
from detection.services.consent import consent_told


def moment(when: datetime | None = None) -> str:
    """Return a moment, or this one, in UTC to the second."""
    return (when or timezone.now()).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def row_told(row: Model, *columns: str) -> dict[str, Any]:
    """Return these columns of a row, ids under the name `id`."""
    told = {name: _plain(getattr(row, name)) for name in columns}
    return {"id" if name == "public_id" else name: value for name, value in told.items()}


def rows_told(rows: Iterable[Model], *columns: str) -> list[dict[str, Any]]:
    """Return these columns of rows."""
    return [row_told(row, *columns) for row in rows]


def image_told(image: SubmittedImage) -> dict[str, Any]:
    """Return the facts of a file, and what its owner wrote on it."""
    place = getattr(image, "batch_file", None)
    tags: Any = image.tags
    return {
        "id": image.public_id,
        "submission": image.submission.public_id,
        "path_in_batch": place.path if place else None,
        **row_told(image, "file_name", "format", "width", "height", "byte_size", "sha256"),
        **row_told(image, "created_at", "forgotten_at", "note"),
        "tags": [tag.name for tag in tags.all()],
    }


def analysis_told(analysis: Analysis) -> dict[str, Any]:
    """Return a verdict with all that led to it and that was made of it."""
    version = analysis.model_version
    feedback: Feedback | None = getattr(analysis, "feedback", None)
    told = row_told(
        analysis,
        *("public_id", "track", "state", "is_repeat", "is_current", "verdict", "certainty"),
        *("p_fake", "in_domain", "reasons", "would_change", "findings", "heatmap_method"),
        *("error_code", "error_sentence", "created_at", "finished_at"),
    )
    links: Any = analysis.share_links
    reports: Any = analysis.issued_reports
    return {
        **told,
        "model": version.label if version else None,
        "feedback": _feedback(feedback) if feedback else None,
        "links": rows_told(
            links.all(), "created_at", "expires_at", "revoked_at", "opened_count", "last_opened_at"
        ),
        "reports": rows_told(reports.all(), "code", "digest", "issued_at"),
    }


def face_told(face: Face) -> dict[str, Any]:
    """Return the verdict on a face."""
    place = ("number", "left", "top", "width", "height")
    return row_told(face, *place, "verdict", "certainty", "p_fake", "in_domain", "reasons")


def _feedback(feedback: Feedback) -> dict[str, Any]:
    columns = ("label", "note", "state", "created_at", "settled_at")
    return row_told(feedback, *columns) | {"consent": consent_told(feedback)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    return value.isoformat() if isinstance(value, date) else value
