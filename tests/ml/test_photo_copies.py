"""Copies are told from likenesses, on photographs: saved again, scaled, with a border cut off."""

import io
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from ml.photo.copies import NEAR, SAME, cells_of, groups_of, is_same, near_pairs, shape_of
from tests.data import data_file


@pytest.fixture(scope="module")
def photographs() -> list[Image.Image]:
    with zipfile.ZipFile(data_file("site", "site2.zip")) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))[::4]
        files = [archive.read(name) for name in names]
    return [Image.open(io.BytesIO(file)).convert("RGB") for file in files]


def saved_again(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=60)
    return Image.open(buffer).convert("RGB")


def scaled(image: Image.Image) -> Image.Image:
    return image.resize((image.width * 9 // 10, image.height * 9 // 10), Image.Resampling.BICUBIC)


def trimmed(image: Image.Image) -> Image.Image:
    edge = round(0.02 * image.width)
    return image.crop((edge, edge, image.width - edge, image.height - edge))


def test_different_photographs_are_never_near(photographs: list[Image.Image]) -> None:
    assert len(near_pairs(np.stack([shape_of(image) for image in photographs]))) == 0


@pytest.mark.parametrize(("change", "bits"), [(saved_again, SAME), (scaled, SAME), (trimmed, NEAR)])
def test_copies_of_photographs_are_near(
    photographs: list[Image.Image], change: Callable[[Image.Image], Image.Image], bits: int
) -> None:
    pairs = [(shape_of(image), shape_of(change(image))) for image in photographs]
    distances = [int((one != other).sum()) for one, other in pairs]
    assert np.mean(np.array(distances) <= bits) >= 0.9


def test_copies_of_night_pictures_are_near_and_others_are_not(
    photographs: list[Image.Image],
) -> None:
    nights = [image.point(lambda level: level // 20) for image in photographs]
    assert np.median([np.asarray(night.convert("L")).std() for night in nights]) < 4
    shapes = np.stack([shape_of(night) for night in nights])
    assert len(near_pairs(shapes)) == 0
    again = np.stack([shape_of(saved_again(night)) for night in nights])
    assert np.mean((shapes != again).sum(axis=1) <= NEAR) >= 0.9


def test_one_picture_saved_twice_is_the_same_and_one_that_was_changed_is_not(
    photographs: list[Image.Image],
) -> None:
    first = photographs[0]
    changed = first.copy()
    changed.paste((255, 0, 0), (200, 200, 260, 260))
    images = [first, saved_again(first), changed]
    shapes = np.stack([shape_of(image) for image in images])
    cells = np.stack([cells_of(image) for image in images])
    found = is_same(shapes, cells, np.array([[0, 1], [0, 2]]))
    assert found.tolist() == [True, False]


def test_even_surfaces_are_like_nothing() -> None:
    plain = [shape_of(Image.new("RGB", (200, 200), color)) for color in ("white", "white", "blue")]
    assert len(near_pairs(np.stack(plain))) == 0


def test_who_is_linked_over_others_is_one_group() -> None:
    groups = groups_of(6, np.array([[0, 1], [1, 4], [2, 3]]))
    assert len(set(groups[[0, 1, 4]])) == 1
    assert len(set(groups)) == 3
    assert len(set(groups_of(3, np.empty((0, 2), np.intp)))) == 3
