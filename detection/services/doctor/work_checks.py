"""Checks of rows against the queue: work that nobody does any more, and ends that are none.

The sweeps put lost work back within a lease. What is still there after several of them is told:
there is no beat, no worker, or something that no sweep knows.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q

from detection.models import (
    Analysis,
    Batch,
    DataExport,
    DatasetImport,
    Explanation,
    ForensicViews,
    PendingFiles,
    State,
    SubmittedImage,
    TrainingRun,
    UrlFetch,
    WebhookDelivery,
)
from detection.services.batches.sweeping import UPLOAD_PATIENCE, batches_sweep
from detection.services.data_exports import exports_sweep
from detection.services.doctor.contract import Check, Damage, Look
from detection.services.explanations import explanation_fail
from detection.services.fetches import fetches_sweep
from detection.services.forensic_views import views_fail
from detection.services.import_requests import imports_sweep
from detection.services.pending import pending_sweep
from detection.services.sweeper import sweep
from detection.services.training.recovery import runs_sweep
from detection.services.webhooks import webhooks_sweep

DAY = dt.timedelta(days=1)
LOST = "Nobody took it up; ask once more."


def _told(rows: Any, sentence: str) -> Iterator[Damage]:
    name = rows.model._meta.verbose_name
    for pk in rows.order_by("pk").values_list("pk", flat=True).iterator():
        yield Damage(f"{name} {pk}", sentence, pk)


def _analyses(look: Look) -> Iterator[Damage]:
    everything = Analysis.objects.all()
    yield from _told(everything.never_enqueued(look.lease), "waits, and no worker was told")
    yield from _told(everything.abandoned(look.lease), "is held by a worker that is gone")
    for kind in (everything.on_images(), everything.on_faces()):
        if not kind.active_since(look.lease).exists():
            yield from _told(kind.lost_in_queue(look.lease), "waits, and nobody works on any")


def _analyses_mend(look: Look, found: list[Damage]) -> Iterator[str]:
    swept = sweep(now=look.now)
    yield (
        f"{swept.returned:,} analyses returned to the queue, {swept.enqueued:,} enqueued, "
        f"{swept.given_up:,} given up"
    )


def _unanswered(look: Look) -> Iterator[Damage]:
    on_images = Analysis.objects.on_images()
    yield from _told(on_images.filter(state=State.FINISHED, verdict=""), "ended without a verdict")


def _unanswered_mend(look: Look, found: list[Damage]) -> Iterator[str]:
    """Say that they failed, so that their owner may run them again."""
    keys = [damage.what for damage in found]
    broken = Analysis.objects.filter(pk__in=keys, state=State.FINISHED, verdict="")
    count = broken.update(
        state=State.FAILED,
        error_code="no_verdict",
        error_sentence="The analysis ended without a verdict. It can be run again.",
    )
    yield f"{count:,} analyses marked as failed; they can be run again"


def _standing(look: Look) -> Iterator[Damage]:
    looked_at = Analysis.objects.on_images().order_by().values("image")
    counted = looked_at.annotate(count=Count("pk", filter=Q(is_current=True)))
    for image, count in counted.exclude(count=1).values_list("image", "count").iterator():
        told = "two answers that stand" if count else "no answer that stands"
        yield Damage(f"submitted image {image}", f"has {told}", image)


def _standing_mend(look: Look, found: list[Damage]) -> Iterator[str]:
    count = sum(_stands(damage.what) for damage in found)
    yield f"{count:,} images have one answer that stands again"


@transaction.atomic
def _stands(image: int) -> bool:
    """Let the newest finished repeat stand, else the first look: see `services.standing`."""
    locked = Analysis.objects.select_for_update().filter(image=image)
    analyses = [one for one in locked.order_by("pk") if one.track != "face"]
    if not analyses or sum(one.is_current for one in analyses) == 1:
        return False
    answered = [one for one in analyses if one.is_repeat and one.state == State.FINISHED]
    first = [one for one in analyses if not one.is_repeat] or analyses
    stands = answered[-1] if answered else first[-1]
    keys = [one.pk for one in analyses]
    Analysis.objects.filter(pk__in=keys).exclude(pk=stands.pk).update(is_current=False)
    Analysis.objects.filter(pk=stands.pk).update(is_current=True)
    return True


def _unlooked(look: Look) -> Iterator[Damage]:
    rows = SubmittedImage.objects.filter(analyses=None, created_at__lt=look.lease)
    yield from _told(rows, "nobody looks at it: it has no analysis")


def _ownerless(look: Look) -> Iterator[Damage]:
    rows = Analysis.objects.exclude(owner=F("image__submission__owner"))
    yield from _told(rows, "belongs to somebody else than its submission")


def _ownerless_mend(look: Look, found: list[Damage]) -> Iterator[str]:
    for damage in found:
        analysis = Analysis.objects.select_related("image__submission").get(pk=damage.what)
        Analysis.objects.filter(pk=damage.what).update(owner=analysis.image.submission.owner_id)
        yield f"{damage.subject} belongs to the owner of its submission again"


def _fetches(look: Look) -> Iterator[Damage]:
    yield from _told(UrlFetch.objects.never_enqueued(look.lease), "waits, and no worker was told")
    yield from _told(UrlFetch.objects.lost_in_queue(look.lease), "waits, and nobody takes it up")
    yield from _told(UrlFetch.objects.abandoned(look.lease), "is held by a worker that is gone")


def _batches(look: Look) -> Iterator[Damage]:
    batches = Batch.objects.all()
    yield from _told(batches.abandoned(look.lease), "is held by a worker that is gone")
    yield from _told(batches.lost_in_queue(look.lease), "waits to be unpacked, by nobody")
    broken_off = batches.broken_off(look.now - UPLOAD_PATIENCE - DAY)
    yield from _told(broken_off, "its upload was broken off, and it was not ended")
    yield from _told(batches.filter(deleted_at__lt=look.lease), "was deleted, and is still there")


def _deliveries(look: Look) -> Iterator[Damage]:
    due = WebhookDelivery.objects.due_at(look.lease)
    sendable = due.filter(webhook__is_active=True, webhook__resume_at=None)
    yield from _told(sendable, "is due, and nobody sends it")


def _imports(look: Look) -> Iterator[Damage]:
    imports = DatasetImport.objects.all()
    yield from _told(imports.abandoned(look.lease), "is held by a worker that is gone")
    yield from _told(imports.lost_in_queue(look.lease), "waits, and nobody takes it up")


def _exports(look: Look) -> Iterator[Damage]:
    late = min(look.lease, look.now - look.grace)
    yield from _told(DataExport.objects.abandoned(late), "is held by a worker that is gone")
    lost = DataExport.objects.lost_in_queue(late).filter(created_at__lt=late)
    yield from _told(lost, "waits, and nobody takes it up")


def _runs(look: Look) -> Iterator[Damage]:
    runs = TrainingRun.objects.all()
    yield from _told(runs.abandoned(look.lease), "is held by a worker that is gone")
    unsent = runs.unsent(grace=look.lease, lease=look.lease)
    yield from _told(unsent, "waits, and nobody takes it up")
    free = runs.active().filter(slot=None) | runs.exclude(slot=None).exclude(
        pk__in=runs.active().values("pk")
    )
    yield from _told(free, "its place in the queue and its state disagree")


def _pending(look: Look) -> Iterator[Damage]:
    # A sweep gives them up after half of that.
    before = look.now - 2 * (look.now - look.lease)
    old = PendingFiles.objects.filter(seen_at__lt=before)
    for pk, names in old.order_by("pk").values_list("pk", "names").iterator():
        first, *others = names.split("\n")
        told = f" and {len(others):,} more" if others else ""
        yield Damage(f"pending files {pk}", f"{first}{told}: their writer is gone", pk)


def _pending_mend(look: Look, found: list[Damage]) -> Iterator[str]:
    count = pending_sweep(now=look.now)
    yield f"{count:,} files given up; they are deleted as leftovers"


def _pictures(look: Look) -> Iterator[Damage]:
    late = min(look.lease, look.now - look.grace)
    for model in (Explanation, ForensicViews):
        rows = model.objects.waiting().filter(asked_at__lt=late)
        name = model._meta.verbose_name
        for pk in rows.values_list("pk", flat=True).iterator():
            yield Damage(f"{name} {pk}", "was asked for, and nobody draws it", (model, pk))


def _pictures_mend(look: Look, found: list[Damage]) -> Iterator[str]:
    for damage in found:
        model, pk = damage.what
        if model is Explanation:
            explanation_fail(explanation_id=pk, code="lost", sentence=LOST)
        else:
            views_fail(views_id=pk, code="lost", sentence=LOST)
    yield f"{len(found):,} pictures marked as failed; they can be asked for again"


def _swept(name: str, run: Any) -> Any:
    def mend(look: Look, found: list[Damage]) -> Iterator[str]:
        run(now=look.now)
        yield f"the sweep of {name} was run for {len(found):,}"

    return mend


CHECKS = (
    Check(
        "analysis_stuck",
        "Analyses wait or run and nobody works on them: is there a worker, and beat?",
        _analyses,
        _analyses_mend,
    ),
    Check(
        "analysis_unanswered",
        "Analyses are finished and say nothing.",
        _unanswered,
        _unanswered_mend,
    ),
    Check(
        "answer_standing",
        "Of each image exactly one answer stands; lists show it twice or not at all otherwise.",
        _standing,
        _standing_mend,
    ),
    Check(
        "image_unlooked",
        "Images without an analysis.",
        _unlooked,
        left="Have their owner delete them and hand them in once more.",
    ),
    Check(
        "analysis_owner",
        "Analyses belong to the owner of their submission, who alone sees them.",
        _ownerless,
        _ownerless_mend,
    ),
    Check(
        "fetch_stuck",
        "Addresses are not fetched: is there a worker on the queue errands?",
        _fetches,
        _swept("addresses", fetches_sweep),
    ),
    Check(
        "batch_stuck",
        "Batches do not go on: is there a worker on the queue errands?",
        _batches,
        _swept("batches", batches_sweep),
    ),
    Check(
        "delivery_stuck",
        "Webhooks are not told: is there a worker on the queue errands?",
        _deliveries,
        _swept("webhooks", webhooks_sweep),
    ),
    Check(
        "import_stuck",
        "Imports do not go on: is there a worker on the queue background?",
        _imports,
        _swept("imports", imports_sweep),
    ),
    Check(
        "export_stuck",
        "Exports of people's own data are not made: is there a worker on the queue background?",
        _exports,
        _swept("exports", exports_sweep),
    ),
    Check(
        "run_stuck",
        "Training runs do not go on: is there a worker on the queue training?",
        _runs,
        _swept("training runs", runs_sweep),
    ),
    Check(
        "pending_files",
        "Files of writers that were killed before they made rows, and no sweep saw to them: is "
        "there a worker, and beat?",
        _pending,
        _pending_mend,
    ),
    Check(
        "picture_stuck",
        "Views and heatmaps that were asked for are not drawn: is there a worker on pictures?",
        _pictures,
        _pictures_mend,
    ),
)
