"""A screenshot is called one when two signs agree, and never for its size alone."""

import pytest

from tests import images, metadata
from tests.findings import found

PHONE, DESK = (1170, 2532), (1920, 1080)
SHOT = metadata.exif({}, {0x9286: (metadata.UNDEFINED, b"ASCII\0\0\0Screenshot")})


@pytest.mark.parametrize("size", [PHONE, PHONE[::-1], (2880, 1800), (1080, 2400), (786, 1704)])
def test_a_png_of_a_screens_own_size_is_a_weak_sign(size: tuple[int, int]) -> None:
    finding = found(images.image_file("PNG"), "PNG", size=size)["screenshot"]
    assert (finding.kind, finding.strength, finding.leaning) == ("screenshot", "weak", "doubt")


@pytest.mark.parametrize(
    ("content", "format_name"),
    [
        (metadata.png_with((b"eXIf", SHOT)), "PNG"),
        (metadata.png_texts({"Software": "gnome-screenshot"}), "PNG"),
        (metadata.png_texts({"Comment": "Bildschirmfoto"}), "PNG"),
        (metadata.jpeg_exif(SHOT), "JPEG"),
        (metadata.jpeg_xmp(metadata.xmp({"exif:UserComment": "Screenshot"})), "JPEG"),
    ],
    ids=["comment", "software", "german", "jpeg", "xmp"],
)
def test_a_mark_and_a_size_are_a_moderate_sign(content: bytes, format_name: str) -> None:
    assert found(content, format_name, size=DESK)["screenshot"].strength == "moderate"


@pytest.mark.parametrize(
    ("content", "format_name", "size"),
    [
        (images.image_file("PNG"), "PNG", (32, 32)),
        (images.image_file("PNG"), "PNG", (1024, 768)),
        (images.image_file("PNG"), "PNG", DESK),
        (images.image_file("PNG"), "PNG", (1024, 1024)),
        (images.image_file("PNG"), "PNG", (4000, 3000)),
        (images.image_file("JPEG"), "JPEG", PHONE),
        (images.image_file("JPEG"), "JPEG", (32, 32)),
        (metadata.jpeg_exif(SHOT), "JPEG", (640, 427)),
        (metadata.samples()["camera.png"][1], "PNG", PHONE),
        (metadata.png_texts({"parameters": metadata.A1111}), "PNG", (768, 1024)),
    ],
)
def test_one_sign_is_a_coincidence(content: bytes, format_name: str, size: tuple[int, int]) -> None:
    assert "screenshot" not in found(content, format_name, size=size)


def test_a_prompt_that_speaks_of_screenshots_is_no_mark() -> None:
    text = "a detailed photograph of a desk with a monitor that shows a screenshot of a game, 8k"
    assert "screenshot" not in found(metadata.png_texts({"Description": text}), "PNG", size=DESK)


def test_the_density_of_a_mac_backs_up_a_size() -> None:
    density = (b"pHYs", (5669).to_bytes(4, "big") * 2 + b"\x01")
    assert "screenshot" in found(metadata.png_with(density), "PNG", size=(3024, 1964))
