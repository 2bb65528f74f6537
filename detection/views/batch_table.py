"""The table of a batch: which of its files are shown, in which order, on which page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import QueryDict

from detection.models import Analysis, Batch, BatchFile, State, VerdictKind
from detection.models.analyses import UNFINISHED, AnalysisQuerySet
from detection.services.batches import BatchProgress

PAGE_SIZE = 50
# Column -> what it is sorted by; the place in the zip settles what is equal.
SORTS = {
    "name": "image__batch_file__path",
    "verdict": "verdict",
    "probability": "p_fake",
    "certainty": "certainty",
    "error": "error_code",
}
LABELS = {
    "name": "File",
    "verdict": "Verdict",
    "probability": "Probability of AI",
    "certainty": "Certainty",
    "error": "Trouble",
}
REFUSED = "refused"
Narrow = Callable[[AnalysisQuerySet], AnalysisQuerySet]
# What may be shown alone.
SHOWN: dict[str, Narrow] = {
    "": lambda answers: answers,
    **{
        kind: lambda answers, kind=kind: answers.filter(  # type: ignore[misc]
            state=State.FINISHED, verdict=kind
        )
        for kind in VerdictKind.values
    },
    "copies": lambda answers: answers.exclude(answered_from=None),
    "failed": lambda answers: answers.filter(state=State.FAILED),
    "cancelled": lambda answers: answers.filter(state=State.CANCELLED),
    "waiting": lambda answers: answers.filter(state__in=UNFINISHED),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A part of the files that can be shown alone."""

    key: str
    label: str
    count: int
    query: str
    is_shown: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A heading by which the table can be sorted."""

    key: str
    label: str
    query: str
    # As `aria-sort` has it; empty where it is sorted by another.
    order: str


@dataclass(frozen=True, slots=True)
class Table:
    """What the page shows; `rows` are analyses, or files where those not accepted are shown."""

    choices: list[Choice]
    columns: list[Column]
    rows: list[Any]
    page: Page[Any]
    shows_refused: bool
    text: str
    shown: str
    sort: str
    querystring: str

    @property
    def is_part(self) -> bool:
        """Whether not all files of the batch are shown."""
        return bool(self.shown or self.text)

    @property
    def export_query(self) -> str:
        """Return what has an export hold the same files; empty: all of them."""
        query = _query({"show": self.shown, "q": self.text})
        return f"?{query}" if query else ""


def batch_table(batch: Batch, progress: BatchProgress, wanted: QueryDict) -> Table:
    """Return the part of the table that is asked for; what is not understood counts for nothing.

    Args:
        wanted: `show`, `sort` (a column, with `-` for the other way), `q` (a part of the path)
            and `page`.
    """
    counts = _counts(progress)
    given = _given(wanted)
    show, sort, text = given["show"], given["sort"], given["q"]
    if not counts[show] and (show or not counts[REFUSED]):
        show = ""
    elif not counts[show] and "show" not in wanted:
        # Nothing was taken in: that is what there is to see.
        show = REFUSED
    given["show"] = show
    rows: QuerySet[Any] | list[Any] = (
        _refused(batch, sort, text) if show == REFUSED else _answers(batch, show, sort, text)
    )
    if text:
        # Counting them would look at each path once more.
        rows = list(rows)
    paginator: Paginator[Any] = Paginator(rows, PAGE_SIZE)
    if not text:
        # Counted already, with everything else.
        paginator.count = counts[show]
    page = paginator.get_page(wanted.get("page"))
    return Table(
        choices=_choices(given, counts),
        columns=[_column(given, key) for key in SORTS],
        rows=list(page.object_list) if show == REFUSED else _read(page),
        page=page,
        shows_refused=show == REFUSED,
        text=text,
        shown=show,
        sort=sort,
        querystring=_query(given),
    )


def batch_choices(progress: BatchProgress, wanted: QueryDict) -> list[Choice]:
    """Return which parts can be shown alone, as they are counted now; `wanted` as above."""
    return _choices(_given(wanted), _counts(progress))


def batch_exported(
    batch: Batch, wanted: QueryDict
) -> "tuple[AnalysisQuerySet, QuerySet[BatchFile]]":
    """Return what an export holds of the shown part: answers, and files not accepted."""
    given = _given(wanted)
    show, text = given["show"], given["q"]
    answers = batch.answers.none() if show == REFUSED else SHOWN[show](batch.answers)
    refused = _refused(batch, "", text)
    if text:
        answers = answers.filter(image__batch_file__path__icontains=text)
    return answers.order_by("image_id"), refused if show in ("", REFUSED) else refused.none()


def _given(wanted: QueryDict) -> dict[str, str]:
    """Return what is asked for, as far as it is understood."""
    show, sort = wanted.get("show", ""), wanted.get("sort", "")
    return {
        "show": show if show in SHOWN or show == REFUSED else "",
        "sort": sort if sort.lstrip("-") in SORTS else "",
        "q": wanted.get("q", "").replace("\0", "").strip()[:100],
    }


def _counts(progress: BatchProgress) -> dict[str, int]:
    return {
        "": progress.total,
        VerdictKind.LIKELY_AI: progress.likely_ai,
        VerdictKind.LIKELY_REAL: progress.likely_real,
        VerdictKind.INCONCLUSIVE: progress.inconclusive,
        "copies": progress.copies,
        "failed": progress.failed,
        "cancelled": progress.cancelled,
        "waiting": progress.unfinished,
        REFUSED: progress.refused,
    }


def _answers(batch: Batch, show: str, sort: str, text: str) -> "QuerySet[Analysis, int]":
    """Return the keys of the answers in order: rows are long, and most are not on the page."""
    answers = SHOWN[show](batch.answers)
    if text:
        answers = answers.filter(image__batch_file__path__icontains=text)
    order = [f"-{SORTS[sort[1:]]}" if sort.startswith("-") else SORTS[sort]] if sort else []
    return answers.order_by(*order, "image_id").values_list("pk", flat=True)


def _refused(batch: Batch, sort: str, text: str) -> "QuerySet[BatchFile]":
    files = batch.files.filter(image=None)
    if text:
        files = files.filter(path__icontains=text)
    column = {"name": "path", "error": "error_code"}.get(sort.lstrip("-"), "number")
    return files.order_by(f"-{column}" if sort.startswith("-") else column, "number")


def _read(page: Page[Any]) -> list[Analysis]:
    """Read the answers of one page, with their files and what they were copied from."""
    keys = list(page.object_list)
    related = ("image__batch_file", "answered_from__image__batch_file")
    rows = Analysis.objects.for_lists().select_related(*related)
    found = rows.defer("answered_from__findings", "answered_from__reasons").in_bulk(keys)
    return [found[key] for key in keys if key in found]


def _choices(given: dict[str, str], counts: dict[str, int]) -> list[Choice]:
    labels = {
        "": "All images",
        **dict(VerdictKind.choices),
        "copies": "Same as another",
        "failed": "Failed",
        "cancelled": "Cancelled",
        "waiting": "Waiting",
        REFUSED: "Not accepted",
    }
    return [
        Choice(key, label, counts[key], _query(given | {"show": key}), key == given["show"])
        for key, label in labels.items()
        if counts[key] or not key or key == given["show"]
    ]


def _column(given: dict[str, str], key: str) -> Column:
    """Return a heading: a click sorts by it, the next one the other way round."""
    is_up, is_down = given["sort"] == key, given["sort"] == f"-{key}"
    query = _query(given | {"sort": f"-{key}" if is_up else key})
    return Column(
        key, LABELS[key], query, "ascending" if is_up else "descending" if is_down else ""
    )


def _query(given: dict[str, str]) -> str:
    return urlencode({name: value for name, value in given.items() if value})
