"""What was done to a picture after it was taken: programs, steps, dates and sizes that differ."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from detection.findings import Detail, Finding
from detection.provenance.facts import Facts
from detection.provenance.generators.names import generator_in
from detection.provenance.reading import shown

MAX_STEPS = 30  # of a history, shown

_EDITORS = re.compile(
    r"photoshop|lightroom|camera raw|gimp|affinity|snapseed|picasa|canva|pixelmator|capture one"
    r"|darktable|rawtherapee|paint\.net|imagemagick|krita|luminar|dxo|vsco|picsart|procreate"
    r"|acdsee|irfanview|xnview|corel|paintshop|photoscape|polarr|pixlr|photopea|gthumb"
    r"|digikam|shotwell|windows photo|microsoft.*photo|paint\b|ffmpeg|lavc|graphicsmagick",
    re.IGNORECASE,
)
# These put pixels into a picture that a model has made up.
_RETOUCHERS = re.compile(
    r"faceapp|remini|topaz|gigapixel|meitu|beautyplus|facetune|faceswap|reface|lensa|upscayl"
    r"|real-?esrgan|gfpgan|codeformer|magnific",
    re.IGNORECASE,
)
_DATE = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[T ](\d\d):(\d\d)(?::(\d\d))?")


def find(facts: Facts) -> Iterator[Finding]:
    """Yield what speaks of editing."""
    programs = dict(_programs(facts))
    yield from _retouched(programs)
    yield from _edited(facts, programs)
    yield from _dates(facts)
    yield from _size(facts)


def _programs(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield place and name of each program that is no generator."""
    places = [
        (f"EXIF {name}", facts.exif.text(name)) for name in ("Software", "ProcessingSoftware")
    ]
    places += [
        (f"XMP {name}", facts.xmp.first(name)) for name in ("xmp:CreatorTool", "tiff:Software")
    ]
    places += [("IPTC Program", facts.iptc.text("Program"))]
    places += [
        (t.source, t.value)
        for t in facts.texts
        if t.source.startswith("PNG") and t.key == "Software"
    ]
    for event in facts.xmp.items("xmpMM:History"):
        places.append(("XMP xmpMM:History", event.get("stEvt:softwareAgent", "")))
    for source, value in places:
        if value and len(value) <= 400 and not generator_in(value):
            yield source, value


def _retouched(programs: dict[str, str]) -> Iterator[Finding]:
    for source, value in programs.items():
        if _RETOUCHERS.search(value):
            yield Finding(
                "editing", "reworked_by_ai", source, "weak", "doubt",
                "The file names a program that invents detail by AI, for instance in faces. The "
                "picture may be a photograph and still show what was never there.",
                (Detail("Program", shown(value, 200)),),
            )  # fmt: skip
            return


def _edited(facts: Facts, programs: dict[str, str]) -> Iterator[Finding]:
    history = _history(facts)
    editors = {source: value for source, value in programs.items() if _EDITORS.search(value)}
    details = [Detail("Program", shown(v, 200)) for v in dict.fromkeys(editors.values())]
    details += [Detail("Step", line) for line in history]
    if facts.resources:
        details.append(Detail("Resources of Photoshop", str(len(facts.resources))))
    if editors or history:
        yield Finding(
            "editing", "edited", next(iter(editors), "XMP xmpMM:History"), "weak", "neutral",
            "The file was saved by a program for editing pictures. That is usual and says neither "
            "what was changed nor that anything was.", tuple(details),
        )  # fmt: skip
    elif programs:
        source, value = next(iter(programs.items()))
        yield Finding(
            "editing", "software_named", source, "context", "neutral",
            "The file names the program or the device that saved it last.",
            (Detail("Program", shown(value, 200)),),
        )  # fmt: skip


def _history(facts: Facts) -> list[str]:
    """Return the steps of XMP's history, one line each."""
    lines = []
    for event in facts.xmp.items("xmpMM:History")[:MAX_STEPS]:
        parts = (event.get(f"stEvt:{name}", "") for name in ("when", "action", "softwareAgent"))
        line = shown(" · ".join(part for part in parts if part), 300)
        if line:
            lines.append(line)
    return lines


def _dates(facts: Facts) -> Iterator[Finding]:
    taken = _date(facts.exif.text("DateTimeOriginal"))
    saved = _date(facts.exif.text("DateTime"))
    if taken is None or saved is None:
        return
    lines = (
        Detail("Taken", f"{taken:%Y-%m-%d %H:%M:%S}"),
        Detail("Saved", f"{saved:%Y-%m-%d %H:%M:%S}"),
    )
    # A day's leeway: the two may be told in different time zones.
    apart = (saved - taken).total_seconds() / 86_400
    if apart < -1:
        yield Finding(
            "editing", "dates_contradict", "EXIF", "weak", "doubt",
            "The file says that it was saved before it was taken. A wrong clock does that, and so "
            "does somebody who writes dates by hand.", lines,
        )  # fmt: skip
    elif apart > 1:
        yield Finding(
            "editing", "saved_later", "EXIF", "context", "neutral",
            "The file was saved anew more than a day after it was taken.", lines,
        )  # fmt: skip


def _date(written: str) -> datetime | None:
    """Return a date as EXIF writes it, or None; taken for UTC as the zone is unknown."""
    found = _DATE.match(written)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _size(facts: Facts) -> Iterator[Finding]:
    width, height = facts.exif.number("PixelWidth"), facts.exif.number("PixelHeight")
    if not width or not height or {width, height} == {facts.width, facts.height}:
        return
    yield Finding(
        "editing", "size_differs", "EXIF", "weak", "neutral",
        "The picture has another size than its camera's record says: it was scaled or cropped, or "
        "the record belongs to another picture.",
        (
            Detail("Size in the record", f"{width:.0f} x {height:.0f}"),
            Detail("Size of the picture", f"{facts.width} x {facts.height}"),
        ),
    )  # fmt: skip
