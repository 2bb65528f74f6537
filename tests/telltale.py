"""Files full of what tells about a person, and where in an answer any of it is found again."""

import io
import re
import zlib
from functools import cache

from PIL import Image, ImageCms

from detection.services.evidence import file_examine
from tests import credentials, images, metadata
from tests.metadata import ASCII, UNDEFINED

SERIAL, OWNER, COMMENT = "SN-0815-4711-BODY", "Telltale Adams", "telltale-comment"
PROFILE, NESTED, TITLE = "telltale-icc", "telltale-nested", "telltale-title"
LATITUDE, LONGITUDE = "48.137150", "11.575383"
# The place as findings tell it, as degrees and minutes, and as XMP has it.
PLACES = (LATITUDE, LONGITUDE, "48.1371", "11.5753", "48,8.229N", "11,34.523E", "8, 13.74")
WORDS = (SERIAL, OWNER, COMMENT, PROFILE, NESTED, TITLE, *PLACES)
# The three numbers of a latitude as EXIF holds them, in either order of bytes; shortened too.
NUMBERS = tuple(
    b"".join(number.to_bytes(4, order) for number in (48, 1, 8, 1, *seconds))
    for order in ("little", "big")
    for seconds in ((1374, 100), (687, 50))
)
# Of this size the model of the tests has an answer, and a heatmap.
SMALL = (8, 8)
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "TIFF", "AVIF")
# What Pillow calls it, wherever it keeps it.
CARRIED = ("exif", "xmp", "icc_profile", "comment", "photoshop", "XML:com.adobe.xmp", "iptc")


@cache
def telltale(format_name: str, size: tuple[int, int] = (48, 32)) -> bytes:
    """A sound file of this format that says who took it, where and with what, in every way."""
    picture = images.picture(size)
    block, packet, profile = _exif(format_name), _xmp(), _profile()
    if format_name == "JPEG":
        return about(images.encoded(picture, "JPEG", quality=90))
    if format_name == "PNG":
        texts = (
            (b"eXIf", block),
            metadata.international_text("XML:com.adobe.xmp", packet),
            metadata.plain_text("Author", OWNER),
            metadata.packed_text("Comment", COMMENT.encode()),
        )
        whole = images.encoded(picture, "PNG", icc_profile=profile)
        at = len(images.PNG_SIGNATURE) + 25
        return whole[:at] + b"".join(images.png_chunk(*one) for one in texts) + whole[at:]
    if format_name == "TIFF":
        exif = _pillow_exif(block)
        exif[700], exif[33723] = packet, metadata.iptc({80: OWNER})
        return images.encoded(picture, "TIFF", icc_profile=profile, exif=exif)
    return images.encoded(picture, format_name, exif=block, xmp=packet, icc_profile=profile)


def about(jpeg: bytes) -> bytes:
    """A JPEG file with all of it."""
    fields = metadata.iptc({80: OWNER, 116: OWNER, 120: COMMENT})
    return metadata.jpeg_with(
        (0xE1, b"Exif\0\0" + _exif("JPEG")),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + _xmp()),
        (0xED, b"Photoshop 3.0\0" + metadata.resources({0x0404: fields})),
        (0xFE, COMMENT.encode()),
        (0xE2, b"ICC_PROFILE\0\1\1" + _profile()),
        picture=jpeg,
    )


@cache
def signed() -> bytes:
    """The JPEG file with Content Credentials, which hold a title, an author and a picture."""
    return credentials.with_thumbnail(
        telltale("JPEG", SMALL), telltale("JPEG", (64, 48)), title=TITLE
    )


def found_in(content: bytes) -> list[str]:
    """Whatever of it these bytes hold: as they are, unpacked, and as a picture's metadata."""
    found = []
    for where, part in (("bytes", content), *_unpacked(content)):
        found += [f"{word} in {where}" for word in WORDS if _stands(word, part)]
        found += [f"the place in {where}" for number in NUMBERS if number in part]
    return [*found, *_decoded(content)]


def _stands(word: str, content: bytes) -> bool:
    return any(word.encode(encoding) in content for encoding in ("utf-8", "utf-16-be", "utf-16-le"))


def _unpacked(content: bytes) -> list[tuple[str, bytes]]:
    """What stands in compressed parts of a PDF."""
    if not content.startswith(b"%PDF"):
        return []
    parts = []
    for match in re.finditer(rb"stream\r?\n", content):
        packer = zlib.decompressobj()
        try:
            parts.append(("a stream", packer.decompress(content[match.end() :])))
        except zlib.error:
            continue  # A picture, which is looked at as it is.
    for start in (match.start() for match in re.finditer(rb"\xff\xd8\xff", content)):
        parts += [("a picture within", word.encode()) for word in _decoded(content[start:])]
    return parts


def _decoded(content: bytes) -> list[str]:
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            told = [f"{name} in the picture" for name in CARRIED if image.info.get(name)]
            told += [f"EXIF {tag}" for tag in image.getexif()]
            kind, size = images.FORMATS.get(image.format or "", ""), image.size
    except OSError:
        return []
    if kind:
        findings = file_examine(content=content, format=kind, size=size).findings
        told += [one.code for one in findings if one.code == "personal_data"]
    return told


def _exif(format_name: str) -> bytes:
    nested = metadata.jpeg_with(
        (0xFE, NESTED.encode()), picture=images.image_file("JPEG", (32, 24))
    )
    return metadata.exif(
        {**metadata.CAMERA, 0x010E: (ASCII, COMMENT), 0x013B: (ASCII, OWNER)},
        {
            **metadata.EXPOSURE,
            0xA430: (ASCII, OWNER),
            0xA431: (ASCII, SERIAL),
            0x927C: (UNDEFINED, COMMENT.encode() * 3),
            0x9286: metadata.user_comment(COMMENT),
        },
        metadata.PLACE,
        nested if format_name == "JPEG" else b"",
    )


def _pillow_exif(block: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + block)
    for pointer in (0x8769, 0x8825):
        exif.get_ifd(pointer)  # What was not looked at is not written again.
    return exif


def _xmp() -> bytes:
    return metadata.xmp(
        {
            "exif:GPSLatitude": "48,8.229N",
            "exif:GPSLongitude": "11,34.523E",
            "photoshop:City": OWNER,
            "dc:source": COMMENT,
        }
    )


def _profile() -> bytes:
    """A colour profile with a name of its own, as a scanner or a screen writes it."""
    whole = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    name = "sRGB built-in".encode("utf-16-be")
    assert name in whole
    return whole.replace(name, PROFILE.ljust(13).encode("utf-16-be"))
