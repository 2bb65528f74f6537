"""A process may be killed between files and rows: what it leaves is found and goes."""

import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from detection.models import Analysis, Leftover, ModelVersion, PendingFiles, SubmittedImage, Track
from detection.services import intake
from detection.services.claimed import MOST_FACES, files_of, heatmap_of
from detection.services.data_exports import export_request, export_run
from detection.services.evaluations import evaluations_make
from detection.services.import_requests import import_request
from detection.services.imports import import_run
from detection.services.pending import LEASES, Note, NoteGone, noted, pending_sweep
from detection.services.storage import files_forget, leftovers_delete
from detection.services.sweeper import sweep, worker_gives_back
from ml import faces
from portal.models import User
from tests import images, labelled, sealed, work

pytestmark = pytest.mark.django_db


def written(name: str = "originals/aa/a.bin") -> str:
    return default_storage.save(name, ContentFile(b"pixels"))


def later() -> Any:
    """A moment at which whoever wrote now is taken to be dead."""
    return timezone.now() + timedelta(seconds=LEASES * settings.ANALYSIS_LEASE_SECONDS + 1)


def test_nothing_is_noted_of_an_image_that_is_in(alice: User) -> None:
    work.hand_in(alice, images.plain("red"), images.image_file("PNG", (300, 300)))
    assert SubmittedImage.objects.count() == 2
    assert not PendingFiles.objects.exists()


def test_what_a_killed_process_wrote_is_swept_once_it_has_been_silent(alice: User) -> None:
    Note([written()])
    sweep()
    assert work.media_files()
    sweep(now=later())
    assert work.media_files() == set()
    assert not PendingFiles.objects.exists()
    assert not Leftover.objects.exists()


def test_whoever_goes_on_is_not_swept() -> None:
    note = Note([written()])
    note._seen_at = long_ago = timezone.now() - timedelta(days=1)
    PendingFiles.objects.update(seen_at=long_ago)
    note.renew()
    assert pending_sweep() == 0
    note.settle()


def test_whoever_was_swept_makes_no_rows(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from detection.services.intake import adding
    from detection.services.intake.drafts import drafted

    def slowly(*args: Any) -> Any:
        draft = drafted(*args)
        pending_sweep(now=later())
        leftovers_delete()
        return draft

    monkeypatch.setattr(adding, "drafted", slowly)
    with pytest.raises(NoteGone) as caught:
        intake.image_add(
            submission=intake.submission_open(owner=alice), file=work.upload(images.plain("red"))
        )
    assert caught.value.status == 503
    assert not SubmittedImage.objects.exists()
    assert work.media_files() == set()


class Killed(BaseException):
    """Stands for the end of a process, after which nothing of it runs."""


def adds_an_item(user: User) -> None:
    labelled.item(labelled.dataset("One"), 1)


def imports_items(user: User) -> None:
    job = import_request(
        dataset=labelled.dataset("Many"), user=user, archive=an_archive(), is_run_here=True
    )
    import_run(import_id=job.pk, worker="background@here")


def keeps_an_upload(user: User) -> None:
    import_request(dataset=labelled.dataset("Upload"), user=user, archive=an_archive())


def judges_a_test_set(user: User) -> None:
    sealed.dataset()
    evaluations_make(version=ModelVersion.objects.get())


def packs_everything(user: User) -> None:
    work.hand_in(user, images.plain("red"))
    export = export_request(owner=user)
    export_run(export_id=export.pk, worker="background@here")


def an_archive() -> File:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in labelled.class_folders(2).items():
            archive.writestr(name, content)
    packed.seek(0)
    return File(packed, name="images.zip")


@pytest.mark.parametrize(
    ("act", "folder"),
    [
        (adds_an_item, "items"),
        (imports_items, "items"),
        (keeps_an_upload, "imports"),
        (judges_a_test_set, "evaluations"),
        (packs_everything, "data-exports"),
    ],
)
def test_whoever_is_killed_between_file_and_row_leaves_what_the_sweep_finds(
    act: Callable[[User], None],
    folder: str,
    alice: User,
    model: ModelVersion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settle = Note.settle

    def killed(note: Note, **options: Any) -> None:
        if any(name.startswith(f"{folder}/") for name in note.names):
            raise Killed
        settle(note, **options)

    monkeypatch.setattr(Note, "settle", killed)
    monkeypatch.setattr(Note, "drop", lambda note: None)
    with pytest.raises(Killed):
        act(alice)
    monkeypatch.undo()
    (note,) = PendingFiles.objects.all()
    stored = {str(path.relative_to(settings.MEDIA_ROOT)) for path in work.media_files()}
    assert note.listed
    assert set(note.listed) <= stored
    sweep(now=later())
    left = {str(path.relative_to(settings.MEDIA_ROOT)) for path in work.media_files()}
    assert left == stored - set(note.listed)
    assert not PendingFiles.objects.exists()


def test_what_has_no_files_is_not_noted() -> None:
    with noted([]) as note:
        assert not PendingFiles.objects.exists()
        note.renew()
        note.settle()


def test_a_commit_that_was_carried_out_and_not_told_keeps_its_files() -> None:
    """As when the database server is killed at that moment."""
    note = Note([written()])
    note.settle()
    note.drop()
    assert work.media_files()


def test_a_database_that_is_away_leaves_the_files_to_the_sweep() -> None:
    def away(*_: object) -> None:
        raise OperationalError("server has gone away")

    with pytest.raises(OperationalError), noted([written()]), connection.execute_wrapper(away):
        raise OperationalError("server has gone away")
    with pytest.raises(OperationalError), noted([written("originals/bb/b.bin")]):
        raise OperationalError("a deadlock")
    assert {path.name for path in work.media_files()} <= {"a.bin"}
    sweep(now=later())
    assert work.media_files() == set()


@pytest.mark.django_db(transaction=True)
def test_files_go_with_their_rows_and_are_noted_until_then() -> None:
    name = written()
    with transaction.atomic():
        files_forget([name])
        assert Leftover.objects.get().name == name
        assert work.media_files()
    assert work.media_files() == set()
    assert not Leftover.objects.exists()


def test_a_worker_that_died_before_its_commit_leaves_no_heatmap(
    alice: User, model: ModelVersion
) -> None:
    claim = work.queued(alice)
    Analysis.objects.filter(pk=claim.pk).update(
        state="running", started_at=timezone.now(), attempts=1, worker="inference@here"
    )
    claim.refresh_from_db()
    written(heatmap_of(claim))
    worker_gives_back(worker="inference@here")
    assert not [path for path in work.media_files() if "heatmaps" in path.parts]


def test_each_claim_calls_its_files_otherwise(alice: User) -> None:
    claim = work.queued(alice)
    claim.started_at, claim.attempts = timezone.now(), 1
    first = files_of(claim)
    claim.attempts = 2
    assert not set(first) & set(files_of(claim))
    claim.track = Track.FACE
    assert len(files_of(claim)) == MOST_FACES == faces.MOST_FACES
