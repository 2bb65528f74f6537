"""Issues reports on finished analyses, so that whoever holds one can ask whether it is genuine."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from detection.models import Analysis, IssuedReport, State
from detection.models.sharing import CODE_LETTERS
from detection.services.report_content import (
    ReportRefused,
    digest_of,
    moment_text,
    report_content,
)

__all__ = ["Report", "ReportRefused", "code_normalised", "report_issue", "reports_issue"]

# No code has the letters on the left.
LOOK_ALIKES = str.maketrans({"0": "Q", "O": "Q", "1": "L", "I": "L"})


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it was issued: what it says, and the row by which it can be checked."""

    analysis: Analysis
    content: dict[str, Any]
    issued: IssuedReport

    @property
    def check_url(self) -> str:
        """Where its code is looked up."""
        return f"{self.content['installation']['address']}/verify/{self.issued.code}/"

    def as_json(self) -> dict[str, Any]:
        """Return the content with the code, the moment of issue, and the digest."""
        issued = {
            "code": self.issued.code,
            "at": moment_text(self.issued.issued_at),
            "digest": self.issued.digest,
            "check_at": self.check_url,
        }
        return {**self.content, "issued": issued}


def report_issue(
    *, analysis: Analysis, site: str, with_file_name: bool = False, tells_camera: bool = True
) -> Report:
    """Issue a report: what was issued before with the same content keeps its code.

    Raises:
        ReportRefused: `not_finished` or `image_gone`.
    """
    content = report_content(
        analysis=analysis, site=site, with_file_name=with_file_name, tells_camera=tells_camera
    )
    return Report(analysis, content, _issued(analysis, digest_of(content)))


def reports_issue(*, analyses: Iterable[Analysis], site: str) -> list[Report]:
    """Issue the owner's reports on all that have finished, in few queries."""
    contents = {
        analysis: report_content(analysis=analysis, site=site, with_file_name=True)
        for analysis in analyses
        if analysis.state == State.FINISHED
    }
    digests = {analysis: digest_of(content) for analysis, content in contents.items()}
    rows = IssuedReport.objects.filter(analysis__in=contents)
    known = set(rows.values_list("analysis_id", "digest"))
    missing = [
        IssuedReport(analysis=analysis, digest=digest)
        for analysis, digest in digests.items()
        if (analysis.pk, digest) not in known
    ]
    # Somebody else may issue the same meanwhile: theirs is as good.
    IssuedReport.objects.bulk_create(missing, ignore_conflicts=True)
    issued = {(row.analysis_id, row.digest): row for row in rows.all()}
    return [
        Report(analysis, content, issued[analysis.pk, digests[analysis]])
        for analysis, content in contents.items()
        # Those that were deleted meanwhile have none.
        if (analysis.pk, digests[analysis]) in issued
    ]


def _issued(analysis: Analysis, digest: str) -> IssuedReport:
    row = IssuedReport.objects.filter(analysis=analysis, digest=digest).first()
    if row is not None:
        return row
    try:
        with transaction.atomic():
            return IssuedReport.objects.create(analysis=analysis, digest=digest)
    except IntegrityError:
        # Asked for twice at once, and the other one was first; or the image went meanwhile.
        row = IssuedReport.objects.filter(analysis=analysis, digest=digest).first()
        if row is None:
            raise ReportRefused("image_gone", "The image was deleted meanwhile.") from None
        return row


def code_normalised(entered: str) -> str:
    """Return a code as it is stored, from what somebody read off a sheet or was told.

    Case, spaces and dashes do not matter, and letters that no code has are taken for those that
    look like them.
    """
    letters = unicodedata.normalize("NFKC", entered).upper().translate(LOOK_ALIKES)
    known = [letter for letter in letters if letter in CODE_LETTERS]
    return "-".join("".join(known[start : start + 4]) for start in range(0, len(known), 4))
