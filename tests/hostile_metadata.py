"""Makes files whose metadata are out to cost time, memory or the reader's wits."""

import struct
import zlib
from functools import cache

from tests import images, metadata

MEGABYTE = 1 << 20
LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">%s]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">&a9;</rdf:RDF>""" % b"".join(
    b'<!ENTITY a%d "%s">' % (level, b"&a%d;" % (level - 1) * 10) for level in range(1, 10)
)
EXTERNAL = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
xmlns:xmp="http://ns.adobe.com/xap/1.0/"><xmp:CreatorTool>&f;</xmp:CreatorTool></rdf:Description>
</rdf:RDF>"""


@cache
def _zeros(size: int) -> bytes:
    """A zlib stream of that many zeros, made without holding them."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(MEGABYTE)) for _ in range(size // MEGABYTE)]
    return b"".join(parts) + packer.flush()


def _exif_loop() -> bytes:
    """Directories that point at themselves and at each other."""
    block = bytearray(metadata.exif(metadata.CAMERA, metadata.EXPOSURE, metadata.PLACE))
    (count,) = struct.unpack_from("<H", block, 8)
    struct.pack_into("<I", block, 10 + 12 * count, 8)
    return bytes(block)


def _exif_outside() -> bytes:
    """A field that claims to lie two gigabytes behind the file."""
    block = bytearray(metadata.exif(metadata.CAMERA))
    struct.pack_into("<I", block, 10 + 8, 0x7FFFFFFF)
    return bytes(block)


def _exif_crowd() -> bytes:
    """A directory with as many entries as there can be, each a megabyte of the same place."""
    entry = struct.pack("<HHII", 0x9286, 7, MEGABYTE, 8)
    return b"II*\0" + struct.pack("<IH", 8, 65_535) + entry * 65_535 + bytes(4)


def _exif_long() -> bytes:
    """Fields that all claim the same two megabytes."""
    tags = (0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x013C, 0x8298, 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E)
    entries = b"".join(struct.pack("<HHII", tag, 2, 2 * MEGABYTE, 200) for tag in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    return head.ljust(200, b"\0") + b"A" * (2 * MEGABYTE)


def _png_exif(block: bytes) -> bytes:
    return metadata.png_with((b"eXIf", block))


def _xmp_chunk(packet: bytes) -> tuple[bytes, bytes]:
    return metadata.international_text("XML:com.adobe.xmp", packet)


def _png_xmp(packet: bytes) -> bytes:
    return metadata.png_with(_xmp_chunk(packet))


def _rdf(inner: bytes) -> bytes:
    return b'<rdf:RDF xmlns:rdf="%s"><rdf:Description>%s</rdf:Description></rdf:RDF>' % (
        metadata.RDF.encode(),
        inner,
    )


def _heif(body: bytes) -> bytes:
    """A file of boxes: its type, and this as the content of `meta`."""
    meta = struct.pack(">I4sI", 12 + len(body), b"meta", 0) + body
    return struct.pack(">I4s4sI", 16, b"ftyp", b"heic", 0) + meta


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _heif_item(locations: bytes) -> bytes:
    item = struct.pack(">B3xHH4s", 2, 1, 0, b"Exif") + b"\0"
    items = struct.pack(">B3xH", 0, 1) + _box(b"infe", item)
    return _heif(_box(b"iinf", items) + _box(b"iloc", locations))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return metadata.png_with((kind, body))


@cache
def hostile() -> dict[str, tuple[str, bytes, str]]:
    """Name -> format, file, and how people are told what of it could not be read, if anything."""
    found = {name: ("PNG", *case) for name, case in (_texts() | _chunks()).items()}
    found |= {name: ("JPEG", *case) for name, case in _jpegs().items()}
    return found | _others()


def _texts() -> dict[str, tuple[bytes, str]]:
    """Texts of PNG files."""
    deep = "[" * 20_000 + "]" * 20_000
    wide = '{"prompt":[' + "[]," * 650_000 + "[]]}"
    return {
        "50 MB of text": (
            _chunk(b"tEXt", b"parameters\0" + b"A" * (50 * MEGABYTE)),
            "more than 2 MB of text",
        ),
        "many texts": (
            metadata.png_with(*[(b"tEXt", b"k\0" + b"A" * MEGABYTE)] * 40),
            "too much of it",
        ),
        "countless texts": (
            metadata.png_with(*[(b"tEXt", b"k\0v")] * 60_000),
            "too much of it",
        ),
        "zTXt bomb": (
            _chunk(b"zTXt", b"parameters\0\0" + _zeros(256 * MEGABYTE)),
            "unpacks to more than 2 MB",
        ),
        "iTXt bomb": (
            _chunk(b"iTXt", b"parameters\0\1\0\0\0" + _zeros(256 * MEGABYTE)),
            "unpacks to more than 2 MB",
        ),
        "bomb that stops": (
            _chunk(b"zTXt", b"k\0\0" + _zeros(MEGABYTE)[:-9]),
            "it is cut off",
        ),
        "no zlib": (
            _chunk(b"zTXt", b"k\0\0nothing packed"),
            "it is damaged",
        ),
        "no name": (
            _chunk(b"tEXt", b"A" * 200),
            "it has no name",
        ),
        "deep JSON": (
            metadata.png_texts({"prompt": f'{{"a":{deep}}}'}),
            "nested too deeply",
        ),
        "wide JSON": (
            metadata.png_texts({"prompt": wide}),
            "too many parts",
        ),
        "many heavy JSON texts": (
            metadata.png_texts(
                {f"prompt {n}": '{"a":[' + "[]," * 49_000 + "0]}" for n in range(20)}
            ),
            "too much of it",
        ),
        "many heavy packets": (
            metadata.png_with(*[_xmp_chunk(_rdf(b"<a/>" * 24_000 + b"<b>x</b>" * 10_000))] * 30),
            "too much of it",
        ),
        "endless number": (
            metadata.png_texts({"prompt": '{"seed":' + "9" * 100_000 + "}"}),
            "numbers without end",
        ),
        "endless settings": (
            metadata.png_texts({"parameters": "x\nSteps: 1" + ', a:"{' * 300_000}),
            "",
        ),
        "endless quotes": (
            metadata.png_texts({"Dream": '"[' * 500_000}),
            "",
        ),
        "endless lora": (
            metadata.png_texts(
                {"parameters": "<lora:" * 300_000 + "\nSteps: 1, Sampler: a, Seed: 1"}
            ),
            "",
        ),
    }


def _chunks() -> dict[str, tuple[bytes, str]]:
    """Other chunks of PNG files."""
    return {
        "countless chunks": (
            metadata.png_with(*[(b"prVt", b"")] * 150_000),
            "too many chunks",
        ),
        "XMP bomb": (
            _chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + _zeros(256 * MEGABYTE)),
            "unpacks to more than 2 MB",
        ),
        "ICC bomb": (
            _chunk(b"iCCP", b"profile\0\0" + _zeros(256 * MEGABYTE)),
            "unpacks to more than 4 MB",
        ),
        "wrong checksum": (
            metadata.png_texts({"parameters": metadata.A1111}).replace(
                b"lighthouse", b"lightHouse"
            ),
            "checksum is wrong",
        ),
        "deep XMP": (
            _png_xmp(_rdf(b"<a>" * 20_000 + b"</a>" * 20_000)),
            "nested too deeply",
        ),
        "wide XMP": (
            _png_xmp(_rdf(b"<a/>" * 400_000)),
            "too many elements",
        ),
        "many attributes": (
            _png_xmp(_rdf(b"<a %s/>" % b" ".join(b'a%d=""' % i for i in range(150_000)))),
            "too many elements",
        ),
        "crowded EXIF": (
            _png_exif(_exif_crowd()),
            "65,535 entries",
        ),
        "thumbnail too long": (
            _png_exif(metadata.exif(thumbnail=bytes(MEGABYTE))),
            "thumbnail claims 1,048,576 bytes",
        ),
    }


def _jpegs() -> dict[str, tuple[bytes, str]]:
    """Segments of JPEG files."""
    return {
        "billion laughs": (
            metadata.jpeg_xmp(LAUGHS),
            "document type or entities",
        ),
        "external entity": (
            metadata.jpeg_xmp(EXTERNAL),
            "document type or entities",
        ),
        "no XML": (
            metadata.jpeg_xmp(b"<rdf:RDF <<<"),
            "not well-formed",
        ),
        "unknown alphabet": (
            metadata.jpeg_xmp(b'<?xml version="1.0" encoding="klingon"?><a/>'),
            "not well-formed",
        ),
        "extended XMP that lies": (
            metadata.jpeg_with(
                (
                    0xE1,
                    b"http://ns.adobe.com/xmp/extension/\0"
                    + b"0" * 32
                    + struct.pack(">II", 0xFFFFFFFF, 0xFFFFFFF0)
                    + b"x",
                )
            ),
            "parts do not fit",
        ),
        "EXIF in circles": (
            metadata.jpeg_exif(_exif_loop()),
            "point at each other",
        ),
        "EXIF outside": (
            metadata.jpeg_exif(_exif_outside()),
            "lies outside",
        ),
        "no EXIF": (
            metadata.jpeg_exif(b"nothing like it"),
            "does not begin like EXIF",
        ),
        "EXIF cut off": (
            metadata.jpeg_exif(metadata.exif(metadata.CAMERA)[:20]),
            "cut off",
        ),
        "thumbnail outside": (
            metadata.jpeg_exif(metadata.exif(thumbnail=b"x" * 90)[:-40]),
            "thumbnail lies outside",
        ),
        "IPTC adrift": (
            metadata.jpeg_with(
                (0xED, b"Photoshop 3.0\0" + metadata.resources({0x0404: b"\x1c\x02\x50\xff\xff"}))
            ),
            "does not end where it should",
        ),
        "resources adrift": (
            metadata.jpeg_with((0xED, b"Photoshop 3.0\0" + b"8BIM" * 20)),
            "could not be read",
        ),
        "countless segments": (
            metadata.jpeg_with(*[(0xE5, b"")] * 60_000),
            "too many segments",
        ),
        "a table cut off": (
            metadata.jpeg_with((0xDB, b"\0" + bytes(9))),
            "table is cut off",
        ),
    }


def _others() -> dict[str, tuple[str, bytes, str]]:
    """Blocks of other formats."""
    return {
        "laughs in a GIF": (
            "GIF",
            metadata.gif_with_xmp(LAUGHS),
            "document type or entities",
        ),
        "laughs in a TIFF": (
            "TIFF",
            metadata.tiff_with({700: LAUGHS}),
            "document type or entities",
        ),
        "long EXIF": (
            "TIFF",
            _exif_long(),
            "too long",
        ),
        "countless GIF blocks": (
            "GIF",
            images.image_file("GIF")[:-1] + b"\x21\xfe" + b"\x01A" * 3_000_000 + b"\0;",
            "too many blocks",
        ),
        "GIF comment of 20 MB": (
            "GIF",
            images.image_file("GIF")[:-1] + b"\x21\xfe" + (b"\xff" + b"A" * 255) * 80_000 + b"\0;",
            "more than 2 MB of text",
        ),
        "WebP chunk of 10 MB": (
            "WebP",
            b"RIFF"
            + struct.pack("<I", 10 * MEGABYTE + 12)
            + b"WEBPEXIF"
            + struct.pack("<I", 10 * MEGABYTE)
            + bytes(10 * MEGABYTE),
            "more than 2 MB",
        ),
        "countless WebP chunks": (
            "WebP",
            b"RIFF" + struct.pack("<I", 8 * MEGABYTE) + b"WEBP" + b"ABCD\0\0\0\0" * MEGABYTE,
            "too many chunks",
        ),
        "countless boxes": (
            "HEIC",
            _heif(_box(b"free", b"") * 200_000),
            "too many boxes",
        ),
        "box without length": (
            "HEIC",
            _heif(struct.pack(">I4s", 3, b"free")),
            "longer than what it stands in",
        ),
        "item outside": (
            "HEIC",
            _heif_item(struct.pack(">B3xBBHHHHII", 0, 0x44, 0, 1, 1, 0, 1, 0x7FFFFFFF, 100)),
            "outside of the file",
        ),
        "item of 4 GB": (
            "AVIF",
            _heif_item(struct.pack(">B3xBBHHHHII", 0, 0x44, 0, 1, 1, 0, 1, 0, 0xFFFFFFFF)),
            "more than 2 MB",
        ),
        "countless items": (
            "AVIF",
            _heif_item(struct.pack(">B3xBBI", 2, 0x44, 0, 0xFFFFFFFF)),
            "too many items",
        ),
        "thousands of parts": (
            "AVIF",
            _heif_item(struct.pack(">B3xBBHHHH", 0, 0x44, 0, 1, 1, 0, 65_535)),
            "too many parts",
        ),
    }
