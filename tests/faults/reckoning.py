"""What must hold once all is quiet: each answered image has one verdict, each file has one row."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import MySQLdb
import requests
from django.apps import apps
from django.db.models import FileField

from tests.faults.clients import Tally
from tests.faults.ground import Ground
from tests.waiting import wait_for

QUIET_SECONDS = 240.0
# As long as the portal's own sweeps may take for what a killed program left behind.
SWEPT_SECONDS = 120.0
UNFINISHED = {
    "detection_analysis": "state IN ('queued', 'running')",
    "detection_batch": "state IN ('receiving', 'unpacking', 'analysing')",
    "detection_urlfetch": "state IN ('queued', 'running')",
    "detection_leftover": "TRUE",
    "detection_pendingfiles": "TRUE",
}


@dataclass(frozen=True)
class Reckoning:
    """What came of a fault; all but the first two and the delay have to be none.

    Attributes:
        lost: Answered with success, and without a verdict.
        doubled: With a second verdict, or a second time there although asked for once.
        left: What was still waiting or running when all should be quiet.
    """

    images: int
    answered: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    files_without_row: tuple[str, ...]
    rows_without_file: tuple[str, ...]
    left: tuple[str, ...]
    longest_delay: float

    @property
    def troubles(self) -> list[str]:
        """Each thing that does not hold, in words."""
        kinds = ("lost", "doubled", "files_without_row", "rows_without_file", "left")
        found = [(kind.replace("_", " "), getattr(self, kind)) for kind in kinds]
        told = [f"{len(names)} {kind}: {', '.join(names[:5])}" for kind, names in found if names]
        missing = self.images - self.answered
        return [*([f"{missing} never answered"] if missing else []), *told]


def file_columns() -> list[tuple[str, str]]:
    """Table and column of every stored file there can be."""
    return [
        (model._meta.db_table, str(column.column))
        for model in apps.get_models()
        for column in model._meta.local_fields
        if isinstance(column, FileField)
    ]


def quiet(ground: Ground) -> list[str]:
    """What still waits, runs or lies in a queue; nothing when all is quiet."""
    found = []
    for table, what in UNFINISHED.items():
        ((count,),) = ground.portal.rows(f"SELECT COUNT(*) FROM {table} WHERE {what}")  # noqa: S608
        if count:
            found.append(f"{count} in {table}")
    return found + ground.waiting_messages()


def reckon(
    ground: Ground, tally: Tally, *, images: int, seen: dict[str, float], failed: frozenset[str]
) -> Reckoning:
    """Wait until all is quiet, then hold what was answered against rows and files.

    Args:
        ground: Where it happened.
        tally: What the clients were told.
        images: How many they had.
        seen: When a verdict was first seen, by hash.
        failed: Hashes of images whose analysis has to have failed.
    """
    left = _waited(lambda: quiet(ground), QUIET_SECONDS)
    files = _waited(lambda: sorted(ground.stored() - _named(ground)), SWEPT_SECONDS)
    rows = sorted(_named(ground) - ground.stored())
    lost, doubled = _images(ground, tally, failed)
    delays = [seen[sha] - answered.at for sha, answered in tally.answered.items() if sha in seen]
    return Reckoning(
        images=images,
        answered=len(tally.answered),
        lost=tuple(lost),
        doubled=tuple(doubled),
        files_without_row=tuple(files),
        rows_without_file=tuple(rows),
        left=tuple(left),
        longest_delay=max(delays, default=0.0),
    )


def _waited(ask: Callable[[], list[str]], seconds: float) -> list[str]:
    """Wait until there is nothing; what there still was."""
    try:
        wait_for(lambda: not ask(), "nothing left", timeout=seconds)
    except AssertionError:
        return list(ask())
    return []


def _named(ground: Ground) -> set[str]:
    """The names of all files that rows speak of."""
    names: set[str] = set()
    for table, column in file_columns():
        rows = ground.portal.rows(f"SELECT {column} FROM {table} WHERE {column} <> ''")  # noqa: S608
        names |= {name for (name,) in rows}
    return names


def _images(ground: Ground, tally: Tally, failed: frozenset[str]) -> tuple[list[str], list[str]]:
    """Those that are lost, and those that are there twice."""
    rows = ground.portal.rows(
        "SELECT i.id, i.sha256, s.public_id, COALESCE(b.public_id, ''),"
        " SUM(a.is_current AND a.state = 'finished' AND a.verdict <> ''),"
        " SUM(a.state = 'failed'), COUNT(a.id)"
        " FROM detection_submittedimage i"
        " JOIN detection_submission s ON s.id = i.submission_id"
        " LEFT JOIN detection_batch b ON b.submission_id = s.id"
        " LEFT JOIN detection_analysis a ON a.image_id = i.id AND a.track <> 'face'"
        " GROUP BY i.id, i.sha256, s.public_id, b.public_id"
    )
    there: Counter[str] = Counter()
    well: set[tuple[str, str]] = set()
    doubled = []
    for key, sha, submission, batch, finished, ended_badly, analyses in rows:
        there[sha] += 1
        is_well = ended_badly == 1 if sha in failed else finished == 1
        if is_well:
            well |= {(sha, submission), (sha, batch)}
        if analyses != 1:
            doubled.append(f"image {key} has {analyses} analyses")
    lost = [sha for sha, told in tally.answered.items() if (sha, told.place) not in well]
    doubled += [
        f"{sha} is there {there[sha]} times"
        for sha, told in tally.answered.items()
        if told.is_once and there[sha] > 1
    ]
    return lost, doubled


def verdicts_seen(ground: Ground, seen: dict[str, float]) -> None:
    """Note which images have a verdict now, by the tests' clock; the database may be away."""
    try:
        rows = ground.portal.rows(
            "SELECT i.sha256 FROM detection_analysis a"
            " JOIN detection_submittedimage i ON i.id = a.image_id"
            " WHERE a.state IN ('finished', 'failed') AND a.track <> 'face'"
        )
    except MySQLdb.Error:
        return
    now = time.time()
    for (sha,) in rows:
        seen.setdefault(sha, now)


def is_well(ground: Ground) -> bool:
    """Whether the whole installation says of itself that all is well."""
    answer = requests.get(f"{ground.portal.url}/health/?format=json", timeout=10)
    return answer.ok
