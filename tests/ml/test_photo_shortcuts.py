"""Files that give the classes away are noticed, whatever the pictures show."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from ml.contract import FitWarning
from ml.photo.shortcuts import FileTraits, read_traits, separations, warning

COUNT = 60
LABELS = (np.arange(COUNT) % 2).astype(np.uint8)


def file_of(
    size: tuple[int, int] = (160, 140), *, form: str = "JPEG", quality: int = 90, sampling: int = 2
) -> bytes:
    buffer = io.BytesIO()
    options = {"quality": quality, "subsampling": sampling} if form == "JPEG" else {}
    Image.effect_noise(size, 40).convert("RGB").save(buffer, form, **options)
    return buffer.getvalue()


def with_camera() -> bytes:
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x010F] = "A camera"
    Image.new("RGB", (160, 140)).save(buffer, "JPEG", quality=90, exif=exif)
    return buffer.getvalue()


def found(
    trait: Callable[[int], FileTraits], sources: list[str] | None = None
) -> FitWarning | None:
    traits = [trait(place) for place in range(COUNT)]
    names = sources or ["site"] * COUNT
    return warning(separations(traits, LABELS, np.arange(COUNT), names, seed=1))


def test_what_a_files_head_says() -> None:
    traits = read_traits(file_of(quality=75, sampling=0))
    assert (traits.format, traits.width, traits.height) == ("JPEG", 160, 140)
    assert (traits.subsampling, traits.has_exif) == ("4:4:4", False)
    assert traits.table != read_traits(file_of(quality=90)).table
    assert read_traits(file_of(form="PNG")).table == "none"
    assert read_traits(with_camera()).has_exif


@pytest.mark.parametrize(
    ("name", "fake"),
    [
        ("File type", file_of(form="PNG")),
        ("Size", file_of((256, 224))),
        ("Shape", file_of((140, 160))),
        ("Compression", file_of(quality=70)),
        ("Chroma subsampling", file_of(sampling=0)),
        ("Camera data (EXIF)", with_camera()),
    ],
)
def test_a_property_that_separates_the_classes_is_named(name: str, fake: bytes) -> None:
    real, made = read_traits(file_of()), read_traits(fake)
    traits = [made if label else real for label in LABELS]
    judged = separations(traits, LABELS, np.arange(COUNT), ["site"] * COUNT, seed=1)
    assert {each.name: each.accuracy for each in judged}[name] == 1.0
    told = warning(judged)
    assert told is not None
    assert told.code == "shortcut"
    assert "alone separates these classes at 1.00" in told.sentence


def test_files_that_are_all_alike_earn_no_warning() -> None:
    traits = read_traits(file_of())
    assert found(lambda place: traits) is None


def test_files_that_differ_by_chance_earn_no_warning() -> None:
    rng = np.random.default_rng(4)
    kinds = [read_traits(file_of(form=form)) for form in ("JPEG", "PNG", "WEBP")]
    picked = rng.integers(0, 3, COUNT)
    assert found(lambda place: kinds[picked[place]]) is None


def test_an_exception_or_two_do_not_hide_a_shortcut() -> None:
    real, made = read_traits(file_of()), read_traits(file_of(form="PNG"))
    told = found(lambda place: made if LABELS[place] and place > 5 else real)
    assert told is not None
    assert told.sentence.startswith("File type alone separates these classes at 0.95")


def test_a_source_that_has_one_class_is_a_shortcut() -> None:
    traits = read_traits(file_of())
    told = found(lambda place: traits, ["download" if label else "camera" for label in LABELS])
    assert told is not None
    assert told.sentence.startswith("Source alone")
