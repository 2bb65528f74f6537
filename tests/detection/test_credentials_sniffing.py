"""Whether a file can hold Content Credentials is seen from its containers, at once."""

import struct
import time

import pytest

from detection.image_files import FORMATS
from detection.provenance.credentials.sniffing import Seen, look
from tests.images import FORMATS as PILLOW_NAMES
from tests.images import encoded, image_file, picture, png_chunk

STRAY = b"\xff\xeb\x00\x20JP\0\0\0\0\0\0\0\0jumbc2pa caBX C2PA uuid dcterms:provenance='https://a.example/'"
XMP = b'<rdf:Description dcterms:provenance="https://a.example/m.c2pa"/>'


@pytest.mark.parametrize("name", PILLOW_NAMES)
def test_words_behind_the_end_of_an_image_count_for_nothing(name: str) -> None:
    assert look(image_file(name) + STRAY, PILLOW_NAMES[name]) == Seen()


@pytest.mark.parametrize("name", ["PNG", "WebP", "AVIF", "HEIC", "TIFF", "JPEG"])
def test_a_cut_file_is_no_error(name: str) -> None:
    pillow = {ours: theirs for theirs, ours in PILLOW_NAMES.items() if theirs != "MPO"}[name]
    content = image_file(pillow)
    for length in range(0, len(content), 7):
        assert look(content[:length], name) == Seen()


def tiff(order: str, tag: int, value: bytes, *, is_big: bool = False) -> bytes:
    """A TIFF of a single tag, whose value stands behind the directory."""
    mark = b"II" if order == "<" else b"MM"
    if is_big:
        head = mark + struct.pack(order + "HHHQ", 43, 8, 0, 16)
        entry = struct.pack(order + "QHHQQ", 1, tag, 7, len(value), 16 + 8 + 20 + 8)
        return head + entry + bytes(8) + value
    head = mark + struct.pack(order + "HI", 42, 8)
    return (
        head
        + struct.pack(order + "HHHII", 1, tag, 7, len(value), 8 + 2 + 12 + 4)
        + bytes(4)
        + value
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_big", [False, True])
def test_every_kind_of_tiff_is_looked_into(order: str, is_big: bool) -> None:
    assert look(tiff(order, 0xCD41, b"x" * 20, is_big=is_big), "TIFF") == Seen(True)
    assert look(tiff(order, 700, XMP, is_big=is_big), "TIFF").address == "https://a.example/m.c2pa"
    assert look(tiff(order, 701, XMP, is_big=is_big), "TIFF") == Seen()


@pytest.mark.parametrize(
    "xmp",
    [
        b'dcterms:provenance="self#jumbf=/c2pa/urn"',
        b'dcterms:provenance="ftp://a.example/"',
        b"dcterms:provenance='javascript:alert(1)'",
        b'provenance="https://a.example/"',
    ],
)
def test_only_an_address_on_the_web_is_elsewhere(xmp: bytes) -> None:
    assert look(encoded(picture(), "JPEG", xmp=xmp), "JPEG") == Seen()


def test_an_address_may_be_an_element() -> None:
    xmp = b"<dcterms:provenance>\n https://a.example/m?x=1</dcterms:provenance>"
    assert look(encoded(picture(), "JPEG", xmp=xmp), "JPEG").address == "https://a.example/m?x=1"


def test_no_file_takes_long() -> None:
    many = b"\x89PNG\r\n\x1a\n" + png_chunk(b"xxxx", b"") * 2_000_000
    long_xmp = b"XML:com.adobe.xmp\0" + b"dcterms:provenance=" * 2_500_000
    for content in (many, b"\x89PNG\r\n\x1a\n" + png_chunk(b"iTXt", long_xmp)):
        began = time.process_time()
        assert look(content, "PNG") == Seen()
        assert time.process_time() - began < 0.2
    spaces = b"dcterms:provenance" + b" " * 60_000
    began = time.process_time()
    assert look(tiff("<", 700, spaces), "TIFF") == Seen()
    assert time.process_time() - began < 0.2


def test_a_format_without_a_place_for_them_is_not_looked_into() -> None:
    assert "BMP" in FORMATS
    assert look(image_file("BMP") + STRAY, "BMP") == Seen()
