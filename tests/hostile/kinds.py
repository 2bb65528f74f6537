"""Images that are only unusual, and such as are cut off, changed by a bit, or badly summed."""

import struct
import zlib

from PIL import ExifTags, Image

from tests import images, metadata
from tests.hostile.cases import BROKEN, EITHER, HEAVY, SOUND, Cases, case, png, png_of

EXTENSION = {"JPEG": "jpg", "WEBP": "webp", "TIFF": "tif", "HEIF": "heic"}


def extension(name: str) -> str:
    """The extension of files of this format."""
    return EXTENSION.get(name, name.lower())


def modes() -> Cases:
    """Each mode of pixels, animations, sizes at their limits."""
    found = {name: case(content, SOUND, name) for name, content in images.unusual_modes().items()}
    for name in ("GIF", "PNG", "WEBP", "TIFF", "AVIF"):
        found[f"animated {name}"] = case(images.animated(name), SOUND, f"a.{extension(name)}")
    for name in images.FORMATS:
        content = images.image_file(name, (1, 1))
        found[f"one pixel, {name}"] = case(content, SOUND, f"a.{extension(name)}")
    deep = struct.pack(">512H", *range(0, 65_536, 128))
    rows = b"".join(b"\0" + deep[at : at + 64] for at in range(0, 1024, 64))
    found["16 bits, grey and alpha"] = case(png(16, 16, rows, kind=(16, 4, 0, 0, 0)), SOUND)
    found["2 bits"] = case(png(16, 4, b"\0\x1b\x1b\x1b\x1b" * 4, kind=(2, 0, 0, 0, 0)), SOUND)
    return {f"kind: {name}": made for name, made in found.items()}


def orientations() -> Cases:
    """EXIF's orientations, the eight and such as there are not."""
    found = {}
    for name in ("JPEG", "PNG", "WEBP"):
        for number in range(1, 9) if name == "JPEG" else (6,):
            found[f"{number}, {name}"] = case(
                images.with_metadata(name, orientation=number), SOUND, f"a.{extension(name)}"
            )
    for number in (0, 9, 255, 65_535):
        found[f"{number}"] = case(images.with_metadata(orientation=number), SOUND)
    tag = ExifTags.Base.Orientation
    odd: dict[str, metadata.Field] = {
        "letters": (metadata.ASCII, "sideways"),
        "a fraction": (metadata.RATIONAL, (6, 0)),
        "six numbers": (metadata.SHORT, (6, 6, 6, 6, 6, 6)),
        "bytes": (metadata.UNDEFINED, b"\xff\xff\xff\xff\xff"),
        "four thousand millions": (metadata.LONG, (2**32 - 1,)),
    }
    for kind, field in odd.items():
        found[kind] = case(metadata.jpeg_exif(metadata.exif({int(tag): field})), SOUND)
    return {f"orientation: {name}": made for name, made in found.items()}


def pngs() -> Cases:
    """PNG files whose chunks are wrong, missing or in disorder."""
    header = struct.pack(">IIBBBBB", 16, 16, 8, 3, 0, 0, 0)
    rows = (b"IDAT", zlib.compress((b"\0" + bytes(range(16))) * 16))
    holes = (b"PLTE", bytes(range(9)))
    grey = struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 0)
    sound = images.image_file("PNG")
    found = {
        "palette with holes": case(png_of((b"IHDR", header), holes, rows), EITHER),
        "no palette": case(png_of((b"IHDR", header), rows), EITHER),
        "palette of 257": case(png_of((b"IHDR", header), (b"PLTE", bytes(771)), rows), EITHER),
        "empty palette": case(png_of((b"IHDR", header), (b"PLTE", b""), rows), EITHER),
        "palette cut": case(png_of((b"IHDR", header), (b"PLTE", bytes(8)), rows), EITHER),
        "more transparency than palette": case(
            png_of((b"IHDR", header), holes, (b"tRNS", bytes(300)), rows), EITHER
        ),
        "empty transparency": case(png_of((b"IHDR", header), holes, (b"tRNS", b""), rows), EITHER),
        "grey transparency of one byte": case(
            png_of((b"IHDR", grey), (b"tRNS", b"\1"), rows), EITHER
        ),
        "no header": case(png_of(rows), HEAVY),
        "two headers": case(png_of((b"IHDR", grey), (b"IHDR", header), rows), EITHER),
        "no pixels": case(png_of((b"IHDR", grey)), HEAVY),
        "pixels cut": case(
            png_of((b"IHDR", grey), (b"IDAT", zlib.compress(bytes(272))[:6])), HEAVY
        ),
        "too few pixels": case(
            png_of((b"IHDR", grey), (b"IDAT", zlib.compress(b"\0" * 99))), EITHER
        ),
        "wrong sum of pixels": case(
            png_of((b"IHDR", grey), (b"IDAT", zlib.compress(bytes(272))[:-1] + b"\x99")), EITHER
        ),
        "filter that is none": case(
            png_of((b"IHDR", grey), (b"IDAT", zlib.compress(b"\x09" + bytes(16) * 17))), EITHER
        ),
        "depth of 3": case(png(16, 16, bytes(272), kind=(3, 0, 0, 0, 0)), HEAVY),
        "colour of 5": case(png(16, 16, bytes(272), kind=(8, 5, 0, 0, 0)), HEAVY),
        "interlaced in a way that is none": case(
            png(16, 16, bytes(272), kind=(8, 0, 0, 0, 9)), EITHER
        ),
        "wrong sum of the header": case(sound[:29] + b"\0\0\0\0" + sound[33:], HEAVY),
        "wrong sum of the end": case(sound[:-4] + b"\0\0\0\0", EITHER),
        "chunk longer than the file": case(
            sound[:33] + b"\x7f\xff\xff\xfftEXt" + sound[33:], HEAVY
        ),
        "chunk of negative length": case(sound[:33] + b"\xff\xff\xff\xfftEXt" + sound[33:], HEAVY),
        "chunk with no letters": case(
            sound[:33] + images.png_chunk(b"\0\1\2\3", b"") + sound[33:], EITHER
        ),
        "unknown chunk that must be known": case(metadata.png_with((b"XYZW", b"x")), EITHER),
        "physical size cut": case(metadata.png_with((b"pHYs", b"\0")), EITHER),
        "gamma cut": case(metadata.png_with((b"gAMA", b"")), EITHER),
        "text without name": case(metadata.png_with((b"tEXt", b"\0")), EITHER),
        "text that says nothing": case(metadata.png_with((b"iTXt", b"")), EITHER),
        "packed text in a way that is none": case(
            metadata.png_with((b"zTXt", b"k\0\x09abc")), EITHER
        ),
    }
    return {f"PNG: {name}": case(made.content, made.codes, "a.png") for name, made in found.items()}


def cut() -> Cases:
    """Each format cut off at several places."""
    found = {}
    for name in images.FORMATS:
        content = images.image_file(name)
        for part in (0.02, 0.1, 0.5, 0.95):
            # What phones put behind the first picture of an MPO may be cut off.
            codes = EITHER if name == "MPO" or part > 0.9 else BROKEN
            found[f"cut: {name} at {part:.0%}"] = case(
                content[: int(len(content) * part)], codes, f"a.{extension(name)}"
            )
    return found


def gifs() -> Cases:
    """GIF files whose blocks are wrong."""
    sound = images.image_file("GIF")
    at = sound.index(b"\x2c")
    found = {
        "no frame": case(sound[:at] + b";", BROKEN),
        "frame of no size": case(sound[: at + 5] + bytes(4) + sound[at + 9 :], EITHER),
        "frame off the screen": case(
            sound[: at + 1] + b"\xff\xff\xff\xff" + sound[at + 5 :], EITHER
        ),
        "code of 12 bits": case(sound[: at + 10] + b"\x0c" + sound[at + 11 :], EITHER),
        "code of 255 bits": case(sound[: at + 10] + b"\xff" + sound[at + 11 :], EITHER),
        "no palette": case(sound[:10] + bytes([sound[10] & 0x7F]) + sound[11:], EITHER),
        "version 99a": case(b"GIF99a" + sound[6:], BROKEN),
        "screen of no size": case(sound[:6] + bytes(4) + sound[10:], EITHER),
        "block that is none": case(sound[:at] + b"\x99" + sound[at:], EITHER),
        "noise behind": case(sound + images.picture().tobytes(), SOUND),
    }
    return {f"GIF: {name}": case(made.content, made.codes, "a.gif") for name, made in found.items()}


def bmps() -> Cases:
    """BMP files whose headers lie."""
    sound = images.image_file("BMP")

    def told(at: int, form: str, *values: int) -> bytes:
        return sound[:at] + struct.pack(form, *values) + sound[at + struct.calcsize(form) :]

    found = {
        "pixels outside": case(told(10, "<I", 0xFFFFFF00), EITHER),
        "header of 3 bytes": case(told(14, "<I", 3), BROKEN),
        "header of 4 GB": case(told(14, "<I", 0xFFFFFFFF), BROKEN),
        "0 bits": case(told(28, "<H", 0), EITHER),
        "3 bits": case(told(28, "<H", 3), BROKEN),
        "packing that is none": case(told(30, "<I", 99), BROKEN),
        "JPEG inside": case(told(30, "<I", 4), BROKEN),
        "four thousand million colours": case(
            images.encoded(images.picture().quantize(16), "BMP")[:46] + b"\xff" * 8 + bytes(2000),
            EITHER,
        ),
        "no width": case(told(18, "<i", 0), EITHER),
        "negative width": case(told(18, "<i", -48), EITHER),
        "upside down": case(told(22, "<i", -32), SOUND),
        "packed noise": case(_packed_noise(), EITHER),
        "with alpha": case(images.encoded(images.picture().convert("RGBA"), "BMP"), SOUND),
    }
    return {f"BMP: {name}": case(made.content, made.codes, "a.bmp") for name, made in found.items()}


def _packed_noise() -> bytes:
    grey = images.encoded(Image.new("L", (64, 64)), "BMP")
    return grey[:30] + b"\1\0\0\0" + grey[34:1078] + images.picture((40, 40)).tobytes()


def kinds() -> Cases:
    """All of them."""
    return modes() | orientations() | pngs() | cut() | gifs() | bmps()
