"""Names of a zip's entries that every system can unpack."""

from datetime import UTC, datetime

# No name on Windows holds these; a slash would make a folder.
FORBIDDEN = frozenset('<>:"|?*/\\')
# Names of devices there, whatever stands behind a dot.
DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"]
)
Moment = tuple[int, int, int, int, int, int]


def entry_name(file_name: str) -> str:
    """Return a file's name as Windows and everybody else can write it, as near as can be."""
    shown = "".join(one if one.isprintable() and one not in FORBIDDEN else "_" for one in file_name)
    name = shown.lstrip(".").rstrip(". ") or "image"
    is_device = name.split(".")[0].rstrip().lower() in DEVICES
    return f"_{name}" if is_device else name


def entry_time(moment: datetime) -> Moment:
    """Return a moment as a zip holds it: in UTC, within the years that it knows."""
    told = moment.astimezone(UTC)
    if not 1980 <= told.year <= 2107:
        return (1980, 1, 1, 0, 0, 0)
    return (told.year, told.month, told.day, told.hour, told.minute, told.second)
