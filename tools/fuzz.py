"""`python -m tools.fuzz --seconds N --seed S`: damaged files through what reads them.

A whole file is damaged, or one block of it before the file is put together around it: so damage
gets behind checksums and compression. With `--signed` they are files with Content Credentials,
read by the program that reads those: none may pass for signed any more. With `--intake` they go
through a whole portal; see `tools.fuzz_intake`. An input that raises, or takes too long, is kept
below `var/fuzz/`, and ends the run with status 1.
"""

import argparse
import hashlib
import random
import re
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from detection.image_files import FORMATS
from detection.provenance import examine
from detection.provenance.credentials import read
from tests import credentials, images, metadata
from tests.hostile_metadata import EXTERNAL, LAUGHS, hostile
from tools import fuzz_intake

Examine = Callable[..., object]
Recipe = tuple[str, bytes, Callable[[bytes], bytes]]

# What tells the time of an input, and how much it may take.
Clock = tuple[Callable[[], float], float]

KEPT = Path("var/fuzz")
PEAK_RESET = Path("/proc/self/clear_refs")  # Linux: 5 sets the peak to what is held now
MAX_SECONDS = 2.0  # of the processor, for one input
# Of the clock, as another process reads it: its own limit, and what starting it may take.
MAX_SIGNED_SECONDS = 4.0
MAX_SEED_FILE = 100_000  # bytes; larger files only slow the run down
MAX_SEGMENT = 65_000  # bytes that a segment of a JPEG holds
PROCESSOR: Clock = (time.thread_time, MAX_SECONDS)
WALL: Clock = (time.monotonic, MAX_SIGNED_SECONDS)
TRUSTED = ("signed", "signed_ai", "signed_ai_parts", "signed_capture")
_NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


@dataclass(slots=True)
class Tally:
    """What a run came to; memory in megabytes, `grown` beyond what was held at its start."""

    inputs: int = 0
    slowest: float = 0.0
    slowest_name: str = ""
    grown: float = 0.0
    peak: float = 0.0


class Failed(Exception):
    """An input raised or took too long; the text names the file that it was kept in."""


@cache
def recipes() -> dict[str, Recipe]:
    """Name -> format, what is damaged, and what makes a file of it."""
    found: dict[str, Recipe] = {}
    for name, (format_name, content) in metadata.samples().items():
        found[name] = (format_name, content, bytes)
    for name, (format_name, content, _) in hostile().items():
        if len(content) < MAX_SEED_FILE:
            found[name] = (format_name, content, bytes)
    hostile.cache_clear()  # hundreds of megabytes, of which a few small files are left
    for name, format_name in images.FORMATS.items():
        found[f"plain {name}"] = (format_name, images.image_file(name), bytes)
    block = metadata.exif(
        {**metadata.CAMERA, 0x010E: (metadata.ASCII, metadata.A1111)},
        {**metadata.EXPOSURE, 0x9286: metadata.user_comment(metadata.A1111)},
        metadata.PLACE,
        images.image_file("JPEG", (16, 12)),
    )
    return found | {
        "block of EXIF": ("JPEG", block, lambda body: metadata.jpeg_exif(body[:MAX_SEGMENT])),
        "EXIF of a PNG": ("PNG", block, lambda body: metadata.png_with((b"eXIf", body))),
        "EXIF as a TIFF": ("TIFF", block, bytes),
        "XMP": ("JPEG", metadata.declared("digitalCapture"), _xmp_segment),
        "history": ("JPEG", metadata.history(("saved", "GIMP", "2025-01-01")), _xmp_segment),
        "laughs": ("JPEG", LAUGHS, _xmp_segment),
        "entity": ("JPEG", EXTERNAL, _xmp_segment),
        "XMP of a GIF": ("GIF", metadata.declared("screenCapture"), metadata.gif_with_xmp),
        "IPTC": ("JPEG", metadata.iptc({80: "Ann", 110: "Made with AI"}), _press_segment),
        "A1111": ("PNG", metadata.A1111.encode(), _text("parameters")),
        "Midjourney": ("PNG", metadata.MIDJOURNEY.encode(), _text("Description")),
        "Dream": ("PNG", metadata.DREAM.encode(), _text("Dream")),
        **{
            f"JSON {key}": ("PNG", metadata.plain_text("", value)[1][1:], _text(key))
            for key, value in {
                "prompt": metadata.COMFYUI,
                "workflow": metadata.WORKFLOW,
                "invokeai_metadata": metadata.INVOKEAI,
                "sd-metadata": metadata.SD_METADATA,
                "Comment": metadata.NOVELAI,
                "parameters": metadata.FOOOCUS,
                "swarm": metadata.SWARM,
            }.items()
        },
    }


@cache
def signed_recipes() -> dict[str, Recipe]:
    """The same of files with Content Credentials."""
    pictures = {name: images.image_file(name) for name in ("JPEG", "PNG", "WEBP")}
    sign = {"ai": credentials.signed_ai, "camera": credentials.camera_capture}
    return {
        f"{kind} {name}": (images.FORMATS[name], signed(content), bytes)
        for name, content in pictures.items()
        for kind, signed in sign.items()
    }


def read_signed(content: bytes, *, format: str, **_: object) -> None:  # noqa: A002
    """Read a damaged file's credentials; unless nothing was damaged, none may hold any more."""
    found = read(content, format=format, trust_list=_trust_list())
    is_whole = any(content == body for _, body, _ in signed_recipes().values())
    if not is_whole and any(each.code in TRUSTED for each in found.findings):
        raise ValueError("a damaged file passes for signed")


@cache
def _trust_list() -> Path:
    """Return the file with the one authority that signed the samples."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / "trust-list.pem"
    path.write_bytes(credentials.trust_list_pem())
    return path


def _xmp_segment(body: bytes) -> bytes:
    return metadata.jpeg_xmp(body[:MAX_SEGMENT])


def _press_segment(body: bytes) -> bytes:
    resources = metadata.resources({0x0404: body[:MAX_SEGMENT]})
    return metadata.jpeg_with((0xED, b"Photoshop 3.0\0" + resources))


def _text(key: str) -> Callable[[bytes], bytes]:
    return lambda body: metadata.png_with(metadata.packed_text(key, body))


def damaged(content: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Damage bytes in one of four ways, some of them several times."""
    way = chance.randrange(4)
    if way == 0 or len(content) < 8:
        return images.mutated(content, chance.getrandbits(32))
    body = bytearray(content)
    if way == 1:  # numbers at their limits, where lengths and offsets may be
        for _ in range(chance.randint(1, 8)):
            letter = chance.choice("BHI")
            size = struct.calcsize(letter)
            number = chance.choice(_NUMBERS) & (1 << 8 * size) - 1
            struct.pack_into(
                chance.choice("<>") + letter, body, chance.randrange(len(body) - 4), number
            )
    elif way == 2:  # a piece of something else
        other = chance.choice(others)
        start, at = chance.randrange(len(other) + 1), chance.randrange(len(body))
        body[at:at] = other[start : start + chance.randrange(400)]
    else:  # the same again and again
        start = chance.randrange(len(body))
        piece = body[start : start + chance.randint(1, 60)]
        body[start:start] = piece * chance.choice((2, 50, 2_000))
    return bytes(body)


def fuzz(
    seconds: float,
    seed: int,
    *,
    examined: Examine = examine,
    made_of: Callable[[], dict[str, Recipe]] = recipes,
    clock: Clock = PROCESSOR,
    kept: Path = KEPT,
) -> Tally:
    """Examine damaged files for so many seconds.

    Raises:
        Failed: At the first input that raises or takes longer than `clock` allows.
    """
    chance = random.Random(seed)  # noqa: S311 - damage is no secret
    table, tally = list(made_of().items()), Tally()
    others = [body for _, (_, body, _) in table]
    PEAK_RESET.write_text("5")
    end, held = time.monotonic() + seconds, _peak()
    while time.monotonic() < end:
        name, (format_name, body, wrap) = chance.choice(table)
        content = wrap(damaged(body, chance, others))
        if chance.random() < 0.02:  # somebody misnames the format
            format_name = chance.choice(FORMATS)
        options: dict[str, object] = {
            "format": format_name,
            "width": chance.choice((1, 32, 48, 1170, 4000)),
            "height": chance.choice((1, 32, 2532, 3000)),
            "shape": chance.choice((None, 0, chance.getrandbits(63))),
        }
        taken = _timed(examined, content, options, clock, kept)
        if taken > tally.slowest:
            tally.slowest, tally.slowest_name = taken, name
        tally.inputs += 1
    tally.grown, tally.peak = _peak() - held, _peak()
    return tally


def _timed(
    examined: Examine, content: bytes, options: dict[str, object], clock: Clock, kept: Path
) -> float:
    now, most = clock
    started = now()
    try:
        examined(content, **options)
    except Exception as error:
        place = _keep(content, options, kept)
        raise Failed(f"{type(error).__name__}: {error}; the input is {place}") from error
    taken = now() - started
    if taken > most:
        raise Failed(f"it took {taken:.2f} s; the input is {_keep(content, options, kept)}")
    return taken


def _keep(content: bytes, options: dict[str, object], kept: Path) -> Path:
    kept.mkdir(parents=True, exist_ok=True)
    place = kept / f"{hashlib.sha256(content).hexdigest()[:16]}-{options['format']}.bin"
    place.write_bytes(content)
    place.with_suffix(".txt").write_text(f"{options}\n")
    return place


def _peak() -> float:
    """Return the most memory that this process has held since it was reset, in megabytes."""
    (line,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(line) / 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and report; 1 if an input failed."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--signed", action="store_true", help="files with Content Credentials")
    parser.add_argument("--intake", action="store_true", help="through a whole portal")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.intake:
            with fuzz_intake.own_portal() as portal:
                run = fuzz_intake.fuzz(portal, chosen.seconds, chosen.seed, kept=KEPT)
            print(f"seed {chosen.seed}: {run.told()}")
            return 0
        if chosen.signed:
            tally = fuzz(
                chosen.seconds,
                chosen.seed,
                examined=read_signed,
                made_of=signed_recipes,
                clock=WALL,
            )
        else:
            tally = fuzz(chosen.seconds, chosen.seed)
    except (Failed, fuzz_intake.Broken, AssertionError) as failure:
        print(f"failed with seed {chosen.seed}: {failure}")
        return 1
    print(
        f"{tally.inputs:,} inputs in {chosen.seconds:g} s with seed {chosen.seed}, none failed; "
        f"slowest {1000 * tally.slowest:.0f} ms ({tally.slowest_name}); "
        f"memory grew by {tally.grown:.0f} MB to {tally.peak:.0f} MB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
