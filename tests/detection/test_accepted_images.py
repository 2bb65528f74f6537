"""Every image that people have is taken in, whatever its format, pixel mode or orientation."""

import hashlib
import io
import tracemalloc

import pytest
from PIL import Image

from detection.image_files import FORMATS, ImageRejected, InspectedImage, Limits, inspect
from tests import images

LIMITS = Limits(max_bytes=2_000_000, max_pixels=1_000_000)
MODES = images.unusual_modes()


def inspected(content: bytes, limits: Limits = LIMITS) -> InspectedImage:
    return inspect(io.BytesIO(content), limits)


@pytest.mark.parametrize("name", images.FORMATS)
def test_it_takes_every_format(name: str) -> None:
    content = images.image_file(name)
    found = inspected(content)
    assert found.format == images.FORMATS[name]
    assert found.format in FORMATS
    assert (found.width, found.height) == (48, 32)
    assert found.byte_size == len(content)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.pixels.size == (48, 32)


@pytest.mark.parametrize("name", MODES)
def test_it_takes_every_pixel_mode(name: str) -> None:
    found = inspected(MODES[name])
    assert found.pixels.convert("RGB").size == (found.width, found.height)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIF"])
def test_it_tells_the_size_of_a_turned_image_as_it_is_seen(name: str) -> None:
    found = inspected(images.sideways(name))
    assert (found.width, found.height) == (32, 48)


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_it_looks_at_the_first_frame_of_an_animation(name: str) -> None:
    red, green, blue = inspected(images.animated(name)).pixels.convert("RGB").tobytes()[:3]
    assert red > 200
    assert green < 50
    assert blue < 50


@pytest.mark.parametrize("name", images.FORMATS)
@pytest.mark.parametrize("count", [1, 13, 70_000])
def test_it_does_not_mind_stray_bytes_behind_the_image(name: str, count: int) -> None:
    assert inspected(images.image_file(name) + bytes(count)).width == 48


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_it_does_not_mind_damaged_exif() -> None:
    damaged = b"Exif\0\0II*\0\xff\xff\xff\xff"
    found = inspected(images.encoded(images.picture(), "JPEG", exif=damaged))
    assert (found.width, found.height) == (48, 32)


def test_an_image_of_just_the_most_pixels_and_bytes_is_taken() -> None:
    content = images.image_file("PNG", (48, 32))
    inspected(content, Limits(len(content), 48 * 32))
    with pytest.raises(ImageRejected):
        inspected(content, Limits(len(content) - 1, 48 * 32))
    with pytest.raises(ImageRejected):
        inspected(content, Limits(len(content), 48 * 32 - 1))


@pytest.mark.parametrize("size", [(8000, 5000), (30_000, 1000), (1000, 30_000), (9000, 1)])
def test_a_large_jpeg_is_decoded_small_and_told_at_its_full_size(size: tuple[int, int]) -> None:
    content = images.encoded(Image.new("RGB", size, "teal"), "JPEG")
    found = inspected(content, Limits(20_000_000, 50_000_000))
    assert (found.width, found.height) == size
    assert max(found.pixels.size) >= 1280
    assert min(size) == 1 or max(found.pixels.size) <= max(2 * 1280, max(size) / 8)


def test_a_large_file_is_read_in_pieces() -> None:
    content = images.image_file("PNG") + bytes(20_000_000)
    stream = io.BytesIO(content)
    tracemalloc.start()
    try:
        inspect(stream, Limits(30_000_000, 1_000_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
