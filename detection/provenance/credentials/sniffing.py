"""Can this file hold Content Credentials at all? Seen from its containers, without any library."""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WebP": "image/webp",
    "AVIF": "image/avif",
    "HEIC": "image/heic",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
}
# No image has as many segments, chunks, boxes or tags; files made to keep us busy do.
MOST_PARTS = 20_000
# XMP is some kilobytes; what stands behind the first megabyte is not looked for.
MOST_XMP = 1 << 20
XMP_SEGMENT = b"http://ns.adobe.com/xap/1.0/\0"
MANIFEST_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
MANIFEST_TAG, XMP_TAG = 0xCD41, 700
# A manifest that is kept elsewhere, as an attribute or an element.
ADDRESS = re.compile(
    rb"dcterms:provenance(?:\s{0,8}=\s{0,8}[\"']|>\s{0,8})(https?://[!#-&(-;=?-~]{1,2000})"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen: a place that may hold a manifest, and the address of one elsewhere."""

    may_hold_manifest: bool = False
    address: str = ""


# A part of a file that matters here: whether it is a manifest (else it is XMP), and its bytes.
Part = tuple[bool, bytes]


def look(content: bytes, format: str) -> Seen:  # noqa: A002
    """Tell what a file may hold; takes microseconds for the images that people take.

    Args:
        format: One of `detection.image_files.FORMATS`; BMP has no room for credentials.
    """
    reader = READERS.get(format)
    if reader is None:
        return Seen()
    may_hold_manifest, address = False, ""
    try:
        for is_manifest, part in reader(content):
            may_hold_manifest |= is_manifest
            if found := ADDRESS.search(part, 0, MOST_XMP):
                address = found[1].decode("ascii", "replace")
    except struct.error:
        pass  # The end, or what is broken: what was seen until there counts.
    return Seen(may_hold_manifest, address)


def _jpeg(content: bytes) -> Iterator[Part]:
    """Yield the segments before the pixels."""
    at = 2
    for _ in range(MOST_PARTS):
        marker, length = struct.unpack_from(">HH", content, at)
        if marker == 0xFFFF:  # a byte to fill up
            at += 1
            continue
        if marker in (0xFFDA, 0xFFD9) or marker < 0xFF00:
            return
        if marker == 0xFFEB and content[at + 4 : at + 6] == b"JP":
            yield b"jumb" in content[at + 12 : at + 28], b""
        elif marker == 0xFFE1 and content.startswith(XMP_SEGMENT, at + 4):
            yield False, content[at + 4 : at + 2 + length]
        at += 2 + length


def _png(content: bytes) -> Iterator[Part]:
    at = 8
    for _ in range(MOST_PARTS):
        length, kind = struct.unpack_from(">I4s", content, at)
        if kind == b"caBX":
            yield True, b""
        elif kind == b"iTXt" and content.startswith(b"XML:com.adobe.xmp\0", at + 8):
            yield False, content[at + 8 : at + 8 + min(length, MOST_XMP)]
        at += 12 + length


def _webp(content: bytes) -> Iterator[Part]:
    at = 12
    for _ in range(MOST_PARTS):
        kind, length = struct.unpack_from("<4sI", content, at)
        if kind == b"C2PA":
            yield True, b""
        elif kind == b"XMP ":
            yield False, content[at + 8 : at + 8 + min(length, MOST_XMP)]
        at += 8 + length + length % 2


def _boxes(content: bytes) -> Iterator[Part]:
    """Yield the outermost boxes of HEIC and AVIF."""
    at = 0
    for _ in range(MOST_PARTS):
        length, kind = struct.unpack_from(">I4s", content, at)
        head = 8
        if length == 1:
            length, head = struct.unpack_from(">Q", content, at + 8)[0], 16
        if kind == b"uuid":
            name = content[at + head : at + head + 16]
            if name == MANIFEST_UUID:
                yield True, b""
            elif name == XMP_UUID:
                yield False, content[at + head + 16 : at + min(length, MOST_XMP)]
        if length < head:  # 0: until the end of the file
            return
        at += length


def _tiff(content: bytes) -> Iterator[Part]:
    """Yield the tags of the first directory, of the usual kind or of BigTIFF."""
    order = "<" if content.startswith(b"II") else ">"
    is_big = struct.unpack_from(order + "H", content, 2)[0] == 43
    offset, count, entry = ("Q", "Q", "HHQQ") if is_big else ("I", "H", "HHII")
    at = struct.unpack_from(order + offset, content, 8 if is_big else 4)[0]
    entries = struct.unpack_from(order + count, content, at)[0]
    at += struct.calcsize(order + count)
    for _ in range(min(entries, MOST_PARTS)):
        tag, _kind, length, place = struct.unpack_from(order + entry, content, at)
        if tag == MANIFEST_TAG:
            yield True, b""
        elif tag == XMP_TAG:
            yield False, content[place : place + min(length, MOST_XMP)]
        at += struct.calcsize(order + entry)


def _gif(content: bytes) -> Iterator[Part]:
    yield b"\x21\xff\x0bC2PA_GIF" in content, b""


READERS: dict[str, Callable[[bytes], Iterator[Part]]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WebP": _webp,
    "AVIF": _boxes,
    "HEIC": _boxes,
    "TIFF": _tiff,
    "GIF": _gif,
}
