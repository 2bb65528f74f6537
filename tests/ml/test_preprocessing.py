"""Any file that a person may hand in becomes the pixels that the network was trained on."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from ml.contract import Preprocessing
from ml.preprocessing import ImageReadError, has_jpeg_form, open_upright, prepare
from tests.data import cifake_images

FORM = Preprocessing()
PLAIN = Preprocessing(jpeg_quality=None)


def picture(width: int = 32, height: int = 32) -> Image.Image:
    """A smooth picture without symmetry: red grows to the right, green downwards."""
    rows, columns = np.mgrid[0:height, 0:width]
    channels = columns * 255 / (width - 1), rows * 255 / (height - 1), np.full_like(rows, 90)
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))


def saved(image: Image.Image, format_: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def cut(content: bytes) -> bytes:
    """A file that was cut off in the middle of its pixels, past its headers."""
    return content[: len(content) * 8 // 10]


def pixels(image: Image.Image) -> npt.NDArray[np.int_]:
    return np.asarray(image).astype(int)


def difference(content: bytes, expected: npt.ArrayLike, form: Preprocessing = PLAIN) -> float:
    return float(np.abs(prepare(content, form).astype(int) - np.asarray(expected)).mean())


@pytest.mark.parametrize(
    ("format_", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 90}, 3),
        ("AVIF", {"quality": 90}, 3),
        ("HEIF", {"quality": 90}, 3),
        ("JPEG", {"quality": 95}, 3),
        ("GIF", {}, 8),
    ],
)
def test_every_format_gives_its_picture(
    format_: str, options: dict[str, object], tolerance: float
) -> None:
    assert difference(saved(picture(), format_, **options), pixels(picture())) <= tolerance


def test_paths_and_bytes_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(saved(picture(), "PNG"))
    np.testing.assert_array_equal(prepare(path, FORM), prepare(path.read_bytes(), FORM))


def test_the_output_is_what_the_network_takes() -> None:
    prepared = prepare(saved(picture(200, 100), "PNG"), Preprocessing(width=24, height=16))
    assert prepared.shape == (16, 24, 3)
    assert prepared.dtype == np.uint8


def test_a_larger_image_is_scaled_down_whole() -> None:
    prepared = prepare(saved(picture(320, 160), "PNG"), PLAIN)
    assert np.abs(prepared.astype(int) - pixels(picture())).mean() < 3


class TestTheJpegForm:
    """The model must judge the picture, and not how its file was compressed."""

    def test_a_file_in_the_form_is_left_alone(self) -> None:
        content = saved(picture(), "JPEG", quality=75)
        decoded = np.asarray(Image.open(io.BytesIO(content)))
        np.testing.assert_array_equal(prepare(content, FORM), decoded)

    def test_another_file_is_brought_to_the_form(self) -> None:
        expected = prepare(saved(picture(), "JPEG", quality=75), FORM)
        np.testing.assert_array_equal(prepare(saved(picture(), "PNG"), FORM), expected)
        assert difference(saved(picture(), "PNG"), expected) > 0.2  # so the form did matter

    @pytest.mark.parametrize(
        "options",
        [{"quality": 74}, {"quality": 95}, {"quality": 75, "subsampling": 0}],
    )
    def test_another_quality_or_subsampling_is_not_the_form(
        self, options: dict[str, object]
    ) -> None:
        with Image.open(io.BytesIO(saved(picture(), "JPEG", **options))) as image:
            assert not has_jpeg_form(image, FORM)

    @pytest.mark.parametrize(("width", "height", "mode"), [(32, 31, "RGB"), (32, 32, "L")])
    def test_another_size_or_mode_is_not_the_form(self, width: int, height: int, mode: str) -> None:
        content = saved(picture(width, height).convert(mode), "JPEG", quality=75)
        with Image.open(io.BytesIO(content)) as image:
            assert not has_jpeg_form(image, FORM)

    def test_cifake_files_are_left_alone_and_their_png_copies_hardly_differ(self) -> None:
        files = {**cifake_images("REAL", 20), **cifake_images("FAKE", 20)}
        for content in files.values():
            with Image.open(io.BytesIO(content)) as image:
                assert has_jpeg_form(image, FORM)
                decoded = image.convert("RGB")
            np.testing.assert_array_equal(prepare(content, FORM), np.asarray(decoded))
            assert difference(saved(decoded, "PNG"), pixels(decoded), FORM) < 2.5


class TestPixelModes:
    """What is not plain RGB is handled, not refused."""

    def test_exif_orientation_is_applied(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6  # stored turned left: it is to be turned right for viewing
        stored = picture().transpose(Image.Transpose.ROTATE_90)
        content = saved(stored, "PNG", exif=exif)
        assert difference(content, pixels(picture())) == 0
        assert difference(saved(stored, "TIFF", exif=exif), pixels(picture())) == 0

    def test_a_turned_file_of_the_form_is_turned(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 3
        content = saved(picture().rotate(180), "JPEG", quality=75, exif=exif)
        assert difference(content, pixels(picture()), FORM) < 4

    def test_damaged_exif_is_no_reason_to_refuse(self) -> None:
        content = saved(picture(), "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
        assert difference(content, pixels(picture())) < 3

    def test_transparency_is_laid_on_white(self) -> None:
        layer = picture().convert("RGBA")
        layer.putalpha(0)
        assert (prepare(saved(layer, "PNG"), PLAIN) == 255).all()

    def test_a_transparent_palette_colour_is_laid_on_white(self) -> None:
        image = Image.new("P", (32, 32), 1)
        image.putpalette([0, 0, 0, 200, 0, 0])
        assert (prepare(saved(image, "PNG"), PLAIN) == (200, 0, 0)).all()
        assert (prepare(saved(image, "PNG", transparency=1), PLAIN) == 255).all()

    def test_cmyk_is_brought_to_rgb(self) -> None:
        content = saved(picture().convert("CMYK"), "JPEG", quality=95)
        assert difference(content, pixels(picture())) < 4

    @pytest.mark.parametrize("format_", ["PNG", "TIFF"])
    def test_sixteen_bits_keep_their_greys(self, format_: str) -> None:
        ramp = np.tile(np.linspace(0, 65535, 32), (32, 1)).astype(np.uint16)
        prepared = prepare(saved(Image.fromarray(ramp), format_), PLAIN)
        np.testing.assert_allclose(prepared[0, :, 0], np.linspace(0, 255, 32), atol=1)

    def test_a_dark_sixteen_bit_image_stays_dark(self) -> None:
        dark = Image.fromarray(np.full((32, 32), 200, np.uint16))
        assert prepare(saved(dark, "PNG"), PLAIN).max() <= 1

    @pytest.mark.parametrize("peak", [1.0, 255.0, 65535.0])
    def test_floating_point_greys_are_scaled(self, peak: float) -> None:
        ramp = np.tile(np.linspace(0, peak, 32), (32, 1)).astype(np.float32)
        prepared = prepare(saved(Image.fromarray(ramp), "TIFF"), PLAIN)
        np.testing.assert_allclose(prepared[0, :, 0], np.linspace(0, 255, 32), atol=1)

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
    def test_every_other_mode_of_png_is_read(self, mode: str) -> None:
        grey = Image.new("L", (32, 32), 255).convert(mode)
        assert (prepare(saved(grey, "PNG"), PLAIN) == 255).all()

    @pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP"])
    def test_the_first_frame_of_an_animation_is_taken(self, format_: str) -> None:
        red, blue = Image.new("RGB", (32, 32), "red"), Image.new("RGB", (32, 32), "blue")
        content = saved(red, format_, save_all=True, append_images=[blue], duration=100)
        prepared = prepare(content, PLAIN)
        assert prepared[..., 0].min() > 240
        assert prepared[..., 2].max() < 15


class TestRefusals:
    """Each has a code and a sentence."""

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"", "empty_file"),
            (b"plain words, renamed to .jpg", "not_an_image"),
            (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not_an_image"),
            (b"<!doctype html><p>hello", "not_an_image"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not_an_image"),
            (cut(saved(picture(), "JPEG", quality=75)), "damaged_image"),
            (cut(saved(picture(), "JPEG", quality=95)), "damaged_image"),
            (cut(saved(picture(), "PNG")), "damaged_image"),
        ],
    )
    def test_what_is_no_whole_image_is_refused(self, content: bytes, code: str) -> None:
        with pytest.raises(ImageReadError) as caught:
            prepare(content, FORM)
        assert caught.value.code == code
        assert caught.value.sentence.endswith(".")

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ImageReadError, match=r"no\.jpg does not exist") as caught:
            prepare(tmp_path / "no.jpg", FORM)
        assert caught.value.code == "missing_file"

    def test_too_many_pixels_are_refused_before_they_are_decoded(self) -> None:
        bomb = saved(Image.new("1", (9000, 9000)), "PNG")
        with pytest.raises(ImageReadError, match="9,000 x 9,000") as caught:
            prepare(bomb, FORM)
        assert caught.value.code == "too_many_pixels"

    def test_the_limit_on_pixels_is_the_callers(self) -> None:
        content = saved(picture(), "PNG")
        assert open_upright(content, max_pixels=1024).size == (32, 32)
        with pytest.raises(ImageReadError):
            open_upright(content, max_pixels=1023)
