"""What a camera writes about a photograph: who made it, how it was set, when."""

from collections.abc import Iterator
from math import isfinite

from detection.findings import Detail, Finding
from detection.provenance.facts import Facts
from detection.provenance.generators.names import generator_in
from detection.provenance.reading import shown

_ANYBODY = "Anybody can write such fields into any file"
# Wide enough for astronomy and sports; beyond them a number is a mistake or a joke.
_SECONDS, _APERTURES, _SPEEDS = (1e-6, 86_400.0), (0.3, 256.0), (1.0, 10_000_000.0)


def find(facts: Facts) -> Iterator[Finding]:
    """Yield one finding on what the file says of a camera, if it says anything."""
    maker, model = _name(facts, "Make"), _name(facts, "Model")
    exposure = _exposure(facts)
    if not (maker or model or len(exposure) >= 2):
        return
    lines = {
        "Maker": maker,
        "Model": model,
        "Lens": facts.exif.text("LensModel") or facts.xmp.first("aux:Lens", "exifEX:LensModel"),
        **exposure,
        "Focal length": _millimetres(facts),
        "Taken": facts.exif.text("DateTimeOriginal") or facts.xmp.first("exif:DateTimeOriginal"),
    }
    details = tuple(Detail(label, shown(value, 200)) for label, value in lines.items() if value)
    source = "EXIF" if facts.exif.fields else "XMP"
    if maker and model and len(exposure) >= 2:
        yield Finding(
            "camera", "camera_record", source, "moderate", "real",
            f"The file says which camera took the picture and how it was set. {_ANYBODY}, so they "
            "alone prove nothing.", details,
        )  # fmt: skip
    else:
        yield Finding(
            "camera", "camera_named", source, "weak", "real",
            "The file names a camera or its settings, but not all that a camera writes. "
            f"{_ANYBODY}.", details,
        )  # fmt: skip


def has_camera(facts: Facts) -> bool:
    """Tell whether the file names a camera."""
    return bool(_name(facts, "Make") or _name(facts, "Model"))


def _name(facts: Facts, field: str) -> str:
    """Return a maker or model, unless a generator wrote its own name or its graph there."""
    value = facts.exif.text(field) or facts.xmp.first(f"tiff:{field}")
    is_foreign = len(value) > 200 or value.lower().startswith(("prompt:", "workflow:"))
    return "" if is_foreign or generator_in(value) else value


def _exposure(facts: Facts) -> dict[str, str]:
    """Return time, aperture and speed as far as each is possible."""
    found = {}
    seconds = _within(facts.exif.number("ExposureTime"), _SECONDS)
    if seconds:
        found["Exposure"] = f"{seconds:g} s" if seconds >= 0.3 else f"1/{1 / seconds:.0f} s"
    aperture = _within(facts.exif.number("FNumber"), _APERTURES)
    if aperture:
        found["Aperture"] = f"f/{aperture:.3g}"
    speed = _within(facts.exif.number("ISO"), _SPEEDS)
    if speed:
        found["ISO"] = f"{speed:.0f}"
    return found


def _within(value: float | None, bounds: tuple[float, float]) -> float:
    if value is None or not isfinite(value):
        return 0.0
    return value if bounds[0] <= value <= bounds[1] else 0.0


def _millimetres(facts: Facts) -> str:
    length = _within(facts.exif.number("FocalLength"), (0.1, 10_000))
    equivalent = _within(facts.exif.number("FocalLength35"), (0.1, 10_000))
    if not length:
        return ""
    return f"{length:.3g} mm" + (f" (as {equivalent:.0f} mm on 35 mm film)" if equivalent else "")
