"""Crops are native pixels on the file's own grid: all of a small picture, some of a large one."""

import numpy as np
import pytest

from ml.photo.crops import LEAST_SIDE, MAX_CROPS, SIDE, cut, positions
from tests.ml import photo_models

SIZES = [(224, 224), (231, 640), (448, 448), (576, 576), (640, 480), (671, 672), (900, 895)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_crops_cover_a_picture_whole(width: int, height: int) -> None:
    pixels = photo_models.pixels(width, height)
    seen = np.zeros((height, width), int)
    for left, top in positions(pixels):
        assert left % 8 == top % 8 == 0
        seen[top : top + SIDE, left : left + SIDE] += 1
    assert seen[: height // 8 * 8, : width // 8 * 8].min() >= 1


@pytest.mark.parametrize(("width", "height"), [(224, 224), (448, 448)])
def test_as_few_as_can_be(width: int, height: int) -> None:
    assert len(positions(photo_models.pixels(width, height))) == width * height // SIDE**2


@pytest.mark.parametrize(
    ("width", "height"), [(1000, 1000), (5000, 300), (240, 9000), (2400, 1800), (3000, 224)]
)
def test_crops_of_a_large_picture_are_few_and_inside(width: int, height: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    places = positions(pixels)
    assert places == positions(pixels)
    assert MAX_CROPS * 3 // 4 <= len(places) <= MAX_CROPS
    assert len(set(places)) == len(places)
    for left, top in places:
        assert left % 8 == top % 8 == 0
        assert 0 <= left <= width - SIDE
        assert 0 <= top <= height - SIDE


def test_texture_draws_crops_and_every_part_keeps_one() -> None:
    pixels = np.full((1800, 2400, 3), 90, np.uint8)
    rng = np.random.default_rng(0)
    pixels[40:300, 30:280] = rng.integers(0, 256, (260, 250, 3))
    pixels[1000:1250, 1600:1900] = rng.integers(0, 256, (250, 300, 3))
    places = positions(pixels)
    crops = cut(pixels, places)
    grainy = [place for place, crop in zip(places, crops, strict=True) if crop.std() > 40]
    assert [(left // 600, top // 450) for left, top in grainy] == [(0, 0), (2, 2)]
    for lefts in (range(1200), range(1200, 2400)):
        for tops in (range(900), range(900, 1800)):
            middles = [(left + SIDE // 2, top + SIDE // 2) for left, top in places]
            assert sum(x in lefts and y in tops for x, y in middles) == MAX_CROPS // 4


def test_a_crop_is_the_pictures_own_pixels() -> None:
    pixels = photo_models.pixels(600, 400)
    places = positions(pixels)
    crops = cut(pixels, places)
    assert crops.shape == (len(places), SIDE, SIDE, 3)
    for crop, (left, top) in zip(crops, places, strict=True):
        assert np.array_equal(crop, pixels[top : top + SIDE, left : left + SIDE])


def test_a_small_picture_goes_on_as_its_mirror_image() -> None:
    pixels = photo_models.pixels(LEAST_SIDE, 240)
    places = positions(pixels)
    assert places == [(0, 0), (0, 16)]
    first, second = cut(pixels, places)
    assert np.array_equal(first[:, :LEAST_SIDE], pixels[:SIDE])
    assert np.array_equal(first[:, LEAST_SIDE:], pixels[:SIDE, : LEAST_SIDE - SIDE - 1 : -1])
    assert np.array_equal(second[:, :LEAST_SIDE], pixels[16:])
