"""Makes real image files, sound, odd and malicious ones, for the tests of what is taken in."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pillow_heif
from PIL import ExifTags, Image

pillow_heif.register_heif_opener()

# Pillow's name of each format that is taken in, and what the portal calls it.
FORMATS = {
    "JPEG": "JPEG",
    "MPO": "JPEG",
    "PNG": "PNG",
    "WEBP": "WebP",
    "AVIF": "AVIF",
    "GIF": "GIF",
    "TIFF": "TIFF",
    "BMP": "BMP",
    "HEIF": "HEIC",
}
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SIDEWAYS = 6  # the EXIF orientation of a phone held upright
PLACE = "48.137154"


def picture(size: tuple[int, int] = (48, 32), *, seed: int = 0) -> Image.Image:
    """An RGB picture of coloured noise: it compresses badly, so that cutting it off cuts pixels."""
    width, height = size
    return Image.frombytes("RGB", size, random.Random(seed).randbytes(3 * width * height))


def plain(colour: str | tuple[int, int, int], size: tuple[int, int] = (8, 8)) -> bytes:
    """A PNG file of one colour."""
    return encoded(Image.new("RGB", size, colour), "PNG")


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:  # noqa: A002
    """The image as a file; `format` is Pillow's name of it."""
    buffer = io.BytesIO()
    if format == "MPO":
        options = {"save_all": True, "append_images": [image.rotate(180)], **options}
    image.save(buffer, format, **options)
    return buffer.getvalue()


def opened(content: bytes) -> Image.Image:
    """The picture in a file."""
    with Image.open(io.BytesIO(content)) as image:
        image.load()
    return image


def image_file(format: str = "JPEG", size: tuple[int, int] = (48, 32), *, seed: int = 0) -> bytes:  # noqa: A002
    """A file of this format with a picture of this size."""
    return encoded(picture(size, seed=seed), format)


def with_metadata(format: str = "JPEG", *, orientation: int = 1) -> bytes:  # noqa: A002
    """A file that tells who took it where: EXIF with GPS, XMP and a colour profile."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Artist] = "Alice Adams"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = PLACE
    return encoded(picture(), format, exif=exif.tobytes(), xmp=f"<x>{PLACE}</x>".encode())


def sideways(format: str) -> bytes:  # noqa: A002
    """A file of 48x32 stored pixels that is to be seen as 32x48."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = SIDEWAYS
    return encoded(picture(), format, exif=exif if format == "TIFF" else exif.tobytes())


def animated(format: str) -> bytes:  # noqa: A002
    """A red frame, then green and blue ones."""
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "green", "blue")]
    return encoded(frames[0], format, save_all=True, append_images=frames[1:], duration=100)


def unusual_modes() -> dict[str, bytes]:
    """Name -> file in each pixel mode that is neither plain RGB nor an error."""
    rgb = picture()
    transparent = rgb.convert("RGBA")
    transparent.putalpha(Image.linear_gradient("L").resize(rgb.size))
    deep = Image.frombytes("I;16", (16, 16), struct.pack("<256H", *range(0, 65536, 256)))
    palette = rgb.quantize(16)
    palette.info["transparency"] = 3
    return {
        "cmyk.jpg": encoded(rgb.convert("CMYK"), "JPEG"),
        "cmyk.tif": encoded(rgb.convert("CMYK"), "TIFF"),
        "grey.jpg": encoded(rgb.convert("L"), "JPEG"),
        "lab.tif": encoded(rgb.convert("LAB"), "TIFF"),
        "deep.png": encoded(deep, "PNG"),
        "deep.tif": encoded(deep, "TIFF", compression="tiff_deflate"),
        "float.tif": encoded(rgb.convert("F"), "TIFF"),
        "palette.png": encoded(palette, "PNG", transparency=3),
        "palette.bmp": encoded(rgb.quantize(16), "BMP"),
        "bits.png": encoded(rgb.convert("1"), "PNG"),
        "bits.tif": encoded(rgb.convert("1"), "TIFF", compression="group4"),
        "transparent.png": encoded(transparent, "PNG"),
        "transparent.webp": encoded(transparent, "WEBP"),
        "grey-transparent.png": encoded(transparent.convert("LA"), "PNG"),
        "progressive.jpg": encoded(rgb, "JPEG", progressive=True),
        "one-pixel.png": encoded(rgb.crop((0, 0, 1, 1)), "PNG"),
        "strip.png": encoded(rgb.resize((3000, 1)), "PNG"),
    }


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG file, with its length and checksum."""
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png_bomb(width: int = 20_000, height: int = 20_000) -> bytes:
    """A small, complete PNG file whose pixels would fill the memory."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(width + 1)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    return PNG_SIGNATURE + chunks


def png_with_text(text: bytes) -> bytes:
    """A sound PNG file that carries a text in a chunk of its own."""
    sound = image_file("PNG")
    at = len(PNG_SIGNATURE) + 25  # behind the header chunk
    return sound[:at] + png_chunk(b"tEXt", b"Comment\0" + text) + sound[at:]


def mutated(content: bytes, seed: int) -> bytes:
    """The file with a few bytes changed, cut out, doubled, or its end cut off."""
    chance = random.Random(seed)
    body = bytearray(content)
    damages: list[Callable[[bytearray, int], None]] = [_flip, _cut_out, _double, _cut_off]
    for _ in range(chance.randint(1, 6)):
        chance.choice(damages)(body, chance.randrange(1, max(2, len(body))))
        if not body:
            break
    return bytes(body)


def _flip(body: bytearray, at: int) -> None:
    body[at % len(body)] ^= 1 << (at % 8)


def _cut_out(body: bytearray, at: int) -> None:
    del body[at : at + 1 + at % 40]


def _double(body: bytearray, at: int) -> None:
    body[at:at] = body[at : at + 1 + at % 40]


def _cut_off(body: bytearray, at: int) -> None:
    # Mostly near the end: a file without its head is refused before anything can go wrong.
    del body[max(at, len(body) * 3 // 4) :]
