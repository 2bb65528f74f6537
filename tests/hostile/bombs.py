"""Small files that would be large, and sizes that are lies."""

import struct
import zlib

from PIL import Image

from tests import images, metadata
from tests.hostile.cases import (
    BROKEN,
    EITHER,
    HEAVY,
    HUGE,
    SOUND,
    STOPPED,
    Cases,
    box,
    case,
    png,
    png_of,
    zeros,
)

MEGABYTE = 1 << 20


def pngs() -> Cases:
    """Bombs as PNG."""
    header = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    sound = zlib.compress(bytes(32 * 97))
    behind = (b"IDAT", sound)
    animation = [(b"acTL", struct.pack(">II", 0xFFFFFFF, 0))]
    frame = struct.pack(">IIIIHHBB", 32, 32, 0, 0, 1, 10, 0, 0)
    frames = [(b"fcTL", struct.pack(">I", 0) + frame), behind]
    for number in range(1, 2000, 2):
        frames.append((b"fcTL", struct.pack(">I", number) + frame))
        frames.append((b"fdAT", struct.pack(">I", number + 1) + sound))
    return {
        "400 megapixels": case(images.png_bomb(), HUGE, "a.png"),
        "64 megapixels": case(images.png_bomb(8000, 8000), HUGE, "a.png"),
        "just allowed": case(images.png_bomb(7000, 7000), SOUND | STOPPED, "a.png"),
        "one long row": case(png(49_000_000, 1, bytes(99)), HEAVY, "a.png"),
        "one high column": case(png(1, 49_000_000, bytes(99)), HEAVY, "a.png"),
        "two thousand millions a side": case(png(2**31 - 1, 2**31 - 1, b""), HEAVY, "a.png"),
        "no width": case(png(0, 10, b""), HEAVY, "a.png"),
        "pixels that never end": case(
            png_of((b"IHDR", header), (b"IDAT", zeros(100 * MEGABYTE))), EITHER, "a.png"
        ),
        "many empty pieces of pixels": case(
            png_of((b"IHDR", header), *[(b"IDAT", b"")] * 60_000, behind), EITHER, "a.png"
        ),
        "many pieces of one byte": case(
            png_of((b"IHDR", header), *[(b"IDAT", bytes([one])) for one in sound]), EITHER, "a.png"
        ),
        "interlaced, 16 bits, colour and alpha": case(
            png(7000, 7000, bytes(99), kind=(16, 6, 0, 0, 1)), HEAVY, "a.png"
        ),
        "zTXt": case(metadata.png_with((b"zTXt", b"k\0\0" + zeros(100 * MEGABYTE))), EITHER),
        "iTXt": case(metadata.png_with((b"iTXt", b"k\0\1\0\0\0" + zeros(100 * MEGABYTE))), EITHER),
        "ICC": case(metadata.png_with((b"iCCP", b"p\0\0" + zeros(100 * MEGABYTE))), EITHER),
        "500 zTXt": case(
            metadata.png_with(*[(b"zTXt", b"k\0\0" + zeros(MEGABYTE))] * 500), EITHER, "a.png"
        ),
        "100,000 texts": case(metadata.png_with(*[(b"tEXt", b"k\0v")] * 100_000), EITHER, "a.png"),
        "animation of a thousand frames": case(
            png_of((b"IHDR", header), *animation, *frames), EITHER, "a.png"
        ),
        "animation without frames": case(
            png_of((b"IHDR", header), *animation, behind), EITHER, "a.png"
        ),
    }


def jpegs() -> Cases:
    """Bombs as JPEG."""
    large = images.encoded(Image.new("RGB", (7000, 7000), "teal"), "JPEG")
    progressive = images.encoded(
        Image.effect_noise((400, 400), 20), "JPEG", progressive=True, quality=30
    )
    profile = b"ICC_PROFILE\0"
    blocks = [(0xE2, profile + bytes([at, 255]) + bytes(65_500)) for at in range(1, 256)]
    return {
        "49 megapixels": case(large, SOUND | STOPPED),
        "65,500 a side": case(_jpeg_size(images.image_file(), 65_500, 65_500), HEAVY),
        "no height": case(_jpeg_size(images.image_file(), 48, 0), HEAVY),
        "65,500 by 700, little of it": case(_jpeg_size(images.image_file(), 65_500, 700), EITHER),
        "a thousand scans": case(_more_scans(progressive, 1000), EITHER),
        "five thousand scans of a small one": case(
            _more_scans(images.encoded(images.picture(), "JPEG", progressive=True), 5000), EITHER
        ),
        "scans of a large one": case(
            _more_scans(
                images.encoded(
                    Image.new("L", (6000, 6000), 90), "JPEG", progressive=True, quality=10
                ),
                3000,
            ),
            EITHER,
        ),
        "ICC of 16 MB": case(metadata.jpeg_with(*blocks), EITHER),
        "EXIF as long as can be": case(
            metadata.jpeg_exif(metadata.exif(thumbnail=bytes(65_000))), EITHER
        ),
        "XMP of 15 MB": case(metadata.jpeg_extended_xmp(b"<a/>" * 3_750_000), EITHER),
        "200 comments of 64 kB": case(metadata.jpeg_with(*[(0xFE, bytes(65_533))] * 200), EITHER),
        "100,000 empty segments": case(metadata.jpeg_with(*[(0xE5, b"")] * 100_000), EITHER),
    }


def others() -> Cases:
    """Bombs in the other formats."""
    gif = images.image_file("GIF", (8, 8))
    picture = gif[gif.index(b"\x2c") : -1]
    frames = images.encoded(
        Image.new("P", (64, 64)),
        "WEBP",
        save_all=True,
        append_images=[Image.new("RGB", (64, 64), (at, 0, 0)) for at in range(1, 250)],
        duration=10,
    )
    webp = images.image_file("WEBP")
    extended = b"VP8X" + struct.pack("<IB3x", 10, 0) + b"\xff\xff\xff" + b"\xff\xff\xff"
    lossless = b"VP8L" + struct.pack("<IB", 9, 0x2F) + struct.pack("<I", 0x0FFFFFFF) + bytes(5)
    return {
        "GIF of 5,000 frames": case(gif[:-1] + picture * 5000 + b";", SOUND, "a.gif"),
        "GIF of a huge screen": case(_gif_screen(gif, 65_535, 65_535), HUGE | BROKEN, "a.gif"),
        "GIF with a huge frame": case(_gif_frame(gif, 65_535, 65_535), HEAVY | SOUND, "a.gif"),
        "GIF that never ends": case(gif[:-1] + picture * 20_000, EITHER, "a.gif"),
        "BMP of 32,000 a side": case(_bmp(32_000, 32_000), HEAVY, "a.bmp"),
        "BMP of the greatest numbers": case(_bmp(2**31 - 1, 2**31 - 1), HEAVY, "a.bmp"),
        "BMP upside down, endless": case(_bmp(10, -(2**31)), HEAVY, "a.bmp"),
        "BMP, packed, little of it": case(_bmp(7000, 7000, bits=8, packed=1), EITHER, "a.bmp"),
        "WebP of 16,383 a side": case(_riff(lossless), HEAVY, "a.webp"),
        "WebP on a huge canvas": case(_riff(extended + webp[12:]), HEAVY, "a.webp"),
        "WebP of 250 frames": case(frames, SOUND, "a.webp"),
        "WebP whose length lies": case(webp[:4] + b"\xff\xff\xff\xff" + webp[8:], EITHER, "a.webp"),
        "AVIF with a huge size": case(_isp(images.image_file("AVIF"), 65_535, 65_535), HEAVY),
        "AVIF with the greatest size": case(_isp(images.image_file("AVIF"), 2**32 - 1, 1), HEAVY),
        "HEIC with a huge size": case(_isp(images.image_file("HEIF"), 65_535, 65_535), EITHER),
        "HEIC with the greatest size": case(_isp(images.image_file("HEIF"), 2**32 - 1, 1), EITHER),
        "HEIC, 49 megapixels of nothing": case(_isp(images.image_file("HEIF"), 7000, 7000), EITHER),
        "AVIF, 49 megapixels of nothing": case(_isp(images.image_file("AVIF"), 7000, 7000), EITHER),
        "HEIC of 100,000 boxes": case(
            images.image_file("HEIF") + box(b"free") * 100_000, EITHER, "a.heic"
        ),
        "HEIC in 10,000 boxes": case(_nested(images.image_file("HEIF")), EITHER, "a.heic"),
        "more bytes than allowed": case(
            images.image_file() + bytes(20_000_001), {"file_too_large"}
        ),
        "just as many as allowed": case(_filled(20_000_000), SOUND),
    }


def bombs() -> Cases:
    """All of them."""
    made = {"PNG": pngs(), "JPEG": jpegs(), "": others()}
    return {
        f"bomb: {kind} {name}".replace("  ", " "): one
        for kind, cases in made.items()
        for name, one in cases.items()
    }


def _filled(size: int) -> bytes:
    content = images.image_file()
    return content + bytes(size - len(content))


def _jpeg_size(content: bytes, width: int, height: int) -> bytes:
    """The file with another size in its frame's header."""
    at = next(at for at in (content.find(b"\xff\xc0"), content.find(b"\xff\xc2")) if at > 0)
    return content[: at + 5] + struct.pack(">HH", height, width) + content[at + 9 :]


def _more_scans(content: bytes, count: int) -> bytes:
    """The file with its last scan again and again."""
    at = content.rindex(b"\xff\xda")
    return content[:at] + content[at:-2] * count + b"\xff\xd9"


def _gif_screen(content: bytes, width: int, height: int) -> bytes:
    return content[:6] + struct.pack("<HH", width, height) + content[10:]


def _gif_frame(content: bytes, width: int, height: int) -> bytes:
    at = content.index(b"\x2c")
    return content[: at + 5] + struct.pack("<HH", width, height) + content[at + 9 :]


def _bmp(width: int, height: int, *, bits: int = 24, packed: int = 0) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packed, 0, 0, 0, 0, 0)
    palette = bytes(1024) if bits == 8 else b""
    start = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + 99, 0, 0, start) + info + palette + bytes(99)


def _riff(body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _isp(content: bytes, width: int, height: int) -> bytes:
    """The file with another size in what its boxes say of the picture."""
    at = content.index(b"ispe") + 8
    return content[:at] + struct.pack(">II", width, height) + content[at + 8 :]


def _nested(content: bytes) -> bytes:
    """The file with a box in a box, and so on, behind it."""
    inner = b""
    for _ in range(10_000):
        inner = box(b"moov", inner)
        if len(inner) > 300_000:
            break
    return content + inner
