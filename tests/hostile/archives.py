"""Zips that climb, lie, explode, hide or repeat, each with how the batch may end."""

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass

from tests import images
from tests.hostile.cases import zeros

MEGABYTE = 1 << 20
# States in which a batch ends.
DONE, FAILED = "finished", "failed"


@dataclass(frozen=True, slots=True)
class Zip:
    """A zip, how its batch may end, by which codes of the whole, and of the files in it."""

    content: bytes
    states: frozenset[str]
    codes: frozenset[str]
    file_codes: frozenset[str]


def made(
    content: bytes, states: set[str], codes: set[str] | None = None, files: set[str] | None = None
) -> Zip:
    """Return a zip with what is expected of it."""
    return Zip(content, frozenset(states), frozenset(codes or {""}), frozenset(files or {""}))


def packed(*entries: tuple[str | zipfile.ZipInfo, bytes], deflated: bool = False) -> bytes:
    """A zip of these entries, whatever their names, twice where they come twice."""
    buffer = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def picture(seed: int = 0) -> bytes:
    """A sound image."""
    return images.image_file("PNG", (16, 16), seed=seed)


def archives() -> dict[str, Zip]:
    """Name -> zip."""
    sound = ("sound.png", picture())
    unsafe = {"unsafe_path", ""}
    link = zipfile.ZipInfo("link.png")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    device = zipfile.ZipInfo("device.png")
    device.create_system, device.external_attr = 3, 0o020666 << 16
    climbing = [
        *("../out.png", "../../../../tmp/out.png", "/tmp/out.png", "a/../../out.png"),  # noqa: S108
        *("C:\\out.png", "..\\..\\out.png", "\\\\host\\share\\out.png", "a/b/../../../out.png"),
    ]
    two = packed(("a.png", picture(1)), ("b.png", picture(2)))
    return {
        "sound": made(packed(sound), {DONE}),
        "no zip": made(b"nothing like it" * 50, {FAILED}, {"damaged_archive"}),
        "empty zip": made(packed(), {FAILED}, {"empty_archive"}),
        "nothing but folders": made(packed(("a/", b""), ("b/", b"")), {FAILED}, {"empty_archive"}),
        "names that climb": made(
            packed(sound, *((name, picture()) for name in climbing)), {DONE}, files=unsafe
        ),
        "links": made(packed(sound, (link, b"/etc/passwd")), {DONE}, files=unsafe),
        "devices": made(
            packed(sound, (device, b"x")), {DONE}, files={"", "unsupported_format", "unsafe_path"}
        ),
        "a zip in it": made(packed(sound, ("a.zip", two)), {DONE}, files={"", "nested_archive"}),
        "a zip in it, called png": made(
            packed(sound, ("a.png", two)), {DONE}, files={"", "unsupported_format"}
        ),
        "zips in zips": made(_nested(42), {DONE}, files={"nested_archive"}),
        "the same name twice": made(packed(sound, sound, ("SOUND.PNG", picture(3))), {DONE}),
        "entries that overlap": made(
            _overlapping(200), {DONE, FAILED}, {"", "zip_bomb", "damaged_archive"},
            {"", "damaged_entry", "unsupported_format", "damaged_image", "file_too_large"},
        ),
        "a bomb of zeros": made(
            packed(*((f"{n}.png", bytes(15 * MEGABYTE)) for n in range(20)), deflated=True),
            {FAILED}, {"zip_bomb"},
        ),
        "a bomb that says it is small": made(
            _lying_size(zeros(100 * MEGABYTE), 500), {DONE},
            files={"", "damaged_entry", "unsupported_format", "file_too_large"},
        ),
        "an entry that says it is large": made(
            _changed(two, (b"PK\x01\x02", 24, "<I", 0x7FFFFFFF)), {DONE, FAILED},
            {"", "zip_bomb"}, {"", "damaged_entry"},
        ),
        "wrong sum": made(
            _changed(two, (b"PK\x01\x02", 16, "<I", 1)), {DONE}, files={"", "damaged_entry"}
        ),
        "locked": made(
            _changed(two, (b"PK\x01\x02", 8, "<H", 1)), {DONE}, files={"", "encrypted_entry"}
        ),
        "packed in a way that is none": made(
            _changed(two, (b"PK\x01\x02", 10, "<H", 99)), {DONE}, files={"", "damaged_entry"}
        ),
        "an entry outside": made(
            _changed(two, (b"PK\x01\x02", 42, "<I", 0x7FFFFFFF)), {DONE, FAILED},
            {"", "damaged_archive"}, {"", "damaged_entry"},
        ),
        "another name before the entry": made(
            two.replace(b"a.png", b"z.png", 1), {DONE}, files={"", "damaged_entry"}
        ),
        "directory outside": made(
            _changed(two, (b"PK\x05\x06", 16, "<I", 0xFFFFFFF0)), {DONE}, files={"damaged_entry"}
        ),
        "directory of a lie": made(
            _changed(two, (b"PK\x05\x06", 12, "<I", 5)), {FAILED}, {"damaged_archive"}
        ),
        "more entries than there are": made(
            _changed(two, (b"PK\x05\x06", 8, "<HH", 65_535, 65_535)), {DONE, FAILED},
            {"", "too_many_entries", "damaged_archive"},
        ),
        "70,000 entries": made(_many(70_000), {FAILED}, {"too_many_entries"}),
        "zip64 of a lie": made(
            _zip64(two, 2**63), {FAILED}, {"damaged_archive", "too_many_entries"}
        ),
        "zip64 of no entries": made(
            _zip64(two, 0), {FAILED, DONE}, {"damaged_archive", "empty_archive"}
        ),
        "cut off": made(two[: len(two) // 2], {FAILED}, {"damaged_archive"}),
        "its middle is missing": made(
            two[: len(two) // 3] + two[len(two) // 2 :], {DONE, FAILED},
            {"", "damaged_archive"}, {"", "damaged_entry"},
        ),
        "behind a program": made(b"MZ" + bytes(3000) + two, {DONE}),
        "with ends in its comment": made(
            _commented(two), {DONE, FAILED}, {"", "damaged_archive"}
        ),
        "names of 60,000 letters": made(packed(("a" * 60_000 + ".png", picture())), {DONE}),
        "4,000 folders deep": made(packed(("a/" * 4000 + "a.png", picture())), {DONE}),
        "names of nothing": made(
            packed((" ", picture(1)), ("//", b""), (".", picture(3)), ("...", picture(4))),
            {DONE, FAILED}, {"", "empty_archive"}, unsafe,
        ),
        "names with all that is odd": made(
            packed(
                *(
                    (name, picture(at))
                    for at, name in enumerate(
                        ("a\nb.png", "a\tb.png", "\u202egnp.exe", "\U0001f600.png", "a\x00b.png",
                         "CON.png", "a:b.png", "<script>.png", "=1+1.png", "-rf.png", "~.png")
                    )
                )
            ),
            {DONE}, files=unsafe,
        ),
        "names that are no UTF-8": made(
            _changed(
                packed(("\xe9\xe9\xe9.png", picture())), (b"PK\x01\x02", 46, "<2s", b"\xff\xfe")
            ),
            {DONE, FAILED}, {"", "damaged_archive"}, {"", "damaged_entry"},
        ),
        "litter": made(
            packed(sound, ("__MACOSX/._a.png", b"x"), (".DS_Store", b"x"), ("Thumbs.db", b"x")),
            {DONE},
        ),
        "a thousand empty files": made(
            packed(*((f"{n}.png", b"") for n in range(1000))), {DONE}, files={"empty_file"}
        ),
        "not one image": made(
            packed(("a.txt", b"text"), ("b.html", b"<html>")), {DONE}, files={"unsupported_format"}
        ),
    }  # fmt: skip


def _nested(depth: int) -> bytes:
    inner = packed(("a.png", picture()))
    for _ in range(depth):
        inner = packed(("a.zip", inner))
    return inner


def _changed(content: bytes, *changes: tuple[object, ...]) -> bytes:
    """The zip with numbers changed, each by the signature of a record and a place in it."""
    body = bytearray(content)
    for signature, at, form, *values in changes:
        assert isinstance(signature, bytes)
        assert isinstance(at, int)
        struct.pack_into(str(form), body, body.index(signature) + at, *values)
    return bytes(body)


def _lying_size(stream: bytes, size: int) -> bytes:
    """A zip whose only entry is this stream of deflate, said to hold only so many bytes."""
    raw = stream[2:-4]  # without what zlib puts around it
    crc = zlib.crc32(bytes(size))
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 33, crc, len(raw), size, 5, 0)
    name = b"a.png"
    central = struct.pack(
        "<4s6H3I5H2I",
        *(b"PK\1\2", 20, 20, 0, 8, 0, 33, crc, len(raw), size, 5, 0, 0, 0, 0, 0, 0),
    )
    start = len(local) + len(name) + len(raw)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(central) + len(name), start, 0)
    return local + name + raw + central + name + end


def _overlapping(count: int) -> bytes:
    """A zip whose directory names one stream of zeros again and again."""
    one = packed(("a.png", bytes(5 * MEGABYTE)), deflated=True)
    at = one.index(b"PK\1\2")
    entry = one[at : one.index(b"PK\5\6")]
    directory = entry * count
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), at, 0)
    return one[:at] + directory + end


def _many(count: int) -> bytes:
    return packed(*((f"{n}", b"") for n in range(count)))


def _zip64(content: bytes, count: int) -> bytes:
    """The zip with a second, larger end that says other numbers."""
    at = content.rindex(b"PK\5\6")
    start = content.index(b"PK\1\2")
    record = struct.pack(
        "<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, max(count, 1), start
    )
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, at, 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65_535, 65_535, 2**32 - 1, 2**32 - 1, 0)
    return content[:at] + record + locator + end


def _commented(content: bytes) -> bytes:
    return content[:-2] + struct.pack("<H", 65_535) + b"PK\5\6" * 16_383 + b"abc"
