"""The doctor finds damage of every kind, mends what is safe, and says what it did."""

import datetime as dt
import json
import os
import shutil
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from detection.ml_gateway import GatewayError
from detection.models import (
    Analysis,
    AuditEvent,
    Batch,
    BatchState,
    DataExport,
    Dataset,
    DatasetImport,
    Explanation,
    ForensicViews,
    Leftover,
    ModelVersion,
    PendingFiles,
    RegisteredModel,
    Snapshot,
    State,
    Submission,
    SubmittedImage,
    TrainingRun,
    UrlFetch,
    Webhook,
    WebhookDelivery,
)
from detection.services.doctor import file_checks
from detection.services.doctor.examining import CHECKS
from detection.services.doctor.stored import still_named
from detection.services.files import original_read
from detection.services.storage import StorageUnavailable
from portal.models import User
from tests import images, work

LONG_AGO = timezone.now() - dt.timedelta(days=3)
HOURS = 3 * 3600


@pytest.fixture
def one(alice: User, model: ModelVersion) -> Analysis:
    """An analysed image of a healthy installation, with previews of both sizes."""
    work.analysed(alice, images.plain("red", (300, 300)))
    return work.analysed(alice)


def doctor(*options: str) -> tuple[int, dict[str, int], list[str]]:
    """Run the command: its status, how much each check found, and what was mended."""
    out = StringIO()
    try:
        call_command("doctor", "--json", *options, stdout=out)
        status = 0
    except SystemExit as left:
        status = int(str(left.code))
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    found = {line["check"]: line["count"] for line in told if line.get("count")}
    return status, found, [done for line in told for done in line.get("done", ())]


def test_a_healthy_installation_is_clean(one: Analysis) -> None:
    assert doctor("--deep", "--grace-seconds", "0") == (0, {}, [])
    out = StringIO()
    call_command("doctor", stdout=out)
    assert out.getvalue() == f"Nothing is wrong ({len(CHECKS)} checks).\n"


def image_of(analysis: Analysis) -> SubmittedImage:
    return SubmittedImage.objects.get(pk=analysis.image_id)


def aged(path: Path) -> None:
    then = time.time() - HOURS
    os.utime(path, (then, then))


def file_gone(field: str) -> Callable[[Analysis], None]:
    def plant(one: Analysis) -> None:
        large = SubmittedImage.objects.exclude(thumbnail="").get()
        default_storage.delete(getattr(large, field).name)

    return plant


def heatmap_gone(one: Analysis) -> None:
    default_storage.delete(str(one.heatmap.name))


def views_gone(one: Analysis) -> None:
    for name in ("views/a.webp", "views/b.webp"):
        default_storage.save(name, ContentFile(b"a picture"))
    ForensicViews.objects.create(
        image=image_of(one), state=State.FINISHED, noise="views/a.webp", gradient="views/b.webp"
    )
    default_storage.delete("views/a.webp")


def file_unnamed(one: Analysis) -> None:
    for number in range(1500):
        default_storage.save(f"previews/ab/{number}.webp", ContentFile(b"nobody's"))
        aged(Path(default_storage.path(f"previews/ab/{number}.webp")))


def original_short(one: Analysis) -> None:
    Path(default_storage.path(str(image_of(one).original.name))).write_bytes(b"short")


def preview_empty(one: Analysis) -> None:
    Path(default_storage.path(str(image_of(one).preview.name))).write_bytes(b"")


def heatmap_empty(one: Analysis) -> None:
    Path(default_storage.path(str(one.heatmap.name))).write_bytes(b"")


def thumbnail_empty(one: Analysis) -> None:
    large = SubmittedImage.objects.exclude(thumbnail="").get()
    Path(default_storage.path(str(large.thumbnail.name))).write_bytes(b"")


def views_empty(one: Analysis) -> None:
    views_gone(one)
    default_storage.save("views/a.webp", ContentFile(b""))


def pending(one: Analysis) -> None:
    default_storage.save("previews/ab/half.webp", ContentFile(b"on its way"))
    PendingFiles.objects.create(names="previews/ab/half.webp\npreviews/b", seen_at=LONG_AGO)


def preview_unsaid(one: Analysis) -> None:
    image = image_of(one)
    SubmittedImage.objects.filter(pk=image.pk).update(preview="")
    default_storage.delete(str(image.preview.name))


def leftover(one: Analysis) -> None:
    default_storage.save("previews/ab/left.webp", ContentFile(b"left"))
    for name in ("previews/ab/left.webp", str(image_of(one).preview.name)):
        Leftover.objects.create(name=name)
    Leftover.objects.update(created_at=LONG_AGO)


def run_folder(one: Analysis) -> None:
    folder = Path(settings.RUNS_ROOT) / "a-run-that-ended"
    (folder / "checkpoint").mkdir(parents=True)
    (folder / "checkpoint" / "weights").write_bytes(b"1")
    aged(folder)


def never_enqueued(one: Analysis) -> None:
    Analysis.objects.filter(pk=one.pk).update(
        state=State.QUEUED, enqueued_at=None, created_at=LONG_AGO
    )


def held_by_nobody(one: Analysis) -> None:
    Analysis.objects.filter(pk=one.pk).update(
        state=State.RUNNING, started_at=LONG_AGO, attempts=1, worker="gone@host"
    )


def without_verdict(one: Analysis) -> None:
    Analysis.objects.filter(pk=one.pk).update(verdict="")


def none_stands(one: Analysis) -> None:
    Analysis.objects.filter(pk=one.pk).update(is_current=False)


def two_stand(one: Analysis) -> None:
    repeat = Analysis.objects.get(pk=one.pk)
    repeat.pk, repeat.public_id, repeat.is_repeat = None, "another-public-id", True
    repeat.heatmap = ""
    repeat.save()


def unlooked(one: Analysis) -> None:
    one.image.analyses.all().delete()
    default_storage.delete(str(one.heatmap.name))
    SubmittedImage.objects.filter(pk=one.image_id).update(created_at=LONG_AGO)


def of_somebody_else(one: Analysis) -> None:
    Analysis.objects.filter(pk=one.pk).update(owner=User.objects.create(email="eve@example.org"))


def fetch_stuck(one: Analysis) -> None:
    submission = Submission.objects.create(owner_id=one.owner_id)
    UrlFetch.objects.create(submission=submission, url="https://example.org/a.png", due_at=LONG_AGO)


def batch_stuck(one: Analysis) -> None:
    submission = Submission.objects.create(owner_id=one.owner_id)
    Batch.objects.create(submission=submission, name="b.zip", state=BatchState.UNPACKING)


def delivery_stuck(one: Analysis) -> None:
    hook = Webhook.objects.create(owner_id=one.owner_id, url="https://example.org/hook")
    WebhookDelivery.objects.create(webhook=hook, event="test", next_attempt_at=LONG_AGO)


def import_stuck(one: Analysis) -> None:
    dataset = Dataset.objects.create(name="d")
    DatasetImport.objects.create(dataset=dataset, path="a.zip")


def export_stuck(one: Analysis) -> None:
    DataExport.objects.create(owner_id=one.owner_id, created_at=LONG_AGO)


def run_stuck(one: Analysis) -> None:
    snapshot = Snapshot.objects.create(number=1, sha256="0" * 64)
    TrainingRun.objects.create(
        snapshot=snapshot, architecture="tiny", model_name="m", fingerprint="f", slot=1,
        created_at=LONG_AGO,
    )  # fmt: skip


def picture_stuck(one: Analysis) -> None:
    Explanation.objects.create(analysis=one, method="hires-cam", asked_at=LONG_AGO)


def version_changed(one: Analysis) -> None:
    version = ModelVersion.objects.get()
    (version.directory / version.spec["weights_file"]).write_bytes(b"other weights")


def no_champion(one: Analysis) -> None:
    RegisteredModel.objects.update(champion=None)


def foreign_champion(one: Analysis) -> None:
    other = RegisteredModel.objects.create(name="other", track="photo")
    version = ModelVersion.objects.get()
    RegisteredModel.objects.exclude(pk=other.pk).update(champion=None)
    RegisteredModel.objects.filter(pk=other.pk).update(champion=version)


def folder_open(one: Analysis) -> None:
    folder = Path(settings.MEDIA_ROOT)
    folder.chmod(0o755)
    for above in folder.parents:
        if above.stat().st_uid == os.getuid() and above != Path(above.anchor):
            above.chmod(above.stat().st_mode | 0o011)


# What is planted; the check that finds it; how much; what is found once it was mended.
PLANTED: list[tuple[Callable[[Analysis], None], str, int, int]] = [
    (file_gone("original"), "file_missing", 1, 0),
    (file_gone("preview"), "file_missing", 1, 0),
    (file_gone("thumbnail"), "file_missing", 1, 0),
    (heatmap_gone, "file_missing", 1, 0),
    (views_gone, "file_missing", 1, 0),
    (file_unnamed, "file_unnamed", 1500, 0),
    (original_short, "file_damaged", 1, 1),
    (preview_empty, "file_damaged", 1, 0),
    (thumbnail_empty, "file_damaged", 1, 0),
    (heatmap_empty, "file_damaged", 1, 0),
    (views_empty, "file_damaged", 1, 0),
    (pending, "pending_files", 1, 0),
    (preview_unsaid, "file_unsaid", 1, 1),
    (leftover, "leftover", 2, 0),
    (run_folder, "draft", 1, 0),
    (never_enqueued, "analysis_stuck", 1, 0),
    (held_by_nobody, "analysis_stuck", 1, 0),
    (without_verdict, "analysis_unanswered", 1, 0),
    (none_stands, "answer_standing", 1, 0),
    (two_stand, "answer_standing", 1, 0),
    (unlooked, "image_unlooked", 1, 1),
    (of_somebody_else, "analysis_owner", 1, 0),
    (fetch_stuck, "fetch_stuck", 1, 0),
    (batch_stuck, "batch_stuck", 1, 0),
    (delivery_stuck, "delivery_stuck", 1, 1),
    (import_stuck, "import_stuck", 1, 0),
    (export_stuck, "export_stuck", 1, 0),
    (run_stuck, "run_stuck", 1, 0),
    (picture_stuck, "picture_stuck", 1, 0),
    (version_changed, "model_version", 1, 1),
    (no_champion, "champion", 1, 1),
    (foreign_champion, "champion", 2, 2),
    (folder_open, "rights", 2, 0),
]


@pytest.mark.parametrize(
    ("plant", "check", "count", "left"), PLANTED, ids=lambda one: getattr(one, "__name__", None)
)
def test_planted_damage_is_found_and_mended(
    one: Analysis,
    django_capture_on_commit_callbacks: Any,
    plant: Callable[[Analysis], None],
    check: str,
    count: int,
    left: int,
) -> None:
    plant(one)
    assert doctor()[:2] == (1, {check: count})
    with django_capture_on_commit_callbacks(execute=True):
        status, found, done = doctor("--repair")
    assert (status, found) == (1, {check: count})
    assert doctor()[1] == ({check: left} if left else {})
    acts = AuditEvent.objects.filter(action="doctor_repair")
    assert bool(done) == acts.exists()
    # A sweep of what cannot be told on, as here without a worker, has been run all the same.
    assert bool(done) == (not left or check == "delivery_stuck")


def test_every_check_is_planted() -> None:
    elsewhere = {"migration", "audit", "certificate", "key", "clock", "room"}
    assert {check.name for check in CHECKS} - elsewhere == {check for _, check, _, _ in PLANTED}


def test_what_is_young_is_left_alone(one: Analysis) -> None:
    default_storage.save("previews/ab/young.webp", ContentFile(b"on its way"))
    assert doctor("--repair") == (0, {}, [])
    assert doctor("--grace-seconds", "0")[:2] == (1, {"file_unnamed": 1})
    assert default_storage.exists("previews/ab/young.webp")


def test_an_image_whose_original_is_gone_keeps_its_verdict(one: Analysis, as_alice: Client) -> None:
    default_storage.delete(str(image_of(one).original.name))
    assert doctor("--repair")[2] == [
        f"SubmittedImage.original of row {one.image_id}: marked as lost; its verdicts stand"
    ]
    one.refresh_from_db()
    assert one.verdict
    assert image_of(one).original.name == ""
    assert default_storage.exists(str(image_of(one).preview.name))
    page = as_alice.get(f"/analyses/{one.public_id}/").content.decode()
    assert "The file that was handed in is lost" in page
    assert "Download the original" not in page
    assert one.get_verdict_display() in page
    assert not one.can_retry
    with pytest.raises(GatewayError) as told:
        original_read(image_of(one))
    assert told.value.code == "file_missing"


def test_a_file_that_got_a_row_meanwhile_is_not_deleted(
    one: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "previews/ab/late.webp"
    default_storage.save(name, ContentFile(b"named at the last moment"))
    aged(Path(default_storage.path(name)))

    def row_comes_first(names: list[str]) -> set[str]:
        SubmittedImage.objects.filter(pk=one.image_id).update(thumbnail=name)
        return still_named(names)

    monkeypatch.setattr(file_checks, "still_named", row_comes_first)
    doctor("--repair")
    assert default_storage.exists(name)


def test_a_migration_that_is_missing_is_all_that_is_told(one: Analysis) -> None:
    newest = MigrationRecorder.Migration.objects.filter(app="detection").latest("pk")
    newest.delete()
    heatmap_gone(one)
    assert doctor()[:2] == (1, {"migration": 1})


def test_a_storage_that_is_away_is_no_damage(
    one: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    from detection.services.doctor import files

    def away() -> None:
        raise StorageUnavailable("away")

    monkeypatch.setattr(files, "stored_files", away)
    with pytest.raises(CommandError) as told:
        call_command("doctor", stdout=StringIO())
    assert told.value.returncode == 2


def test_a_disk_that_is_nearly_full_is_told(one: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil._ntuple_diskusage(1000, 990, 10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    status, found, done = doctor("--check", "room")
    assert (status, done) == (1, [])
    assert found["room"] >= 1


def test_the_command_tells_people_what_it_means(one: Analysis) -> None:
    heatmap_gone(one)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", stdout=out)
    assert f"Analysis.heatmap of row {one.pk}: {one.heatmap.name} is gone" in out.getvalue()
    assert "file_missing: 1. A row names a file that is not there" in out.getvalue()
    assert "  --repair mends what can be mended\n" in out.getvalue()
    assert "by people" not in out.getvalue()


def told(*options: str) -> str:
    """What the command says to people, where it finds something."""
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", *options, stdout=out)
    return out.getvalue()


def test_what_is_left_to_people_is_said_and_nothing_else_is_promised(one: Analysis) -> None:
    original_short(one)
    for options in ((), ("--repair",)):
        text = told(*options)
        assert "  to be done by people: Restore the file from a backup" in text
        assert "mends" not in text
    heatmap_empty(one)
    text = told()
    assert "  --repair mends what can be mended, 1 here\n" in text
    assert "  to be done by people: Restore the file from a backup" in text


def test_every_check_says_what_is_left_to_people_unless_it_mends_all() -> None:
    for check in CHECKS:
        assert check.left or check.repair, check.name
        assert check.left.endswith(".") or not check.left, check.name


def test_an_empty_heatmap_goes_and_the_verdict_stays(one: Analysis) -> None:
    heatmap_empty(one)
    name, verdict = str(one.heatmap.name), one.verdict
    assert doctor("--repair")[2] == [
        f"Analysis.heatmap of row {one.pk}: the verdict stands without it"
    ]
    one.refresh_from_db()
    assert (one.heatmap.name, one.verdict) == ("", verdict)
    assert not default_storage.exists(name)


@pytest.mark.parametrize("field", ["preview", "heatmap"])
def test_a_picture_that_ends_in_the_middle_is_found_by_reading_it(
    one: Analysis, field: str
) -> None:
    row: Any = one if field == "heatmap" else image_of(one)
    name = str(getattr(row, field).name)
    path = Path(default_storage.path(name))
    path.write_bytes(path.read_bytes()[:-5])
    assert doctor() == (0, {}, [])
    assert doctor("--deep", "--repair")[1] == {"file_damaged": 1}
    assert doctor("--deep")[0] == 0
    assert default_storage.exists(name) == (field == "preview"), "a preview is drawn anew"


def test_folders_that_the_doctor_empties_go_too(one: Analysis) -> None:
    for name in ("previews/zz/a.webp", "previews/zz/b.webp"):
        default_storage.save(name, ContentFile(b"nobody's"))
        aged(Path(default_storage.path(name)))
    doctor("--repair")
    assert not Path(default_storage.path("previews/zz")).exists()
    assert Path(default_storage.path("previews")).exists()


def test_a_folder_that_goes_while_a_file_is_saved_is_made_once_more(
    one: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, opened = Path(default_storage.path("previews/zz")), os.open

    def gone_at_first(path: Any, *options: Any) -> int:
        monkeypatch.setattr(os, "open", opened)
        folder.rmdir()
        return opened(path, *options)

    monkeypatch.setattr(os, "open", gone_at_first)
    default_storage.save("previews/zz/a.webp", ContentFile(b"whole"))
    assert (folder / "a.webp").read_bytes() == b"whole"
