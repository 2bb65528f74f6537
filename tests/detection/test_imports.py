"""Imports bring images in batch by batch, refuse by name, and go on where they were stopped."""

import zipfile
from pathlib import Path

import pytest
from django.core.files.base import File
from django.db import OperationalError
from pytest_django import Settings

from detection import tasks
from detection.models import AuditEvent, Dataset, DatasetImport, Item, ItemState, Role, Work
from detection.services import import_requests, imports
from detection.services.datasets import dataset_delete
from detection.services.import_requests import (
    ImportRefused,
    import_cancel,
    import_path,
    import_request,
    imports_sweep,
    uploads_import,
    worker_started,
)
from detection.services.snapshots import snapshot_freeze
from detection.services.sweeper import sweep
from portal.models import User
from tests import labelled, work
from tests.fixtures import Committed

pytestmark = pytest.mark.django_db

HERE = "background@here"


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of five, so that few files make several."""
    monkeypatch.setattr(imports, "BATCH_FILES", 5)


@pytest.fixture
def dataset() -> Dataset:
    return labelled.dataset()


@pytest.mark.parametrize("is_folder", [True, False])
def test_images_come_in_with_the_labels_of_their_folders(
    dataset: Dataset, tmp_path: Path, small_batches: None, is_folder: bool
) -> None:
    files = {f"deep/down/{path}": content for path, content in labelled.class_folders(8).items()}
    write = labelled.write_folder if is_folder else labelled.write_zip
    job = labelled.imported(dataset, write(tmp_path / "source", files), source="Studio")
    assert (job.state, job.total, job.done, job.added) == ("finished", 16, 16, 16)
    assert (job.copies, job.refused, job.percent) == (0, 0, 100)
    for label in ("real", "fake"):
        items = Item.objects.filter(label=label, state=ItemState.ACCEPTED, source="Studio")
        assert items.count() == 8
    stored = {item.sha256: item.file.read() for item in Item.objects.all()}
    assert set(stored.values()) == set(files.values())
    ended = AuditEvent.objects.get(action="import_finished")
    assert ended.details == {"added": 16, "copies": 0, "refused": 0}


def test_labels_that_nobody_vouches_for_wait_for_review(dataset: Dataset, tmp_path: Path) -> None:
    path = labelled.write_zip(tmp_path / "a.zip", labelled.class_folders(2))
    labelled.imported(dataset, path, is_reviewed=False)
    assert Item.objects.waiting().count() == 4


def test_a_sealed_dataset_takes_nothing_that_a_snapshot_learns_from(tmp_path: Path) -> None:
    files = labelled.class_folders(30)
    path = labelled.write_zip(tmp_path / "train.zip", files)
    learnt = labelled.dataset("Learnt")
    labelled.imported(learnt, path)
    snapshot = snapshot_freeze(datasets=[learnt], user=None)
    fit = snapshot.lines.learnt_from().count()
    job = labelled.imported(labelled.dataset("Sealed", Role.TEST), path)
    assert (job.added, job.refused, job.copies) == (60 - fit, fit, 0)
    assert {refusal["code"] for refusal in job.refusals} == {"learnt_from"}


def test_one_label_for_all_stands_above_the_folders(dataset: Dataset, tmp_path: Path) -> None:
    path = labelled.write_zip(tmp_path / "a.zip", {"x.png": labelled.file(1), **odd_folder()})
    job = labelled.imported(dataset, path, label="fake")
    assert job.added == 2
    assert set(Item.objects.values_list("label", flat=True)) == {"fake"}


def odd_folder() -> dict[str, bytes]:
    return {"Real/y.png": labelled.file(2)}


def test_the_innermost_folder_tells(dataset: Dataset, tmp_path: Path) -> None:
    files = {"REAL/pairs/Fake/a.png": labelled.file(1), "fake\\real\\b.png": labelled.file(2)}
    labelled.imported(dataset, labelled.write_zip(tmp_path / "a.zip", files))
    assert dict(Item.objects.values_list("file_name", "label")) == {
        "a.png": "fake",
        "b.png": "real",
    }


def test_copies_are_counted_and_contradictions_listed(dataset: Dataset, tmp_path: Path) -> None:
    test = labelled.dataset("Test", Role.TEST)
    labelled.item(test, 10, "real")
    labelled.item(test, 11, "real")
    labelled.item(dataset, 12, "real")
    files = {
        "REAL/1.png": labelled.file(1),
        "REAL/again.png": labelled.file(1),
        "FAKE/other.png": labelled.file(1),
        "REAL/sealed.png": labelled.file(10),
        "FAKE/liar.png": labelled.file(11),
        "REAL/here.png": labelled.file(12),
    }
    job = labelled.imported(dataset, labelled.write_zip(tmp_path / "a.zip", files))
    assert (job.added, job.copies, job.refused) == (1, 2, 3)
    assert {refusal["file"]: refusal["code"] for refusal in job.refusals} == {
        "other.png": "contradicts_copy",
        "sealed.png": "sealed_copy",
        "liar.png": "contradicts_sealed",
    }


def test_what_is_no_image_or_would_do_harm_is_listed_and_the_rest_comes_in(
    dataset: Dataset, tmp_path: Path, settings: Settings
) -> None:
    settings.MAX_UPLOAD_BYTES = 50_000
    files = {
        "REAL/good.png": labelled.file(1),
        "REAL/text.png": b"no image",
        "REAL/empty.png": b"",
        "REAL/../../../evil.png": labelled.file(2),
        "/REAL/absolute.png": labelled.file(3),
        "C:/REAL/drive.png": labelled.file(4),
        "REAL/more.zip": b"PK",
        "REAL/large.png": bytes(60_000),
        "nowhere.png": labelled.file(5),
        "__MACOSX/REAL/._good.png": b"x",
        "REAL/.DS_Store": b"x",
    }
    path = labelled.write_zip(tmp_path / "a.zip", files)
    job = labelled.imported(dataset, path)
    assert (job.state, job.total, job.added, job.refused) == ("finished", 9, 1, 8)
    codes = {refusal["file"]: refusal["code"] for refusal in job.refusals}
    assert codes == {
        "text.png": "unsupported_format",
        "empty.png": "empty_file",
        "evil.png": "unsafe_path",
        "absolute.png": "unsafe_path",
        "drive.png": "unsafe_path",
        "more.zip": "nested_archive",
        "large.png": "file_too_large",
        "nowhere.png": "no_label",
    }
    assert not (tmp_path.parent / "evil.png").exists()
    assert len(work.media_files()) == 1


def test_locked_and_damaged_entries_are_refused_by_name(dataset: Dataset, tmp_path: Path) -> None:
    path = labelled.write_zip(tmp_path / "a.zip", labelled.class_folders(2))
    content = bytearray(path.read_bytes())
    # The first entry is said to be locked, in its own header and in the directory at the end.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    # A byte of the second one's content is another one.
    at = content.index(labelled.file(1))
    content[at + 60] ^= 255
    path.write_bytes(content)
    job = labelled.imported(dataset, path)
    assert job.added == 2
    assert [refusal["code"] for refusal in job.refusals] == ["encrypted_entry", "damaged_entry"]


def test_an_entry_said_to_lie_before_the_archive_is_damaged_and_ends_nothing(
    dataset: Dataset, tmp_path: Path
) -> None:
    path = labelled.write_zip(tmp_path / "a.zip", labelled.class_folders(2))
    content = bytearray(path.read_bytes())
    # The directory is said to lie further back than it does, and with it all entries.
    at = content.rindex(b"PK\x05\x06") + 16
    content[at : at + 4] = (int.from_bytes(content[at : at + 4], "little") + 40).to_bytes(
        4, "little"
    )
    path.write_bytes(content)
    job = labelled.imported(dataset, path)
    assert (job.state, job.added) == ("finished", 0)
    assert {refusal["code"] for refusal in job.refusals} == {"damaged_entry"}


def test_links_in_a_folder_lead_nowhere(dataset: Dataset, tmp_path: Path) -> None:
    outside = labelled.write_folder(tmp_path / "outside", {"REAL/secret.png": labelled.file(1)})
    root = labelled.write_folder(tmp_path / "in", {"REAL/good.png": labelled.file(2)})
    (root / "REAL" / "link.png").symlink_to(outside / "REAL" / "secret.png")
    (root / "FAKE").symlink_to(outside / "REAL")
    job = labelled.imported(dataset, root)
    assert job.added == 1
    assert {refusal["file"] for refusal in job.refusals} <= {"link.png", "FAKE"}


@pytest.mark.parametrize(
    ("files", "limits", "code"),
    [
        ({"REAL/a.png": bytes(1000)}, {"IMPORT_MAX_UNPACKED_BYTES": 500}, "archive_too_large"),
        (dict.fromkeys("abc", b"x"), {"IMPORT_MAX_FILES": 2}, "too_many_entries"),
    ],
)
def test_an_archive_beyond_the_limits_is_refused_as_a_whole(
    dataset: Dataset,
    tmp_path: Path,
    settings: Settings,
    files: dict[str, bytes],
    limits: dict[str, int],
    code: str,
) -> None:
    for name, value in limits.items():
        setattr(settings, name, value)
    job = labelled.imported(dataset, labelled.write_zip(tmp_path / "a.zip", files))
    assert (job.state, job.error_code, job.added) == ("failed", code, 0)
    assert job.error_sentence.endswith(".")


def test_a_bomb_is_refused_before_it_goes_off(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"REAL/{number}.png", bytes(100_000_000))
    job = labelled.imported(dataset, path)
    assert (job.state, job.error_code) == ("failed", "zip_bomb")


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04"])
def test_what_is_no_archive_is_told(dataset: Dataset, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    assert labelled.imported(dataset, path).error_code == "damaged_archive"
    assert labelled.imported(dataset, tmp_path / "none.zip").error_code == "missing_source"


def test_a_full_disk_ends_it_and_nothing_is_half_written(dataset: Dataset, tmp_path: Path) -> None:
    path = labelled.write_zip(tmp_path / "a.zip", labelled.class_folders(5))
    job = labelled.requested(dataset, path)
    with labelled.no_room():
        imports.import_run(import_id=job.pk, worker=HERE)
    job.refresh_from_db()
    assert (job.state, job.error_code, job.done) == ("failed", "disk_full", 0)
    assert work.media_files() == set()
    assert not Item.objects.exists()


class Killed(BaseException):
    """What ends a process in the middle."""


def stopped_after(job: DatasetImport, batches: int, error: BaseException | None = None) -> None:
    """Run an import until so many batches are stored, then let it be killed."""

    def progress(claim: DatasetImport) -> None:
        nonlocal batches
        batches -= 1
        if not batches:
            raise error or Killed

    with pytest.raises(Killed):
        imports.import_run(import_id=job.pk, worker=HERE, progress=progress)


def test_a_killed_import_goes_on_where_it_was(
    dataset: Dataset, tmp_path: Path, small_batches: None
) -> None:
    path = labelled.write_zip(tmp_path / "a.zip", labelled.class_folders(10))
    job = labelled.requested(dataset, path)
    stopped_after(job, 2)
    job.refresh_from_db()
    assert (job.state, job.done, job.added) == ("running", 10, 10)
    assert worker_started(worker="another") == 0
    assert worker_started(worker=HERE) == 1
    read: list[int] = []
    assert imports.import_run(
        import_id=job.pk, worker=HERE, progress=lambda claim: read.append(claim.done)
    )
    job.refresh_from_db()
    assert (job.state, job.added, job.copies) == ("finished", 20, 0)
    assert min(read) == 15
    assert len(work.media_files()) == 20


def test_the_sweeper_takes_up_what_a_lost_worker_left(
    dataset: Dataset, tmp_path: Path, small_batches: None
) -> None:
    job = labelled.requested(
        dataset, labelled.write_zip(tmp_path / "a.zip", labelled.class_folders(10))
    )
    stopped_after(job, 1)
    work.delivered("background")
    sweep()
    assert work.delivered("background") == []
    DatasetImport.objects.update(heartbeat_at="2026-01-01T00:00:00Z")
    sweep()
    assert work.delivered("background") == [job.pk]
    tasks.import_images.apply([job.pk])
    job.refresh_from_db()
    assert (job.state, job.added) == ("finished", 20)


def test_what_takes_its_worker_down_again_and_again_ends(dataset: Dataset, tmp_path: Path) -> None:
    path = labelled.write_zip(tmp_path / "a.zip", labelled.class_folders(2))
    job = labelled.requested(dataset, path)
    for _ in range(3):
        assert imports.import_claim(import_id=job.pk, worker=HERE)
        worker_started(worker=HERE)
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "worker_lost")


def test_a_database_that_goes_away_leaves_it_to_be_taken_up_again(
    dataset: Dataset, tmp_path: Path, small_batches: None
) -> None:
    path = labelled.write_zip(tmp_path / "a.zip", labelled.class_folders(10))
    job = labelled.requested(dataset, path)

    def gone(claim: DatasetImport) -> None:
        raise OperationalError("server has gone away")

    assert not imports.import_run(import_id=job.pk, worker=HERE, progress=gone)
    job.refresh_from_db()
    assert (job.state, job.done) == ("running", 5)


def test_a_cancelled_import_stops_within_a_batch_and_keeps_what_it_has(
    dataset: Dataset, tmp_path: Path, small_batches: None, alice: User
) -> None:
    path = labelled.write_zip(tmp_path / "a.zip", labelled.class_folders(10))
    job = labelled.requested(dataset, path)

    def cancel(claim: DatasetImport) -> None:
        import_cancel(job=claim, user=alice)

    assert not imports.import_run(import_id=job.pk, worker=HERE, progress=cancel)
    job.refresh_from_db()
    assert (job.state, job.done, Item.objects.count()) == ("cancelled", 5, 5)
    assert len(work.media_files()) == 5
    assert not import_cancel(job=job, user=alice)


def test_a_dataset_that_is_deleted_meanwhile_ends_it(
    dataset: Dataset, tmp_path: Path, small_batches: None, committed: Committed
) -> None:
    path = labelled.write_zip(tmp_path / "a.zip", labelled.class_folders(10))
    job = labelled.requested(dataset, path)
    with committed():
        imports.import_run(
            import_id=job.pk,
            worker=HERE,
            progress=lambda claim: (dataset_delete(dataset=dataset, user=None), None)[1],
        )
    assert not Item.objects.exists()
    assert work.media_files() == set()


def test_delivered_twice_it_runs_once(dataset: Dataset, tmp_path: Path) -> None:
    job = labelled.imported(
        dataset, labelled.write_zip(tmp_path / "a.zip", labelled.class_folders(2))
    )
    assert not imports.import_run(import_id=job.pk, worker=HERE)
    assert not imports.import_run(import_id=0, worker=HERE)


def test_what_nobody_foresaw_ends_the_import_and_not_the_worker(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = labelled.write_zip(tmp_path / "a.zip", labelled.class_folders(2))
    job = labelled.requested(dataset, path)
    monkeypatch.setattr(imports, "BATCH_BYTES", "a fault of our own")
    tasks.import_images.apply([job.pk])
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "internal")
    assert "reference" in job.error_sentence


def test_an_upload_is_kept_until_it_is_imported(
    dataset: Dataset, tmp_path: Path, admin: User, committed: Committed
) -> None:
    work.delivered("background")
    path = labelled.write_zip(tmp_path / "mine.ZIP", labelled.class_folders(2))
    loose = [work.upload(labelled.file(n), "same.png") for n in (50, 51)]
    with path.open("rb") as opened, committed():
        archive = File(opened, name="mine.ZIP")
        jobs = uploads_import(
            dataset=dataset, user=admin, files=[*loose, archive], label="real", is_reviewed=True
        )
    assert work.delivered("background") == [job.pk for job in jobs]
    assert len(work.media_files()) == 2
    with committed():
        for job in jobs:
            tasks.import_images.apply([job.pk])
    assert Item.objects.filter(label="real", added_by=admin).count() == 6
    assert len(work.media_files()) == 6
    assert DatasetImport.objects.exclude(archive="").count() == 0


def test_images_of_which_nobody_says_what_they_are_are_not_taken(dataset: Dataset) -> None:
    with pytest.raises(ImportRefused) as refused:
        uploads_import(dataset=dataset, user=None, files=[work.upload(b"x")], label="")
    assert refused.value.code == "no_label"


def test_an_upload_that_the_disk_cannot_hold_leaves_nothing(dataset: Dataset) -> None:
    with labelled.no_room(), pytest.raises(ImportRefused) as refused:
        import_request(dataset=dataset, user=None, archive=work.upload(bytes(5000), "a.zip"))
    assert refused.value.code == "disk_full"
    assert work.media_files() == set()
    assert not DatasetImport.objects.exists()


def test_without_a_broker_it_waits_for_the_sweeper(
    dataset: Dataset, tmp_path: Path, committed: Committed, broker_is_away: None
) -> None:
    with committed():
        job = labelled.requested(dataset, tmp_path, is_run_here=False)
    job.refresh_from_db()
    assert (job.state, job.enqueued_at) == (Work.QUEUED, None)
    assert imports_sweep() == 0


def test_the_panel_reaches_only_below_its_folder(tmp_path: Path, settings: Settings) -> None:
    root = labelled.write_folder(tmp_path / "datasets", {"a/REAL/x.png": b"x"})
    (root / "out").symlink_to(tmp_path)
    assert import_path("a") == root / "a"
    for outside in ("..", "../datasets-2", "/etc", "out", "a/../../x"):
        with pytest.raises(ImportRefused) as refused:
            import_path(outside)
        assert refused.value.code == "outside_root"
    with pytest.raises(ImportRefused) as refused:
        import_path("b")
    assert refused.value.code == "missing_source"


def test_the_task_has_the_name_by_which_it_is_sent() -> None:
    assert tasks.import_images.name == import_requests.IMPORT_IMAGES
