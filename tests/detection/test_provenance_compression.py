"""The quality of a JPEG is estimated from its tables."""

import pytest

from detection.provenance.compression import scaled
from tests import images, metadata
from tests.findings import found, told

PHOTO, SMALL = (160, 160), (64, 64)


def saved(quality: int, size: tuple[int, int] = PHOTO, **options: object) -> bytes:
    return images.encoded(images.picture(size), "JPEG", quality=quality, **options)


@pytest.mark.parametrize("quality", [1, 5, 10, 25, 49, 50, 51, 60, 75, 80, 90, 92, 95, 99, 100])
def test_the_quality_of_the_usual_library_is_met_exactly(quality: int) -> None:
    findings = found(saved(quality), size=PHOTO)
    finding = findings.get("compression") or findings["strongly_compressed"]
    lines = told(finding)
    assert (lines["Quality"], lines["Tables"]) == (str(quality), "the usual ones (IJG)")


def test_tables_of_an_encoders_own_are_estimated() -> None:
    own = [min(255, step + step // 8 + 1) for step in scaled(tuple(range(10, 74)), 60)]
    lines = told(found(saved(75, qtables=[own, own]), size=PHOTO)["compression"])
    assert lines["Tables"] == "of the encoder's own"
    assert lines["Quality"].startswith("about ")


@pytest.mark.parametrize(
    ("quality", "size", "is_strong"),
    [
        *((59, PHOTO, True), (60, PHOTO, False)),
        *((59, SMALL, False), (40, SMALL, False), (39, SMALL, True)),
    ],
)
def test_strong_compression_raises_doubt(
    quality: int, size: tuple[int, int], is_strong: bool
) -> None:
    findings = found(saved(quality, size), size=size)
    assert ("strongly_compressed" in findings, "compression" in findings) == (
        is_strong,
        not is_strong,
    )
    if is_strong:
        finding = findings["strongly_compressed"]
        assert (finding.strength, finding.leaning) == ("weak", "doubt")


@pytest.mark.parametrize(
    ("subsampling", "told_as"), [("4:4:4", "4:4:4"), ("4:2:2", "4:2:2"), ("4:2:0", "4:2:0")]
)
def test_the_sampling_of_colour_is_told(subsampling: str, told_as: str) -> None:
    lines = told(found(saved(90, subsampling=subsampling))["compression"])
    assert lines["Colour sampling"] == told_as


def test_progressive_and_grey_files_are_read_too() -> None:
    assert told(found(saved(90, progressive=True))["compression"])["Progressive"] == "yes"
    grey = images.encoded(images.picture().convert("L"), "JPEG", quality=90)
    assert told(found(grey)["compression"])["Quality"] == "90"


def test_the_marker_of_adobe_is_noticed() -> None:
    content = metadata.jpeg_with((0xEE, b"Adobe\0\x64" + bytes(5)))
    assert told(found(content)["compression"])["Adobe's marker"] == "yes"


@pytest.mark.parametrize("format_name", ["PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_other_formats_have_no_such_tables(format_name: str) -> None:
    findings = found(images.image_file(format_name), images.FORMATS[format_name])
    assert not [each for each in findings.values() if each.kind == "compression"]
