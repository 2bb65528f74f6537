"""Judges a version on every set that nothing may learn from, once, and the champion beside it."""

import hashlib
import io
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from detection import ml_gateway
from detection.ml_gateway import GatewayError, JudgedItems
from detection.models import (
    AuditEvent,
    Dataset,
    Evaluation,
    ModelVersion,
    Role,
    Snapshot,
    Split,
    Track,
)
from detection.models.training import answers_name
from detection.services.audit import audit_record
from detection.services.pending import noted
from detection.services.queueing import task_send
from detection.services.signatures import version_verify
from detection.services.timing import time_beside

log = logging.getLogger(__name__)

JUDGE_VERSION = "detection.tasks.background.judge_version"
ASKED, MADE, FAILED = "evaluations_ask", "evaluations_make", "evaluations_fail"

ON_FACES = (
    "Versions of the face track look at faces that were cut out; they are judged by "
    "`python -m ml faces` and `evaluate`, not here."
)
NOTHING_SEALED = {
    Track.THUMBNAIL: "There is no sealed test and no regression set with reviewed images yet: add "
    "one under Datasets.",
    Track.PHOTO: "There is no sealed set of photographs yet: add one under Datasets. What the fit "
    "found on pictures held out stands on this page.",
    Track.FACE: ON_FACES,
}

Progress = Callable[[int, int], None]


class EvaluationRefused(Exception):
    """A version cannot be judged now; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class _Stopped(Exception):
    """Somebody asked to stop."""


@dataclass(frozen=True, slots=True)
class TestSet:
    """Images that a version is judged on: a sealed dataset, or what a snapshot held out.

    Each of `lines` is the image's sha256, its label and the name of its stored file.
    """

    __test__ = False  # no test class, whatever its name looks like to pytest

    name: str
    dataset: Dataset | None
    snapshot: Snapshot | None
    lines: tuple[tuple[str, str, str], ...]

    @property
    def data_sha256(self) -> str:
        """Hash over the images' hashes and labels."""
        return lines_sha256((sha256, label) for sha256, label, _ in self.lines)

    @property
    def with_tiers(self) -> bool:
        """Tell whether the images are judged degraded too."""
        return self.dataset is not None and self.dataset.role == Role.TEST


def lines_sha256(lines: Iterable[tuple[str, str]]) -> str:
    """Return one hash over images and their labels, in whatever order they come."""
    text = "\n".join(sorted(f"{sha256} {label}" for sha256, label in lines))
    return hashlib.sha256(text.encode()).hexdigest()


def sealed_sets(version: ModelVersion) -> Iterator[TestSet]:
    """Yield every sealed dataset with settled images, as it is now, on which a version is judged.

    None for the face track: its versions look at faces that were cut out, not at whole images.
    For the photo track sets of photographs alone, without what in them is too small for it.
    """
    if version.model.track == Track.FACE:
        return
    is_photo = version.model.track == Track.PHOTO
    for dataset in Dataset.objects.sealed():
        if is_photo and not dataset.is_of_photographs:
            continue
        items = dataset.items.accepted()
        items = items.photographs() if is_photo else items
        rows = items.order_by("pk").values_list("sha256", "label", "file")
        if lines := tuple(rows):
            yield TestSet(dataset.name, dataset, None, lines)


def held_out_set(snapshot: Snapshot) -> TestSet | None:
    """Return what a snapshot held out for the last word, as far as the images are still there."""
    lines = snapshot.lines.filter(split=Split.TEST, item__isnull=False).order_by("pk")
    rows = tuple(lines.values_list("sha256", "label", "item__file"))
    return TestSet(f"{snapshot}, held out", None, snapshot, rows) if rows else None


def evaluations_make(
    *,
    version: ModelVersion,
    snapshot: Snapshot | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
    again: bool = False,
) -> list[Evaluation]:
    """Judge a version on every sealed dataset and on the snapshot's held-out images.

    The champion of the track is judged beside it where it has not been on the same images:
    otherwise nothing would compare. Nothing is measured twice. Both are timed in turns.

    Args:
        version: To be judged.
        snapshot: Whose held-out images count too; without it that of the version's own run.
        progress: Called with images done and images in all.
        should_stop: Asked between chunks of images; what was finished until then is kept.
        again: Measure anew what was measured before: on another machine, for example.

    Returns:
        The version's newest evaluation on each set.

    Raises:
        GatewayError: When a version cannot be loaded, or too many images cannot be read.
    """
    sets = list(_sets(version, snapshot))
    work = [
        (judge, test)
        for judge in _judged_together(version)
        for test in sets
        if again or _known(judge, test) is None
    ]
    steps = _Steps(sum(len(test.lines) for _, test in work), progress, should_stop)
    try:
        for judge, test in work:
            _evaluation_make(judge, test, steps)
    except _Stopped:
        log.info("judging %s was stopped", version.label)
    else:
        # Of photographs the time is the picture's, not the version's.
        if version.model.track != Track.PHOTO:
            time_beside(version=version, evaluations=_newest(version, sets), again=again)
    return _newest(version, sets)


def evaluations_ask(*, version: ModelVersion, user: Any, again: bool = False) -> None:
    """Have a version judged by the background worker.

    Raises:
        EvaluationRefused: `nothing_to_judge_on`, or `queue_away`.
    """
    if not any(True for _ in _sets(version, None)):
        raise EvaluationRefused(
            "nothing_to_judge_on",
            NOTHING_SEALED[Track(version.model.track)],
        )
    with transaction.atomic():
        audit_record(user=user, action=ASKED, subject=version.label, version=version.pk)
    if not task_send(JUDGE_VERSION, version.pk, again):
        sentence = "The queue cannot be reached; ask once more in a moment."
        evaluations_fail(version=version, code="queue_away", sentence=sentence)
        raise EvaluationRefused("queue_away", sentence)


def evaluations_run(*, version_id: int, again: bool = False) -> bool:
    """Judge a version that somebody asked for, and write down how it ended.

    Returns:
        Whether it was judged; `False` when it could not be, or is gone.
    """
    version = ModelVersion.objects.select_related("model").filter(pk=version_id).first()
    if version is None:
        return False
    try:
        made = evaluations_make(version=version, again=again)
    except GatewayError as error:
        evaluations_fail(version=version, code=error.code, sentence=error.sentence)
        return False
    audit_record(user=None, action=MADE, subject=version.label, version=version.pk, sets=len(made))
    return True


def evaluations_fail(*, version: ModelVersion, code: str, sentence: str) -> None:
    """Write down that judging ended with a reason; the version's page tells it."""
    log.warning("judging %s failed: %s: %s", version.label, code, sentence)
    audit_record(
        user=None,
        action=FAILED,
        subject=version.label,
        version=version.pk,
        code=code,
        sentence=sentence,
    )


def evaluations_state(version: ModelVersion) -> AuditEvent | None:
    """Return the last that was asked, made or failed of a version's evaluations."""
    events = AuditEvent.objects.filter(subject=version.label, action__in=[ASKED, MADE, FAILED])
    return events.order_by("-pk").first()


@dataclass(slots=True)
class _Steps:
    """Counts images over several sets, and stops where somebody asks to."""

    total: int
    progress: Progress | None
    should_stop: Callable[[], bool] | None
    before: int = 0

    def __call__(self, done: int, total: int) -> None:
        if self.should_stop and self.should_stop():
            raise _Stopped
        if self.progress:
            self.progress(self.before + done, self.total)


def _sets(version: ModelVersion, snapshot: Snapshot | None) -> Iterator[TestSet]:
    yield from sealed_sets(version)
    run = getattr(version, "run", None)
    frozen = snapshot or (run.snapshot if run else None)
    held_out = held_out_set(frozen) if frozen else None
    if held_out:
        yield held_out


def _judged_together(version: ModelVersion) -> list[ModelVersion]:
    champion = ModelVersion.objects.champion_of(version.model.track)
    return [version] if champion in (None, version) else [version, champion]


def _known(version: ModelVersion, test: TestSet) -> Evaluation | None:
    found = version.evaluations.filter(
        dataset=test.dataset, snapshot=test.snapshot, data_sha256=test.data_sha256
    )
    return found.order_by("-pk").first()


def _newest(version: ModelVersion, sets: Iterable[TestSet]) -> list[Evaluation]:
    known = (_known(version, test) for test in sets)
    return [evaluation for evaluation in known if evaluation is not None]


def _evaluation_make(version: ModelVersion, test: TestSet, steps: _Steps) -> Evaluation:
    version_verify(version=version)
    judged = ml_gateway.judge_items(
        version.directory,
        version.spec,
        [(sha256, label, _reader(name)) for sha256, label, name in test.lines],
        data=test.name,
        threads=settings.INFERENCE_THREADS,
        max_false_alarms=settings.MAX_FALSE_ALARMS,
        with_tiers=test.with_tiers,
        progress=steps,
    )
    steps.before += len(test.lines)
    return _stored(version, test, judged)


def _reader(name: str) -> Callable[[], bytes]:
    def read() -> bytes:
        with default_storage.open(name) as file:
            content: bytes = file.read()
        return content

    return read


def _stored(version: ModelVersion, test: TestSet, judged: JudgedItems) -> Evaluation:
    """Store the answers, then the row that names them; no file is left without one."""
    evaluation = Evaluation(
        version=version,
        dataset=test.dataset,
        snapshot=test.snapshot,
        data_sha256=test.data_sha256,
        record=judged.record,
    )
    content = ContentFile(_packed(judged))
    with noted([answers_name(evaluation, "")]) as note:
        (evaluation.answers.name,) = note.names
        default_storage.save(evaluation.answers.name, content)
        with transaction.atomic():
            evaluation.save()
            note.settle()
    log.info("judged %s on %s", version.label, test.name)
    return evaluation


def _packed(judged: JudgedItems) -> bytes:
    """Return hashes (n, 32), labels and p_fake (n,) as a compressed npz."""
    digests = np.frombuffer(bytes.fromhex("".join(judged.hashes)), np.uint8).reshape(-1, 32)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, sha256=digests, label=judged.labels, p_fake=judged.p_fake.astype(np.float32)
    )
    return buffer.getvalue()
