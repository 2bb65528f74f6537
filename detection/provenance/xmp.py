"""XMP: the properties of an RDF packet, without entities, document types or deep trees."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from detection.provenance.reading import Damage

MAX_BYTES = 8 << 20
# Counted before parsing, so that no packet becomes a tree that fills the memory.
MAX_MARKS = 50_000
MAX_DEPTH = 24
MAX_PROPERTIES = 25_000  # long histories of Photoshop name 10,000 ancestors
MAX_VALUE = 1 << 18  # characters of a value; a prompt fits, a map of depths does not

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_PREFIXES = {
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
    "http://ns.adobe.com/xap/1.0/rights/": "xmpRights",
    "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#": "stEvt",
    "http://ns.adobe.com/xap/1.0/sType/ResourceRef#": "stRef",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/camera-raw-settings/1.0/": "crs",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
}
_WRAPPERS = frozenset(f"{{{_RDF}}}{name}" for name in ("RDF", "Description", "Seq", "Bag", "Alt"))
_ITEM = f"{{{_RDF}}}li"
_RESOURCE = f"{{{_RDF}}}resource"


@dataclass(frozen=True, slots=True)
class Property:
    """A value of a packet.

    Attributes:
        path: Names from the outside in, such as ("xmpMM:History", "stEvt:action").
        item: Numbers the list item that it stands in, the same for all values of one item.
        value: As written, at most `MAX_VALUE` characters.
    """

    path: tuple[str, ...]
    item: int
    value: str


@dataclass(frozen=True, slots=True)
class Xmp:
    """All properties of a file, in the order of the file."""

    properties: tuple[Property, ...] = ()

    def all(self, *path: str) -> tuple[str, ...]:
        """Return the values at exactly this path: what an ingredient says is not the file's."""
        return tuple(each.value for each in self.properties if each.path == path)

    def first(self, *names: str) -> str:
        """Return the first value of the first of these outermost properties that has one."""
        return next((value for name in names for value in self.all(name) if value), "")

    def items(self, name: str) -> tuple[dict[str, str], ...]:
        """Return the items of a list of structures, each as inner name -> value."""
        found: dict[int, dict[str, str]] = {}
        for each in self.properties:
            if len(each.path) == 2 and each.path[0] == name:
                found.setdefault(each.item, {})[each.path[1]] = each.value
        return tuple(found.values())


def read(packet: bytes) -> tuple[Property, ...]:
    """Return the properties of a packet.

    Raises:
        Damage: It is no XML, defines entities, or breaks a bound.
    """
    if len(packet) > MAX_BYTES:
        raise Damage(f"it is longer than {MAX_BYTES >> 20} MB")
    if max(packet.count(b"<"), packet.count(b"=")) > MAX_MARKS:
        raise Damage("it has too many elements")
    root = _tree(packet.strip(b"\0 \r\n\t"))
    rdf = root if root.tag == f"{{{_RDF}}}RDF" else root.find(f"{{{_RDF}}}RDF")
    return () if rdf is None else tuple(_properties(rdf))


def _tree(packet: bytes) -> Element:
    # The web process imports this module but reads no file, and its image lacks the package.
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        return fromstring(packet, forbid_dtd=True)
    except DefusedXmlException:
        raise Damage("it defines a document type or entities, which XMP never does") from None
    except (ParseError, LookupError, ValueError):
        raise Damage("it is not well-formed XML") from None


def _properties(rdf: Element) -> Iterator[Property]:
    """Walk the tree without recursion, in the order of the file."""
    waiting: list[tuple[Element, tuple[str, ...], int, int]] = [(rdf, (), 0, 0)]
    count = items = 0
    while waiting:
        element, path, item, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise Damage("it is nested too deeply")
        if element.tag == _ITEM:
            items += 1
            # A list of plain values within an item is the item's own.
            item = items if len(path) == 1 else item
        elif element.tag not in _WRAPPERS:
            path = (*path, _name(element.tag))
        for inner, value in _values(element):
            count += 1
            if count > MAX_PROPERTIES:
                raise Damage("it has too many properties")
            whole = (*path, inner) if inner else path
            if whole:
                yield Property(whole, item, value[:MAX_VALUE])
        waiting += [(child, path, item, depth + 1) for child in reversed(element)]


def _values(element: Element) -> Iterator[tuple[str, str]]:
    """Yield the element's own text, under no name, and its attributes that are properties."""
    for name, value in element.attrib.items():
        if name == _RESOURCE:
            yield "", value
        elif not name.startswith((f"{{{_RDF}}}", "{http://www.w3.org/XML/")):
            yield _name(name), value
    text = (element.text or "").strip()
    if text and not len(element):
        yield "", text


def _name(tag: str) -> str:
    """Return a name with the usual prefix of its namespace, whatever the packet calls it."""
    space, _, name = tag[1:].partition("}") if tag.startswith("{") else ("", "", tag)
    return f"{_PREFIXES.get(space, space)}:{name}" if space else name
