"""TIFF files whose directories loop, lie or never end, and whose samples are odd."""

import struct

from PIL import Image

from tests import images
from tests.hostile.cases import BROKEN, EITHER, HEAVY, HUGE, SOUND, Cases, case

SHORT, LONG = 3, 4
SIDE = 16
Entry = tuple[int, int, int, int]


def directory(entries: list[Entry], following: int = 0) -> bytes:
    """A directory of entries: tag, type, count and value or place."""
    body = b"".join(
        struct.pack("<HHII", tag, kind, count, value) for tag, kind, count, value in entries
    )
    return struct.pack("<H", len(entries)) + body + struct.pack("<I", following)


def plain(**changes: int) -> list[Entry]:
    """The entries of a small grey picture whose pixels lie at 1000."""
    said = {
        "width": SIDE,
        "height": SIDE,
        "bits": 8,
        "packed": 1,
        "meaning": 1,
        "at": 1000,
        "samples": 1,
        "rows": SIDE,
        "size": SIDE * SIDE,
        "planar": 1,
        **changes,
    }
    tags = {
        "width": 256,
        "height": 257,
        "bits": 258,
        "packed": 259,
        "meaning": 262,
        "at": 273,
        "samples": 277,
        "rows": 278,
        "size": 279,
        "planar": 284,
    }
    return [(tags[name], LONG, 1, value) for name, value in said.items()]


def whole(entries: list[Entry], following: int = 0) -> bytes:
    """A file of one directory, with noise for pixels."""
    head = b"II*\0" + struct.pack("<I", 8) + directory(entries, following)
    return head.ljust(1000, b"\0") + images.picture((SIDE, SIDE)).tobytes()


def many_directories(count: int) -> bytes:
    """A file of so many directories, each the same picture."""
    entries = sorted(plain())
    length = len(directory(entries))
    made, at = [], 2000
    for number in range(count):
        following = at + length if number < count - 1 else 0
        made.append(directory(entries, following))
        at += length
    return whole(entries, 2000).ljust(2000, b"\0") + b"".join(made)


def tiffs() -> Cases:
    """Name -> case."""
    rgb = images.picture((64, 48))
    found = {
        "made by hand": case(whole(plain()), SOUND),
        "directory that is its own next": case(whole(plain(), 8), EITHER),
        "directories in a circle": case(
            whole(plain(), 2000).ljust(2000, b"\0") + directory(plain(), 8), EITHER
        ),
        "thousands of directories": case(many_directories(8000), EITHER),
        "next directory outside": case(whole(plain(), 0xFFFFFFF0), EITHER),
        "no directory": case(b"II*\0\0\0\0\0" + bytes(200), BROKEN),
        "directory outside": case(b"II*\0" + struct.pack("<I", 0x7FFFFFFF), BROKEN),
        "empty directory": case(b"II*\0" + struct.pack("<I", 8) + directory([]), BROKEN),
        "directory in the middle of its head": case(b"II*\0\1\0\0\0" + bytes(60), BROKEN),
        "65,535 entries": case(
            b"II*\0" + struct.pack("<IH", 8, 65_535) + struct.pack("<HHII", 315, 2, 9, 8) * 65_535,
            BROKEN,
        ),
        "strips outside": case(whole(plain(at=0xFFFFFF00)), HEAVY),
        "strips at nothing": case(whole(plain(at=0)), EITHER),
        "strip of 4 GB": case(whole(plain(size=0xFFFFFFFF)), EITHER),
        "strip of nothing": case(whole(plain(size=0)), EITHER),
        "strips without end": case(
            whole([*plain()[:5], (273, LONG, 0x3FFFFFFF, 1000), *plain()[6:]]), HEAVY
        ),
        "a million strips": case(
            whole([*plain(height=1_000_000, rows=1)[:5], (273, LONG, 1_000_000, 8)]), HEAVY
        ),
        "one row a strip, few strips": case(whole(plain(rows=1)), EITHER),
        "no rows a strip": case(whole(plain(rows=0)), EITHER),
        "49 megapixels of nothing": case(whole(plain(width=7000, height=7000)), HEAVY),
        "64,000 a side": case(whole(plain(width=64_000, height=64_000)), HUGE | BROKEN),
        "four thousand millions a side": case(
            whole(plain(width=2**32 - 1, height=2**32 - 1)), HEAVY
        ),
        "no width": case(whole(plain(width=0)), HEAVY),
        "65,535 samples": case(whole(plain(samples=65_535)), HEAVY),
        "no samples": case(whole(plain(samples=0)), EITHER),
        "7 bits": case(whole(plain(bits=7)), HEAVY),
        "64 bits": case(whole(plain(bits=64)), HEAVY),
        "unknown packing": case(whole(plain(packed=60_000)), HEAVY),
        "fax of noise": case(whole(plain(packed=4, bits=1)), EITHER),
        "old JPEG inside": case(whole(plain(packed=6)), HEAVY),
        "JPEG inside, of noise": case(whole(plain(packed=7)), HEAVY),
        "LZW of noise": case(whole(plain(packed=5)), EITHER),
        "deflate of noise": case(whole(plain(packed=8)), HEAVY),
        "packed bits of noise": case(whole(plain(packed=32773)), EITHER),
        "Zstandard of noise": case(whole(plain(packed=50000)), HEAVY),
        "LZMA of noise": case(whole(plain(packed=34925)), HEAVY),
        "WebP inside, of noise": case(whole(plain(packed=50001)), HEAVY),
        "planes apart": case(whole(plain(planar=2, samples=3)), EITHER),
        "big TIFF": case(b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**63) + bytes(60), BROKEN),
        "float": case(images.encoded(rgb.convert("F"), "TIFF"), SOUND),
        "LAB": case(images.encoded(rgb.convert("LAB"), "TIFF"), SOUND),
        "CMYK": case(images.encoded(rgb.convert("CMYK"), "TIFF"), SOUND),
        "CMYK as JPEG inside": case(
            images.encoded(rgb.convert("CMYK"), "TIFF", compression="jpeg"), EITHER
        ),
        "YCbCr as JPEG inside": case(images.encoded(rgb, "TIFF", compression="jpeg"), SOUND),
        "32 bits": case(images.encoded(rgb.convert("I"), "TIFF"), SOUND),
        "not a number": case(_float_file(), EITHER),
        "alpha": case(images.encoded(rgb.convert("RGBA"), "TIFF", compression="tiff_lzw"), SOUND),
        "fax": case(images.encoded(rgb.convert("1"), "TIFF", compression="group3"), SOUND),
        "pages": case(images.encoded(rgb, "TIFF", save_all=True, append_images=[rgb] * 200), SOUND),
    }
    return {
        f"TIFF: {name}": case(made.content, made.codes, "a.tif") for name, made in found.items()
    }


def _float_file() -> bytes:
    pixels = struct.pack("<256f", *([float("nan"), float("inf"), -float("inf"), 1e38] * 64))
    return images.encoded(Image.frombytes("F", (16, 16), pixels), "TIFF")
