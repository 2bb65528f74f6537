"""Staff see what is in a dataset, bring images in, browse, delete and freeze; others do not."""

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from detection import tasks
from detection.models import (
    Dataset,
    DatasetImport,
    Feedback,
    Item,
    ItemState,
    Role,
    Snapshot,
    TrainingRun,
)
from detection.services.datasets import dataset_delete
from detection.services.snapshots import snapshot_freeze
from portal.models import User
from tests import labelled, people, work
from tests.fixtures import Committed, signed_in

pytestmark = pytest.mark.django_db

PAGES = ["overview", "images", "near", "imports", "change"]


def address(name: str, *arguments: object) -> str:
    return reverse(f"admin:detection_{name}", args=arguments)


@pytest.fixture
def filled() -> Dataset:
    return labelled.filled()


@pytest.fixture
def snapshot(filled: Dataset) -> Snapshot:
    return snapshot_freeze(datasets=[filled], user=None)


def every_page(dataset: Dataset, snapshot: Snapshot, job: DatasetImport) -> list[str]:
    item = dataset.items.first()
    assert item is not None
    return [
        *(address(f"dataset_{name}", dataset.pk) for name in PAGES),
        address("dataset_changelist"),
        address("dataset_add"),
        address("item_change", item.pk),
        address("item_changelist"),
        address("datasetimport_change", job.pk),
        address("datasetimport_changelist"),
        address("snapshot_change", snapshot.pk),
        address("snapshot_changelist"),
        address("snapshot_add"),
        address("dataset_from_analyses"),
        address("item_thumbnail", item.public_id),
        address("item_picture", item.public_id),
        address("datasetimport_progress", job.pk),
        address("dataset_delete", dataset.pk),
        address("snapshot_delete", snapshot.pk),
    ]


def test_staff_with_the_rights_open_every_page_and_nobody_else(
    as_admin: Client, as_charlie: Client, filled: Dataset, snapshot: Snapshot, tmp_path: Path
) -> None:
    source = labelled.write_folder(tmp_path / "a", {"REAL/x.png": b"no image"})
    job = labelled.imported(filled, source)
    bob = people.person("bob")
    bob.is_staff = True
    bob.save()
    as_bob = signed_in(bob)
    for path in every_page(filled, snapshot, job):
        assert as_admin.get(path).status_code == 200, path
        assert as_charlie.get(path).status_code == 302, path
        assert as_bob.get(path).status_code in (403, 404), path
        assert Client().get(path).status_code == 302, path


def test_posting_is_forbidden_without_the_rights(filled: Dataset, tmp_path: Path) -> None:
    bob = people.person("bob")
    bob.is_staff = True
    bob.save()
    for codename in ("view_dataset", "view_item", "view_datasetimport", "view_snapshot"):
        bob.user_permissions.add(Permission.objects.get(codename=codename))
    client = signed_in(bob)
    job = labelled.requested(filled, tmp_path)
    for path in (
        address("dataset_upload", filled.pk),
        address("dataset_server", filled.pk),
        address("dataset_images_delete", filled.pk),
        address("datasetimport_cancel", job.pk),
        address("snapshot_add"),
        address("dataset_from_analyses"),
    ):
        assert client.post(path).status_code == 403, path
    assert client.get(address("dataset_overview", filled.pk)).status_code == 200


def test_no_act_goes_through_without_a_token(admin: User, filled: Dataset, tmp_path: Path) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin)
    job = labelled.requested(filled, tmp_path)
    for path in (
        address("dataset_upload", filled.pk),
        address("dataset_server", filled.pk),
        address("dataset_images_delete", filled.pk),
        address("datasetimport_cancel", job.pk),
        address("snapshot_add"),
    ):
        assert strict.post(path, {"chosen": work.upload(b"x")}).status_code == 403, path


def test_a_dataset_is_made_changed_and_deleted(as_admin: Client, committed: Committed) -> None:
    form = {"name": "Mine", "role": "test", "description": "From here."}
    answer = as_admin.post(address("dataset_add"), form)
    dataset = Dataset.objects.get()
    assert answer["Location"] == address("dataset_imports", dataset.pk)
    assert dataset.created_by is not None
    labelled.item(dataset, 1)
    change = address("dataset_change", dataset.pk)
    answer = as_admin.post(change, {**form, "role": "training"}, follow=True)
    assert "nothing may learn from them" in answer.text
    answer = as_admin.post(change, {**form, "name": "Ours"})
    assert answer["Location"] == address("dataset_overview", dataset.pk)
    dataset.refresh_from_db()
    assert (dataset.name, dataset.role) == ("Ours", Role.TEST)
    assert "images and their files: 1" in as_admin.get(address("dataset_delete", dataset.pk)).text
    with committed():
        as_admin.post(address("dataset_delete", dataset.pk), {"post": "yes"})
    assert not Dataset.objects.exists()
    assert work.media_files() == set()


def test_chosen_datasets_are_deleted_with_their_files(
    as_admin: Client, committed: Committed
) -> None:
    chosen = [labelled.dataset("One"), labelled.dataset("Two")]
    labelled.item(chosen[0], 1)
    form = {
        "action": "delete_selected",
        "_selected_action": [dataset.pk for dataset in chosen],
        "post": "yes",
    }
    with committed():
        as_admin.post(address("dataset_changelist"), form)
    assert not Dataset.objects.exists()
    assert work.media_files() == set()


def test_images_and_zips_are_uploaded(
    as_admin: Client, admin: User, tmp_path: Path, settings: Settings, committed: Committed
) -> None:
    # An upload to a dataset may be larger than that of a visitor.
    settings.MAX_UPLOAD_BYTES = 3_000
    dataset = labelled.dataset()
    path = labelled.write_zip(tmp_path / "a.zip", labelled.class_folders(5))
    assert path.stat().st_size > settings.MAX_UPLOAD_BYTES
    form = {"label": "", "source": "Studio", "is_reviewed": "on"}
    with path.open("rb") as archive, committed():
        answer = as_admin.post(address("dataset_upload", dataset.pk), {**form, "chosen": archive})
    job = DatasetImport.objects.get()
    assert answer["Location"] == address("datasetimport_change", job.pk)
    tasks.import_images.apply([job.pk])
    items = Item.objects.filter(source="Studio", state=ItemState.ACCEPTED, added_by=admin)
    assert items.count() == 10
    page = as_admin.get(answer["Location"]).text
    assert "10 of 10 files" in page
    assert "every 1s" not in page


def test_what_cannot_be_uploaded_is_told_at_its_field(as_admin: Client, settings: Settings) -> None:
    dataset = labelled.dataset()
    path = address("dataset_upload", dataset.pk)
    loose = work.upload(labelled.file(1))
    assert "Say what the images are" in as_admin.post(path, {"chosen": loose}).text
    assert "Choose at least one image" in as_admin.post(path, {}).text
    settings.IMPORT_MAX_UPLOAD_BYTES = 1_000_000
    large = work.upload(bytes(3_000_000), "a.zip")
    assert "larger than 1 MB" in as_admin.post(path, {"chosen": large}).text
    assert not DatasetImport.objects.exists()
    assert work.media_files() == set()


def test_a_folder_on_the_server_is_imported_and_nothing_outside(
    as_admin: Client, settings: Settings
) -> None:
    dataset = labelled.dataset()
    root = Path(settings.DATASETS_ROOT)
    labelled.write_folder(root / "mine", labelled.class_folders(2))
    assert "<code>mine</code>" in as_admin.get(address("dataset_imports", dataset.pk)).text
    path = address("dataset_server", dataset.pk)
    page = as_admin.post(path, {"path": "../../etc"}).text
    assert "can be imported in the administration" in page
    as_admin.post(path, {"path": "mine"})
    job = DatasetImport.objects.get()
    page = as_admin.get(address("datasetimport_change", job.pk)).text
    assert 'hx-trigger="every 1s"' in page
    assert "Waits for the background worker" in page
    tasks.import_images.apply([job.pk])
    assert dataset.items.waiting().count() == 4


def test_every_field_among_the_ways_in_has_a_label_of_its_own(as_admin: Client) -> None:
    page = as_admin.get(address("dataset_imports", labelled.dataset().pk)).text
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    named = re.findall(r'<label[^>]*\bfor="([^"]+)"', page)
    assert {"upload_label", "server_label", "upload_is_reviewed"} <= set(named)
    assert set(named) <= set(ids)


@pytest.mark.parametrize("way", ["upload", "server"])
def test_the_address_of_a_refused_form_leads_back_when_it_is_loaded_anew(
    as_admin: Client, way: str
) -> None:
    dataset = labelled.dataset()
    path = address(f"dataset_{way}", dataset.pk)
    assert as_admin.post(path).status_code == 200
    assert as_admin.get(path)["Location"] == address("dataset_imports", dataset.pk)


def test_an_upload_is_listed_by_the_name_of_its_file(as_admin: Client, tmp_path: Path) -> None:
    dataset = labelled.dataset()
    archive = labelled.write_zip(tmp_path / "holiday.zip", labelled.class_folders(1))
    files = {"chosen": [work.upload(archive.read_bytes(), "holiday.zip")]}
    as_admin.post(address("dataset_upload", dataset.pk), files)
    assert "holiday.zip into Mine" in as_admin.get(address("datasetimport_changelist")).text
    assert ">holiday.zip</a>" in as_admin.get(address("dataset_imports", dataset.pk)).text


def test_an_import_is_cancelled(as_admin: Client, tmp_path: Path) -> None:
    job = labelled.requested(labelled.dataset(), tmp_path)
    answer = as_admin.post(address("datasetimport_cancel", job.pk), follow=True)
    assert "is cancelled" in answer.text
    answer = as_admin.post(address("datasetimport_cancel", job.pk), follow=True)
    assert "had ended already" in answer.text
    assert as_admin.get(address("datasetimport_cancel", job.pk)).status_code == 405


def test_refused_files_are_named_with_their_reason(as_admin: Client, tmp_path: Path) -> None:
    folder = labelled.write_folder(tmp_path / "a", {"REAL/<b>bad</b>.png": b"no image"})
    job = labelled.imported(labelled.dataset(), folder)
    page = as_admin.get(address("datasetimport_change", job.pk)).text
    assert "Nothing added" in page
    assert "Finished" not in page
    assert "Nothing added" in as_admin.get(address("dataset_imports", job.dataset.pk)).text
    everywhere = as_admin.get(address("datasetimport_changelist")).text
    assert "a into Mine" in everywhere
    assert "Nothing added" in everywhere
    assert "unsupported_format" in page
    assert "<b>bad" not in page


def test_the_overview_tells_counts_and_what_is_missing(as_admin: Client) -> None:
    dataset = labelled.dataset()
    assert "No images yet" in as_admin.get(address("dataset_overview", dataset.pk)).text
    for n in range(3):
        labelled.item(dataset, n, "real")
    labelled.item(labelled.dataset("Other"), 1)
    page = as_admin.get(address("dataset_overview", dataset.pk)).text
    assert "the other label is missing" in page
    assert ">Other</a>" in page
    assert "32 \u00d7 32" in page


def test_images_are_browsed_filtered_and_deleted(
    as_admin: Client, filled: Dataset, committed: Committed
) -> None:
    path = address("dataset_images", filled.pk)
    page = as_admin.get(path, {"label": "fake", "state": "accepted"}).text
    assert page.count("data-cell ") == 30
    assert page.count("data-chip--fake") == 30
    assert "No image is like that" in as_admin.get(path, {"source": "nowhere"}).text
    assert as_admin.get(path, {"label": "nonsense", "page": "99"}).status_code == 200
    gone = filled.items.all()[:2]
    form = {"item": [item.public_id for item in gone]}
    delete = address("dataset_images_delete", filled.pk)
    assert "tick the images first" in as_admin.post(delete, follow=True).text
    question = as_admin.post(delete, form).text
    assert "Delete 2 images of Mine" in question
    assert all(f'value="{public_id}"' in question for public_id in form["item"])
    assert filled.items.count() == 60
    with committed():
        answer = as_admin.post(delete, {**form, "confirmed": "yes"}, follow=True)
    assert "2 images deleted" in answer.text
    assert filled.items.count() == 58
    assert len(work.media_files()) == 58


def test_more_images_cost_no_more_queries(as_admin: Client, filled: Dataset) -> None:
    few = labelled.dataset("Few")
    labelled.item(few, 1)
    as_admin.get(address("dataset_images", few.pk))  # a session's first request notes more
    for name in ("images", "overview", "near"):
        counts = []
        for dataset in (few, filled):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                as_admin.get(address(f"dataset_{name}", dataset.pk))
            counts.append(len(queries))
        assert abs(counts[0] - counts[1]) <= 1, name


def test_images_that_look_alike_stand_together(as_admin: Client) -> None:
    dataset = labelled.filled(3)
    labelled.item(dataset, 1, "fake", content=labelled.file(1, "JPEG"))
    page = as_admin.get(address("dataset_near", dataset.pk)).text
    assert "1 group of images" in page
    assert "Some are labelled real" in page
    assert page.count('class="data-cell"') == 2


def test_pictures_are_small_upright_webp_and_a_lost_file_is_not_found(
    as_admin: Client, filled: Dataset
) -> None:
    item = filled.items.first()
    assert item is not None
    answer = as_admin.get(address("item_thumbnail", item.public_id))
    assert answer["Content-Type"] == "image/webp"
    assert answer.content[8:12] == b"WEBP"
    assert "private" in answer["Cache-Control"]
    item.file.delete(save=False)
    assert as_admin.get(address("item_thumbnail", item.public_id)).status_code == 404


def test_a_snapshot_is_frozen_refused_and_looked_at(as_admin: Client, filled: Dataset) -> None:
    form = {
        "datasets": [filled.pk],
        "validation_percent": 6,
        "test_percent": 10,
        "seed": 7,
        "note": "The first",
    }
    answer = as_admin.post(address("snapshot_add"), form)
    snapshot = Snapshot.objects.get()
    assert answer["Location"] == address("snapshot_change", snapshot.pk)
    page = as_admin.get(answer["Location"]).text
    assert "The first" in page
    assert snapshot.sha256 in page
    assert "holds exactly these images already" in as_admin.post(address("snapshot_add"), form).text
    one_side = as_admin.get(answer["Location"], {"split": "test", "label": "real"}).text
    assert one_side.count('class="data-cell"') == 3
    Item.objects.all().delete()
    assert "deleted" in as_admin.get(answer["Location"]).text
    as_admin.post(address("snapshot_delete", snapshot.pk), {"post": "yes"})
    assert not Snapshot.objects.exists()


def test_a_deleted_dataset_is_named_where_it_was_learnt_from(
    as_admin: Client, filled: Dataset, snapshot: Snapshot
) -> None:
    run = TrainingRun.objects.create(snapshot=snapshot, architecture="tiny")
    question = as_admin.get(address("dataset_delete", filled.pk)).text
    assert f"{snapshot}: keep hashes" in question
    assert f"{run}: cannot be repeated" in question
    dataset_delete(dataset=filled, user=None)
    assert "of Mine (deleted since)" in as_admin.get(address("snapshot_change", snapshot.pk)).text
    assert ">Mine<" in as_admin.get(address("snapshot_changelist")).text


def test_datasets_with_reviewed_images_are_ticked_in_advance(as_admin: Client) -> None:
    labelled.dataset("Empty")
    labelled.item(labelled.dataset("Waiting"), 1, state=ItemState.PENDING)
    full = labelled.filled(2)
    path = address("snapshot_add")
    ticked = re.compile(r'<input[^>]*value="(\d+)"[^>]*\schecked[\s>]')
    assert ticked.findall(as_admin.get(path).text) == [str(full.pk)]


def test_sealed_datasets_cannot_be_chosen(as_admin: Client) -> None:
    test = labelled.dataset("Test", Role.TEST)
    page = as_admin.get(address("snapshot_add")).text
    assert "There is no training dataset yet" in page
    form = {"datasets": [test.pk], "validation_percent": 6, "test_percent": 10, "seed": 7}
    assert as_admin.post(address("snapshot_add"), form).status_code == 200
    assert not Snapshot.objects.exists()


def test_analyses_are_added_from_their_list_and_their_page(
    as_admin: Client, admin: User, alice: User
) -> None:
    dataset = labelled.dataset()
    own = work.ended(work.queued(admin, labelled.file(1)))
    silent = work.ended(work.queued(alice, labelled.file(2)))
    agreed = work.ended(work.queued(alice, labelled.file(3)))
    Feedback.objects.create(analysis=agreed, user=alice, label="real", has_consent=True)
    ids = [own.pk, silent.pk, agreed.pk]
    form = {"action": "add_chosen", "_selected_action": ids}
    answer = as_admin.post(address("analysis_changelist"), form)
    page = as_admin.get(answer["Location"]).text
    assert "3 images" in page
    # The verdicts preset nothing: a label that is vouched for is a person's.
    assert '<option value="" selected>choose…</option>' in page
    unsaid = as_admin.post(answer["Location"], {"dataset": dataset.pk}).text
    assert "Say what the images are." in unsaid
    assert not dataset.items.exists()
    given = {"dataset": dataset.pk, "label": "real", "source": "Desk"}
    answer = as_admin.post(answer["Location"], given, follow=True)
    assert "2 added to Mine" in answer.text
    assert "1 not added: Its owner has not agreed" in answer.text
    assert set(dataset.items.values_list("analysis", flat=True)) == {own.pk, agreed.pk}
    detail = as_admin.get(address("analysis_change", own.pk)).text
    assert "add-to-dataset" in detail
