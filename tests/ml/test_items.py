"""Items are read like files of a folder: in order, prepared, the unreadable ones listed."""

import hashlib
from functools import partial

import numpy as np
import pytest

from ml.datasets import DatasetError, LabelledItem, load_items, stream_items
from tests.ml.conftest import FORM, blob


def item(label: int, seed: int) -> LabelledItem:
    return LabelledItem(f"{seed}.jpg", ("real", "fake")[label], partial(blob, label, seed))


def gone() -> bytes:
    raise FileNotFoundError


def test_items_become_images_in_their_order() -> None:
    seen: list[tuple[int, int]] = []
    images = load_items(
        [item(1, 5), item(0, 3)], FORM, progress=lambda *done: seen.append(done), source="Snapshot"
    )
    assert images.labels.tolist() == [1, 0]
    assert images.names == ("5.jpg", "3.jpg")
    assert images.hashes[0] == hashlib.sha256(blob(1, 5)).hexdigest()
    assert images.pixels.shape == (2, 8, 8, 3)
    assert images.source == "Snapshot"
    assert seen == [(2, 2)]


def test_one_class_alone_is_taken() -> None:
    assert load_items((item(0, seed) for seed in range(3)), FORM).labels.tolist() == [0, 0, 0]


def test_what_is_gone_or_no_image_is_listed_and_left_out() -> None:
    items = [item(seed % 2, seed) for seed in range(300)]
    items[7] = LabelledItem("lost.jpg", "real", gone)
    items[280] = LabelledItem("text.jpg", "fake", lambda: b"no image")
    images = load_items(items, FORM)
    assert len(images) == 298
    assert [line.split(":")[0] for line in images.unreadable] == ["lost.jpg", "text.jpg"]
    assert [len(chunk) for chunk in stream_items(items, FORM)] == [249, 49]


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([], "too_few_images"),
        ([item(0, 1), LabelledItem("lost.jpg", "real", gone)], "too_many_unreadable"),
        ([LabelledItem("cat.jpg", "cat", partial(blob, 0, 1))], "unknown_label"),
    ],
)
def test_items_that_are_refused(items: list[LabelledItem], code: str) -> None:
    with pytest.raises(DatasetError) as caught:
        load_items(items, FORM)
    assert caught.value.code == code
    assert np.char.count(caught.value.sentence, "\n") == 0
