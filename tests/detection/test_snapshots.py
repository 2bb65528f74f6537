"""A snapshot freezes reviewed images, and nothing of a sealed test, with copies on one side."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from pytest_django import Settings

from detection import perceptual
from detection.models import Item, ItemState, Role, Snapshot, Split
from detection.services.datasets import items_delete
from detection.services.snapshots import SnapshotRefused, snapshot_delete, snapshot_freeze
from tests import labelled

pytestmark = pytest.mark.django_db


def freeze(*datasets: object, **options: object) -> Snapshot:
    return snapshot_freeze(datasets=datasets, user=None, **options)  # type: ignore[arg-type]


def sides(snapshot: Snapshot) -> dict[str, str]:
    return dict(snapshot.lines.values_list("sha256", "split"))


def refusal(*datasets: object, **options: object) -> str:
    with pytest.raises(SnapshotRefused) as refused:
        freeze(*datasets, **options)
    assert refused.value.sentence.endswith(".")
    return refused.value.code


def test_reviewed_images_alone_are_frozen_and_both_labels_are_on_every_side() -> None:
    dataset = labelled.filled(50)
    labelled.item(dataset, 1000, state=ItemState.PENDING)
    labelled.item(dataset, 1001, state=ItemState.REJECTED)
    snapshot = freeze(dataset)
    assert snapshot.lines.count() == 100
    found = Counter(snapshot.lines.values_list("split", "label"))
    on_sides = {"test": 5, "validation": 3, "train": 42}
    assert found == {
        (side, label): count for side, count in on_sides.items() for label in ("real", "fake")
    }
    assert snapshot.counts["sides"]["test"] == {"real": 5, "fake": 5}
    assert snapshot.options["seed"] == 7


def test_the_same_seed_splits_alike_and_another_one_otherwise() -> None:
    dataset = labelled.filled(50)
    first = freeze(dataset)
    assert refusal(dataset) == "unchanged"
    other = freeze(dataset, seed=8)
    assert sides(other) != sides(first)
    kept = sides(first)
    snapshot_delete(snapshot=first, user=None)
    assert sides(freeze(dataset)) == kept


def test_what_was_learnt_from_never_becomes_a_test() -> None:
    dataset = labelled.filled(50)
    first = sides(freeze(dataset))
    more = labelled.filled(30, "More", start=500)
    second = freeze(dataset, more)
    assert {sha: sides(second)[sha] for sha in first} == first
    assert second.counts["difference"] == {
        "to": 1,
        "added": 60,
        "removed": 0,
        "relabelled": 0,
        "moved": 0,
    }
    assert second.counts["sides"]["test"] == {"real": 8, "fake": 8}


def test_the_difference_counts_what_was_added_removed_and_relabelled() -> None:
    dataset = labelled.filled(50)
    freeze(dataset)
    labelled.item(dataset, 900)
    items_delete(items=Item.objects.filter(file_name="3.png"), user=None)
    Item.objects.filter(file_name="4.png").update(label="fake")
    difference = freeze(dataset).counts["difference"]
    assert (difference["added"], difference["removed"], difference["relabelled"]) == (1, 1, 1)


@pytest.mark.parametrize("is_sealed_first", [True, False])
def test_sealed_files_and_their_near_copies_are_left_out(is_sealed_first: bool) -> None:
    test = labelled.dataset("Test", Role.TEST)
    if is_sealed_first:
        labelled.item(test, 3)
    dataset = labelled.dataset()
    for n in range(60):
        # Saved as JPEG, the third is another file and the same picture.
        content = labelled.file(n, "JPEG" if n == 3 else "PNG")
        labelled.item(dataset, n, "real" if n % 2 else "fake", content=content)
    labelled.item(test, 5)
    if not is_sealed_first:
        labelled.item(test, 3)
    snapshot = freeze(dataset)
    assert snapshot.counts["left_out"]["sealed_copies"] == 1
    assert snapshot.counts["left_out"]["sealed_near_copies"] == 1
    names = set(snapshot.lines.values_list("item__file_name", flat=True))
    assert not names & {"3.png", "5.png"}
    assert len(names) == 58


def test_near_copies_share_a_group_and_a_side() -> None:
    dataset = labelled.filled(40)
    for n in range(0, 80, 2):
        label = "real" if n < 40 else "fake"
        labelled.item(dataset, n, label, content=labelled.file(n, "JPEG"))
        labelled.item(dataset, n, label, content=labelled.file(n, "WEBP"))
    snapshot = freeze(dataset)
    groups = defaultdict(set)
    for name, group, split in snapshot.lines.values_list("item__file_name", "group", "split"):
        groups[name].add((group, split))
    assert {len(places) for places in groups.values()} == {1}
    assert snapshot.counts["groups"] == 80
    assert snapshot.counts["near_copies"] == 80
    assert set(snapshot.lines.values_list("split", flat=True)) == set(Split.values)


def test_a_file_with_two_labels_is_left_out_and_named() -> None:
    one, other = labelled.filled(30), labelled.filled(30, "Other", start=200)
    labelled.item(one, 700, "real")
    labelled.item(other, 700, "fake")
    labelled.item(one, 701, "real")
    labelled.item(other, 701, "real")
    counts = freeze(one, other).counts
    assert counts["left_out"]["label_conflicts"] == 2
    assert counts["conflicts"] == ["700.png", "700.png"]
    assert counts["left_out"]["copies"] == 1
    assert counts["images"] == 121


def test_too_little_and_unbalanced_data_is_refused(settings: Settings) -> None:
    assert refusal() == "no_dataset"
    assert refusal(labelled.dataset("Test", Role.TEST)) == "sealed_dataset"
    dataset = labelled.filled(15)
    assert refusal(dataset) == "too_few_images"
    for n in range(200, 300):
        labelled.item(dataset, n, "real")
    assert refusal(dataset) == "unbalanced"
    Item.objects.filter(label="fake").update(state=ItemState.REJECTED)
    assert refusal(dataset) == "one_class"
    assert refusal(dataset, test_share=0.0) == "bad_shares"
    assert not Snapshot.objects.exists()


def test_copies_of_one_image_do_not_make_a_dataset() -> None:
    dataset = labelled.filled(20)
    Item.objects.filter(label="fake").update(perceptual_hash=12345)
    assert refusal(dataset) == "too_few_groups"


def test_the_hash_tells_images_labels_and_sides() -> None:
    dataset = labelled.filled(30)
    snapshot = freeze(dataset)
    again = freeze(dataset, seed=3)
    assert len({snapshot.sha256, again.sha256}) == 2
    assert snapshot.number == 1
    assert again.number == 2


def test_hashes_of_different_pictures_lie_far_apart_and_of_copies_close() -> None:
    hashes = np.array(
        [perceptual.perceptual_hash(labelled.picture(n)) for n in range(300)], dtype=np.int64
    )
    assert len(set(perceptual.near_groups(hashes).tolist())) == 300
    flips = np.left_shift(np.int64(1), np.arange(300, dtype=np.int64) % 63)
    both = np.concatenate([hashes, hashes ^ flips])
    groups = perceptual.near_groups(both)
    assert (groups[:300] == groups[300:]).all()
    assert len(set(groups.tolist())) == 300


def test_near_pairs_are_those_that_comparing_all_with_all_finds() -> None:
    chance = np.random.default_rng(3)
    seeds = chance.integers(-(2**63), 2**63 - 1, 200, dtype=np.int64)
    hashes = np.concatenate([seeds] * 5)
    for _ in range(4):
        flips = np.left_shift(np.int64(1), chance.integers(0, 63, len(hashes)))
        hashes = np.where(chance.random(len(hashes)) < 0.6, hashes ^ flips, hashes)
    known, rest = hashes[:300], hashes[300:]
    distances = np.bitwise_count(rest[:, None].view(np.uint64) ^ known[None].view(np.uint64))
    expected = (distances <= perceptual.NEAR).any(axis=1)
    assert (perceptual.near_any(rest, known) == expected).all()
    assert 0 < expected.sum() < len(rest)


def test_even_surfaces_are_copies_of_nothing() -> None:
    hashes = np.array([perceptual.SHAPELESS] * 3, dtype=np.int64)
    assert len(set(perceptual.near_groups(hashes).tolist())) == 3
    assert not perceptual.near_any(hashes, hashes).any()
    assert perceptual.near_groups(hashes[:0]).tolist() == []
