"""JPEG files as no camera writes them: tables missing, other processes, odd markers."""

import io
import struct

from PIL import Image

from tests import images, metadata
from tests.hostile.cases import EITHER, HEAVY, SOUND, Cases, case

# Start of a frame by the process that it names: lossless, differential, arithmetic.
FRAMES = {
    "extended": 0xC1,
    "lossless": 0xC3,
    "differential": 0xC5,
    "differential, progressive": 0xC6,
    "differential, lossless": 0xC7,
    "arithmetic": 0xC9,
    "arithmetic, progressive": 0xCA,
    "arithmetic, lossless": 0xCB,
    "reserved": 0xC8,
}


def without(content: bytes, marker: int) -> bytes:
    """The file without the segments of this marker."""
    kept, at = content[:2], 2
    while content[at] == 0xFF and content[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", content, at + 2)
        if content[at + 1] != marker:
            kept += content[at : at + 2 + length]
        at += 2 + length
    return kept + content[at:]


def filled(content: bytes, count: int) -> bytes:
    """The file with fill bytes before each marker of its head, which are allowed."""
    made, at = content[:2], 2
    while content[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", content, at + 2)
        made += b"\xff" * count + content[at : at + 2 + length]
        at += 2 + length
    return made + b"\xff" * count + content[at:]


def framed(content: bytes, marker: int) -> bytes:
    """The file with its frame named after another process."""
    at = content.index(b"\xff\xc0")
    return content[: at + 1] + bytes([marker]) + content[at + 2 :]


def restarts() -> bytes:
    """A file with restart markers."""
    return images.encoded(images.picture((64, 64)), "JPEG", restart_marker_blocks=1)


def jpegs() -> Cases:
    """Name -> case."""
    sound, rgb = images.image_file("JPEG", (64, 48)), images.picture((64, 48))
    scan = sound.index(b"\xff\xda")
    frame = sound.index(b"\xff\xc0")
    marked = restarts()
    first = next(at for at in range(len(marked)) if marked[at : at + 2] == b"\xff\xd0")
    app14 = (0xEE, b"Adobe\0\x64\0\0\0\0\x02")
    cmyk = images.encoded(rgb.convert("CMYK"), "JPEG")
    found = {
        "fill bytes": case(filled(sound, 9), SOUND),
        "a megabyte of fill bytes": case(sound[:2] + b"\xff" * 1_000_000 + sound[2:], EITHER),
        "no tables of numbers": case(without(sound, 0xDB), HEAVY),
        "no Huffman tables": case(without(sound, 0xC4), EITHER),
        "no frame": case(without(sound, 0xC0), HEAVY),
        "no scan": case(sound[:scan] + b"\xff\xd9", HEAVY),
        "no JFIF": case(without(sound, 0xE0), SOUND),
        "no end": case(sound[:-2], EITHER),
        "two ends": case(sound + b"\xff\xd9", SOUND),
        "two frames": case(sound[:scan] + sound[frame:], HEAVY),
        "two files": case(sound + sound, SOUND),
        "ended at its start": case(b"\xff\xd8\xff\xd9", HEAVY),
        "started twice": case(b"\xff\xd8" + sound, EITHER),
        "restart markers": case(marked, SOUND),
        "a restart marker lost": case(marked[:first] + marked[first + 2 :], EITHER),
        "restart markers in disorder": case(marked.replace(b"\xff\xd1", b"\xff\xd5"), EITHER),
        "restarts that never come": case(
            sound[:scan] + metadata.segment(0xDD, struct.pack(">H", 1)) + sound[scan:], EITHER
        ),
        "12 bits": case(sound[: frame + 4] + b"\x0c" + sound[frame + 5 :], HEAVY),
        "no components": case(sound[: frame + 9] + b"\0" + sound[frame + 10 :], HEAVY),
        "255 components": case(sound[: frame + 9] + b"\xff" + sound[frame + 10 :], HEAVY),
        "sampled 15 times": case(sound[: frame + 11] + b"\xff" + sound[frame + 12 :], HEAVY),
        "sampled never": case(sound[: frame + 11] + b"\0" + sound[frame + 12 :], HEAVY),
        "table that is none": case(metadata.jpeg_with((0xC4, b"\0" + b"\xff" * 16)), HEAVY),
        "Huffman table of zeros": case(metadata.jpeg_with((0xC4, bytes(17))), EITHER),
        "segment of no length": case(sound[:2] + b"\xff\xe1\0\0" + sound[2:], EITHER),
        "segment longer than the file": case(sound[:2] + b"\xff\xe1\xff\xff" + sound[2:], EITHER),
        "CMYK": case(cmyk, SOUND),
        "CMYK that says YCCK": case(
            without(cmyk, 0xEE)[:2] + metadata.segment(*app14) + without(cmyk, 0xEE)[2:], EITHER
        ),
        "RGB that says CMYK": case(metadata.jpeg_with(app14), EITHER),
        "grey": case(images.encoded(rgb.convert("L"), "JPEG"), SOUND),
        "progressive": case(images.encoded(rgb, "JPEG", progressive=True), SOUND),
        "progressive, half": case(
            images.encoded(rgb, "JPEG", progressive=True)[: len(sound) // 2], EITHER
        ),
        "quality 1": case(images.encoded(rgb, "JPEG", quality=1), SOUND),
        "quality 100, 4:4:4": case(images.encoded(rgb, "JPEG", quality=100, subsampling=0), SOUND),
        "tables alone": case(_streamed_tables(), HEAVY),
        "scan of noise": case(sound[: scan + 14] + images.picture().tobytes(), EITHER),
        "scan of zeros": case(sound[: scan + 14] + bytes(10_000), EITHER),
        "scan of ones": case(sound[: scan + 14] + b"\xff" * 10_000, EITHER),
        "thumbnail within itself": case(
            metadata.jpeg_exif(metadata.exif(thumbnail=sound[:20_000])), SOUND
        ),
        "MPO": case(images.image_file("MPO"), SOUND),
        "MPO whose pictures lie outside": case(_mpo_outside(), EITHER),
        "MPO of 200 pictures": case(_mpo(200), SOUND),
        "multi-picture block of noise": case(
            metadata.jpeg_with((0xE2, b"MPF\0" + images.picture().tobytes()[:800])), EITHER
        ),
        "EXIF of noise": case(metadata.jpeg_exif(images.picture().tobytes()[:900]), EITHER),
        "profile of noise": case(
            metadata.jpeg_with((0xE2, b"ICC_PROFILE\0\1\1" + bytes(range(256)))), EITHER
        ),
        "profile in parts that lie": case(
            metadata.jpeg_with((0xE2, b"ICC_PROFILE\0\xff\x01" + bytes(9))), EITHER
        ),
    }
    found |= {
        f"frame, {name}": case(framed(sound, marker), EITHER) for name, marker in FRAMES.items()
    }
    return {f"JPEG: {name}": made for name, made in found.items()}


def _streamed_tables() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG", streamtype=1)
    return buffer.getvalue()


def _mpo(count: int) -> bytes:
    pictures = [images.picture(seed=at) for at in range(count)]
    return images.encoded(pictures[0], "MPO", save_all=True, append_images=pictures[1:])


def _mpo_outside() -> bytes:
    content = images.image_file("MPO")
    at = content.index(b"MPF\0") + 60
    return content[:at] + b"\xff" * 24 + content[at + 24 :]
