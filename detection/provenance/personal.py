"""What a file gives away about a person: where it was taken, by whom, with which device."""

from collections.abc import Iterator
from math import isfinite

from detection.findings import Detail, Finding
from detection.provenance.facts import Facts
from detection.provenance.reading import shown

_EXIF = (
    ("Artist", "Artist"),
    ("Author", "XPAuthor"),
    ("Copyright", "Copyright"),
    ("Owner of the camera", "CameraOwner"),
    ("Serial number", "BodySerial"),
    ("Serial number of the lens", "LensSerial"),
    ("Computer", "HostComputer"),
)
_XMP = (
    ("Creator", "dc:creator"),
    ("Rights", "dc:rights"),
    ("Owner", "xmpRights:Owner"),
    ("Owner of the camera", "aux:OwnerName"),
    ("Serial number", "aux:SerialNumber"),
    ("City", "photoshop:City"),
)


def find(facts: Facts) -> Iterator[Finding]:
    """Yield one finding that lists what is personal; all of it is private."""
    position = _position(facts)
    lines = [
        *((label, facts.exif.text(name)) for label, name in _EXIF),
        *((label, facts.xmp.first(name)) for label, name in _XMP),
        ("Author (IPTC)", facts.iptc.text("Author")),
        ("Author (PNG)", facts.text("Author")),
    ]
    # What EXIF and XMP say alike is told once.
    told = [(label, value) for label, value in dict.fromkeys(lines) if value]
    if not (position or told):
        return
    # Private too where there is none: whether there is one is nobody else's business.
    told.insert(0, ("Position", position or "none in the file"))
    yield Finding(
        kind="camera",
        code="personal_data",
        source="EXIF, XMP or IPTC",
        strength="context",
        leaning="neutral",
        sentence=(
            "The file carries personal data, such as a name, a serial number or a place. Anybody "
            "can write such fields; whoever gets the file can read them."
        ),
        details=tuple(Detail(label, shown(value, 300), is_private=True) for label, value in told),
    )


def _position(facts: Facts) -> str:
    """Return latitude and longitude in degrees, or nothing."""
    latitude = _degrees(facts, "Latitude", "S", 90)
    longitude = _degrees(facts, "Longitude", "W", 180)
    if latitude is not None and longitude is not None:
        return f"{latitude:.6f}, {longitude:.6f}"
    written = [facts.xmp.first(f"exif:GPS{side}") for side in ("Latitude", "Longitude")]
    return ", ".join(written) if all(written) else ""


def _degrees(facts: Facts, name: str, negative: str, most: float) -> float | None:
    parts = facts.exif.numbers(name)
    if not 1 <= len(parts) <= 3 or not all(map(isfinite, parts)):
        return None
    value = sum(part / 60**place for place, part in enumerate(parts))
    if not 0 <= value <= most:
        return None
    is_negative = facts.exif.text(f"{name}Ref").upper().startswith(negative)
    return -value if is_negative else value
