"""Views are drawn of the picture's own pixels, from one decoding, upright and with thin traces."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from ml.errors import ImageReadError
from ml.views import FULL, LONGEST_SIDE, NAMES, draw
from ml.views.drawing import MOST_PIXELS, MOST_SIDE
from ml.views.errorlevels import error_levels
from ml.views.gradient import gradient
from ml.views.noise import noise
from ml.views.reading import read
from ml.views.shrinking import averaged, strongest
from ml.views.spectrum import TILE, spectrum
from tests import images
from tests.scenes import jpeg, scene

MOST = 10**7


def drawn(content: bytes) -> dict[str, npt.NDArray[np.int_]]:
    views = draw(content, max_pixels=MOST)
    assert tuple(views.pictures)[: len(NAMES)] == NAMES
    pictures = {}
    for name in NAMES:
        file = views.pictures[name]
        with Image.open(io.BytesIO(file)) as image:
            assert image.format == "WEBP"
            pictures[name] = np.asarray(image).astype(int)
    return pictures


@pytest.mark.parametrize("format", list(images.FORMATS))
def test_every_format_is_drawn(format: str) -> None:  # noqa: A002
    for name, picture in drawn(images.image_file(format, (48, 32))).items():
        assert picture.shape[:2] == ((48, 48) if name == "spectrum" else (32, 48))


@pytest.mark.parametrize("name", list(images.unusual_modes()))
def test_every_mode_is_drawn(name: str) -> None:
    drawn(images.unusual_modes()[name])


def test_a_large_picture_is_shrunken_and_a_small_one_left_as_it_is() -> None:
    for name, picture in drawn(jpeg(scene((2000, 700)), 90)).items():
        expected = (TILE, TILE) if name == "spectrum" else (448, LONGEST_SIDE)
        assert picture.shape[:2] == expected
    for name, picture in drawn(images.image_file("PNG", (300, 20))).items():
        assert picture.shape[:2] == ((300, 300) if name == "spectrum" else (20, 300))


def full(content: bytes, most: int = MOST) -> Image.Image | None:
    file = draw(content, max_pixels=most).pictures.get(FULL)
    return None if file is None else images.opened(file)


def test_only_a_large_picture_is_shown_with_its_own_pixels_too() -> None:
    assert full(jpeg(scene((LONGEST_SIDE, 700)), 90)) is None
    picture = scene((2000, 700))
    shown = full(images.encoded(picture, "PNG"))
    assert shown is not None
    assert shown.size == picture.size
    difference = np.asarray(shown.convert("L")).astype(int) - np.asarray(picture.convert("L"))
    assert abs(difference).mean() < 3


def test_the_picture_with_its_own_pixels_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = images.SIDEWAYS
    shown = full(images.encoded(scene((2000, 700)), "JPEG", exif=exif.tobytes()))
    assert shown is not None
    assert shown.size == (700, 2000)


@pytest.mark.parametrize("size", [(6000, 3000), (20_000, 4)])
def test_the_picture_with_its_own_pixels_is_bounded(size: tuple[int, int]) -> None:
    shown = full(images.encoded(Image.new("RGB", size), "PNG"), 10**8)
    assert shown is not None
    assert (
        MOST_PIXELS * 0.99 < shown.width * shown.height <= MOST_PIXELS or shown.width == MOST_SIDE
    )


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_it_stands_upright(format: str) -> None:  # noqa: A002
    for name, picture in drawn(images.sideways(format)).items():
        assert picture.shape[:2] == ((48, 48) if name == "spectrum" else (48, 32))


def test_the_grid_of_a_turned_jpeg_is_kept() -> None:
    exif = Image.Exif()
    exif[0x0112] = images.SIDEWAYS
    picture = scene((324, 244))
    turned = images.encoded(picture, "JPEG", quality=90, exif=exif.tobytes())
    plain = images.encoded(picture, "JPEG", quality=90)
    expected = np.rot90(error_levels(read(plain, max_pixels=MOST).rgb, LONGEST_SIDE), -1)
    source = read(turned, max_pixels=MOST)
    assert (source.upright(error_levels(source.rgb, LONGEST_SIDE)) == expected).all()


def test_luma_comes_as_it_was_compressed() -> None:
    """By way of RGB it would be rounded twice more, which hides what an earlier saving left."""
    content = jpeg(scene((160, 120)), 95)
    source = read(content, max_pixels=MOST)
    with Image.open(io.BytesIO(content)) as image:
        image.draft("L", None)
        assert (source.luma == np.asarray(image)).all()
        assert source.table is not None
        assert list(source.table) == image.quantization[0]  # type: ignore[attr-defined]


def test_a_jpeg_that_holds_red_green_and_blue_is_read() -> None:
    content = images.encoded(scene((64, 64)), "JPEG", quality=95, keep_rgb=True)
    source = read(content, max_pixels=MOST)
    assert np.abs(source.rgb.astype(int) - np.asarray(scene((64, 64)))).mean() < 5
    assert source.table is None
    assert draw(content, max_pixels=MOST).recompression is None


def test_a_part_that_was_saved_less_often_has_higher_error_levels() -> None:
    picture = images.opened(jpeg(scene((320, 320)), 60))
    fresh = scene((96, 96), seed=1)
    picture.paste(fresh, (112, 112))
    levels = error_levels(np.asarray(picture), LONGEST_SIDE).astype(int)
    inside = levels[120:200, 120:200].mean()
    assert inside > 1.5 * levels[:100, :100].mean()


def test_a_patch_that_was_smoothed_has_less_noise() -> None:
    picture = scene((320, 320))
    patch = picture.crop((96, 96, 224, 224)).resize((32, 32)).resize((128, 128))
    picture.paste(patch, (96, 96))
    levels = noise(np.asarray(picture.convert("L")), LONGEST_SIDE).astype(int)
    assert levels[110:210, 110:210].mean() < levels[:80, :80].mean() / 2


def test_a_pattern_that_repeats_is_a_point_in_the_spectrum() -> None:
    luma = np.asarray(scene((512, 512)).convert("L")).astype(int)
    luma[:, ::4] += 6  # a wave every four pixels across
    picture = spectrum(np.clip(luma, 0, 255).astype(np.uint8)).astype(int)
    middle, away = TILE // 2, TILE // 4
    for column in (middle - away, middle + away):
        around = picture[middle - 9 : middle + 10, column - 9 : column + 10]
        assert around.max() == picture[middle - 1 : middle + 2, column - 1 : column + 2].max()
        assert around.max() > np.median(around) + 40


def test_the_spectrum_is_the_same_at_opposite_frequencies() -> None:
    picture = spectrum(np.asarray(scene((300, 200)).convert("L")))
    assert picture.shape == (300, 300)
    assert (picture[1:, 1:] == picture[1:, 1:][::-1, ::-1]).all()


def test_the_gradient_tells_towards_which_side_it_gets_brighter() -> None:
    ramp = np.tile(np.arange(0, 240, 3, dtype=np.uint8), (80, 1))
    inner = (slice(10, 70), slice(10, 70))
    to_the_right, downwards, to_the_left = (
        gradient(np.ascontiguousarray(plane), LONGEST_SIDE)[inner].reshape(-1, 3).mean(0)
        for plane in (ramp, ramp.T, ramp[:, ::-1])
    )
    assert to_the_right[0] > 150 > 130 > to_the_right[1] > 125
    assert downwards[1] > 150 > 130 > downwards[0] > 125
    assert to_the_left[0] < 105


def test_a_thin_line_survives_shrinking() -> None:
    plane = np.zeros((3000, 2500), np.uint8)
    plane[:, 1234] = 200
    assert (strongest(plane, 300).max(1) == 200).all()
    assert averaged(plane.astype(np.int16), 300).max() < 40


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 3000), (3000, 1), (7, 9), (70000, 3)])
def test_an_extreme_shape_is_drawn(size: tuple[int, int]) -> None:
    drawn(images.image_file("PNG", size))


def test_a_plain_picture_stays_dark() -> None:
    pictures = drawn(images.plain("white", (64, 64)))
    assert pictures["noise"].max() == 0
    assert pictures["error_levels"].max() <= 16


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"no image", "not_an_image"),
        (jpeg(scene((64, 64)), 90)[:-900], "damaged_image"),
        (images.png_bomb(), "too_many_pixels"),
    ],
)
def test_what_cannot_be_read_is_told(content: bytes, code: str) -> None:
    with pytest.raises(ImageReadError) as raised:
        draw(content, max_pixels=MOST)
    assert raised.value.code == code


def test_a_file_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    content = jpeg(scene((64, 64)), 90)
    opened: list[Any] = []
    real = Image.open

    def watched(file: Any, **options: Any) -> Image.Image:
        opened.append(file)
        return real(file, **options)

    monkeypatch.setattr(Image, "open", watched)
    draw(content, max_pixels=MOST)
    assert sum(file.getvalue() == content for file in opened) == 1
