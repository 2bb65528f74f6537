"""Everything that the finders ask for, read once from the blocks of a file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from detection.provenance import exif, iptc, xmp
from detection.provenance.containers import Jpeg, take_apart
from detection.provenance.reading import PARSER_ERRORS, Problem, Text, why

_Read = TypeVar("_Read")

# Fields of EXIF that hold free text; ComfyUI's WebP files keep their graphs in maker and model.
_EXIF_TEXTS = (
    "ImageDescription",
    "XPTitle",
    "XPComment",
    "XPKeywords",
    "Make",
    "Model",
    "Software",
)
_XMP_TEXTS = ("exif:UserComment", "dc:description", "dc:title", "tiff:ImageDescription")
# Keys that ComfyUI puts before a text where a place has no keys of its own.
_INNER_KEYS = ("prompt", "workflow")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says of itself, unjudged.

    Attributes:
        format, width, height, shape: See `examine`.
        exif, xmp, iptc: Empty where the file has none.
        texts: Free texts with the place where they stand, those of EXIF and XMP among them.
        jpeg: How it was saved, of a JPEG.
        resources: Numbers of Photoshop's resources.
        profile: The colour profile.
        pixels_per_metre: As the file says it, or 0.
        has_credentials: Whether there is a box for Content Credentials, sound or not.
        problems: What could not be read.
    """

    format: str
    width: int
    height: int
    shape: int | None
    exif: exif.Exif
    xmp: xmp.Xmp
    iptc: iptc.Iptc
    texts: tuple[Text, ...]
    jpeg: Jpeg | None
    resources: frozenset[int]
    profile: bytes
    pixels_per_metre: int
    has_credentials: bool
    problems: tuple[Problem, ...]

    def text(self, key: str) -> str:
        """Return the first text under a key, or nothing."""
        return next((text.value for text in self.texts if text.key == key), "")


def gather(
    content: bytes,
    *,
    format: str,  # noqa: A002
    width: int,
    height: int,
    shape: int | None,
) -> Facts:
    """Read a file; what is broken in it is among the problems, the rest is read all the same."""
    found = take_apart(content, format)

    def attempt(source: str, read: Callable[[bytes], _Read], block: bytes, empty: _Read) -> _Read:
        try:
            return read(block) if block else empty
        except PARSER_ERRORS as error:
            found.note(source, why(error))
            return empty

    fields = exif.read(found.exif) if found.exif else exif.Exif()
    for problem in fields.problems:
        found.note("EXIF", problem)
    resources = attempt(
        "Photoshop's resources",
        iptc.resources,
        found.photoshop or fields.raw("Photoshop"),
        dict[int, bytes](),
    )
    press = resources.get(iptc.IPTC_RESOURCE, b"") or fields.raw("IPTC")
    packets = (*found.xmp, fields.raw("XMP"))
    nothing: tuple[xmp.Property, ...] = ()
    properties = [each for packet in packets for each in attempt("XMP", xmp.read, packet, nothing)]
    document = xmp.Xmp(tuple(properties))
    return Facts(
        format=format,
        width=width,
        height=height,
        shape=shape,
        exif=fields,
        xmp=document,
        iptc=attempt("IPTC", iptc.read, press, iptc.Iptc()),
        texts=(*found.texts, *_exif_texts(fields), *_xmp_texts(document)),
        jpeg=found.jpeg,
        resources=frozenset(resources),
        profile=found.profile,
        pixels_per_metre=found.pixels_per_metre,
        has_credentials=found.has_credentials,
        problems=tuple(found.problems),
    )


def _exif_texts(fields: exif.Exif) -> list[Text]:
    values = {name: fields.text(name) for name in _EXIF_TEXTS}
    values["UserComment"] = exif.comment(fields.raw("UserComment"))
    return [_keyed(f"EXIF {name}", name, value) for name, value in values.items() if value]


def _xmp_texts(properties: xmp.Xmp) -> list[Text]:
    return [
        Text(f"XMP {name}", name, value)
        for name in _XMP_TEXTS
        for value in properties.all(name)[:4]
    ]


def _keyed(source: str, name: str, value: str) -> Text:
    """Return the text under the key that it begins with, if that is one of ComfyUI's."""
    head, _, rest = value.partition(":")
    is_graph = head.lower() in _INNER_KEYS and rest.lstrip().startswith("{")
    return Text(source, head.lower(), rest) if is_graph else Text(source, name, value)
