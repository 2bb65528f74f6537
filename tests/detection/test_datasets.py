"""Datasets are made, changed, filled and deleted; what may not come in is refused by name."""

import io

import pytest
from PIL import Image

from detection.image_files import ImageRejected
from detection.models import (
    AuditEvent,
    Dataset,
    Feedback,
    Item,
    ItemState,
    Role,
    SnapshotItem,
    Split,
)
from detection.services.datasets import (
    DatasetRefused,
    ItemRefused,
    dataset_create,
    dataset_delete,
    dataset_update,
    item_add,
    items_add_from_analyses,
    items_delete,
)
from detection.services.snapshots import snapshot_freeze
from portal.models import User
from tests import labelled, work
from tests.fixtures import Committed

pytestmark = pytest.mark.django_db


def test_an_item_keeps_what_is_known_of_its_file(alice: User) -> None:
    dataset = labelled.dataset()
    item = item_add(
        dataset=dataset,
        content=labelled.file(1),
        file_name="../cat.png",
        label="fake",
        state=ItemState.PENDING,
        source="Somewhere",
        user=alice,
    )
    item.refresh_from_db()
    assert (item.width, item.height, item.format) == (32, 32, "PNG")
    assert item.file.read() == labelled.file(1)
    assert (item.source, item.added_by, item.state) == ("Somewhere", alice, "pending")
    assert "/" not in item.file_name
    assert item.perceptual_hash != 0
    event = AuditEvent.objects.get(action="item_add")
    assert (event.user, event.details["sha256"]) == (alice, item.sha256)


def test_a_file_is_in_a_dataset_once() -> None:
    dataset = labelled.dataset()
    labelled.item(dataset, 1)
    with pytest.raises(ItemRefused) as refused:
        labelled.item(dataset, 1)
    assert refused.value.code == "copy_in_dataset"
    with pytest.raises(ItemRefused) as refused:
        labelled.item(dataset, 1, "fake")
    assert refused.value.code == "contradicts_copy"
    assert len(work.media_files()) == 1


@pytest.mark.parametrize(
    ("label", "code"), [("real", "sealed_copy"), ("fake", "contradicts_sealed")]
)
@pytest.mark.parametrize("role", [Role.TEST, Role.REGRESSION])
def test_what_is_sealed_is_never_learnt_from(role: str, label: str, code: str) -> None:
    labelled.item(labelled.dataset("Test", role), 1, "real")
    with pytest.raises(ItemRefused) as refused:
        labelled.item(labelled.dataset(), 1, label)
    assert refused.value.code == code
    if code == "contradicts_sealed":
        assert "Real" in refused.value.sentence
        assert "AI-generated" in refused.value.sentence


def test_a_sealed_dataset_may_take_what_a_training_dataset_has() -> None:
    labelled.item(labelled.dataset(), 1)
    assert labelled.item(labelled.dataset("Test", Role.TEST), 1).pk


@pytest.mark.parametrize("role", [Role.TEST, Role.REGRESSION])
def test_no_version_is_judged_on_what_a_snapshot_learns_from(role: str) -> None:
    learnt = labelled.filled()
    snapshot = snapshot_freeze(datasets=[learnt], user=None)
    split = dict(snapshot.lines.values_list("item__file_name", "split"))
    contents = {f"{seed}.png": labelled.file(seed) for seed in range(60)}
    # The lines of a snapshot remember the files even when the images are gone.
    dataset_delete(dataset=learnt, user=None)
    sealed = labelled.dataset("Test", role)
    for name, content in contents.items():
        if split[name] == Split.TEST:
            assert labelled.item(sealed, 0, content=content).pk
            continue
        with pytest.raises(ItemRefused) as refused:
            labelled.item(sealed, 0, content=content)
        assert refused.value.code == "learnt_from"
        assert "Snapshot 1" in refused.value.sentence


def test_copies_of_what_was_learnt_from_become_no_test() -> None:
    learnt, copies = labelled.filled(), labelled.dataset("Copies")
    labelled.item(copies, 1)
    snapshot_freeze(datasets=[learnt], user=None)
    dataset_delete(dataset=learnt, user=None)
    with pytest.raises(DatasetRefused) as refused:
        dataset_update(dataset=copies, user=None, name="Test", role=Role.TEST, description="")
    assert refused.value.code == "learnt_from"


def test_what_is_no_image_is_refused_and_leaves_no_file() -> None:
    with pytest.raises(ImageRejected) as rejected:
        labelled.item(labelled.dataset(), 1, content=b"no image")
    assert rejected.value.code == "unsupported_format"
    assert work.media_files() == set()
    assert not Item.objects.exists()


def test_a_full_disk_is_told_and_nothing_is_half_written() -> None:
    dataset = labelled.dataset()
    with labelled.no_room(), pytest.raises(ItemRefused) as refused:
        labelled.item(dataset, 1)
    assert refused.value.code == "disk_full"
    assert work.media_files() == set()
    assert not Item.objects.exists()


def test_a_name_is_given_once() -> None:
    labelled.dataset("One")
    with pytest.raises(DatasetRefused) as refused:
        dataset_create(user=None, name="One", role=Role.TEST)
    assert refused.value.code == "name_taken"


def test_a_sealed_dataset_never_becomes_training_once_it_has_images() -> None:
    dataset = labelled.dataset("Test", Role.TEST)
    labelled.item(dataset, 1)
    with pytest.raises(DatasetRefused) as refused:
        changed(dataset, Role.TRAINING)
    assert refused.value.code == "sealed"
    assert Dataset.objects.get().role == Role.TEST
    assert changed(dataset, Role.REGRESSION).role == Role.REGRESSION


def test_no_test_is_made_of_what_was_learnt(alice: User) -> None:
    dataset = labelled.filled()
    snapshot_freeze(datasets=[dataset], user=alice)
    with pytest.raises(DatasetRefused) as refused:
        changed(dataset, Role.TEST)
    assert refused.value.code == "learnt_from"


def test_a_dataset_goes_with_its_files_and_snapshots_keep_the_hashes(
    alice: User, committed: Committed
) -> None:
    dataset = labelled.filled()
    snapshot = snapshot_freeze(datasets=[dataset], user=alice)
    with committed():
        assert dataset_delete(dataset=dataset, user=alice) == 60
    assert work.media_files() == set()
    assert not Dataset.objects.exists()
    lines = SnapshotItem.objects.filter(snapshot=snapshot)
    assert lines.count() == 60
    assert set(lines.values_list("item", flat=True)) == {None}
    assert AuditEvent.objects.get(action="dataset_delete").details == {"items": 60}


def test_chosen_items_are_deleted_with_their_files(alice: User, committed: Committed) -> None:
    dataset = labelled.dataset()
    gone, stays = labelled.item(dataset, 1), labelled.item(dataset, 2)
    with committed():
        items_delete(items=Item.objects.filter(pk=gone.pk), user=alice)
    assert list(Item.objects.all()) == [stays]
    assert len(work.media_files()) == 1


def test_analysed_images_are_added_with_their_origin(admin: User) -> None:
    dataset = labelled.dataset()
    first, second = work.queued(admin, labelled.file(1)), work.queued(admin, labelled.file(1))
    added, refused = items_add_from_analyses(
        dataset=dataset, analyses=[first, second], label="fake", user=admin
    )
    assert [item.analysis for item in added] == [first]
    assert added[0].state == ItemState.ACCEPTED
    assert [analysis for analysis, _ in refused] == [second]


def test_nobodys_image_is_added_without_their_consent(alice: User, admin: User) -> None:
    dataset = labelled.dataset()
    analysis = work.ended(work.queued(alice, labelled.file(1)))
    silent = work.ended(work.queued(alice, labelled.file(2)))
    Feedback.objects.create(analysis=analysis, user=alice, label="real", has_consent=True)
    Feedback.objects.create(analysis=silent, user=alice, label="real", has_consent=False)
    added, refused = items_add_from_analyses(
        dataset=dataset, analyses=[analysis, silent], label="real", user=admin
    )
    assert [item.analysis for item in added] == [analysis]
    assert refused == [(silent, "Its owner has not agreed that it is used for training.")]


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "I;16"])
def test_pictures_of_every_mode_are_hashed(mode: str) -> None:
    picture = labelled.picture(1).convert("L")
    picture = Image.new("I;16", (32, 32), 900) if mode == "I;16" else picture.convert(mode)
    content = saved(picture)
    assert labelled.item(labelled.dataset(), 1, content=content).format == "PNG"


def saved(picture: Image.Image) -> bytes:
    """The picture as a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def changed(dataset: Dataset, role: str) -> Dataset:
    """The dataset in another role."""
    return dataset_update(dataset=dataset, user=None, name=dataset.name, role=role, description="")
