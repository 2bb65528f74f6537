"""What a container hands on: the blocks it carries, still unread."""

from dataclasses import dataclass, field

from detection.provenance.reading import (
    MAX_ALL_TEXTS,
    MAX_PROBLEMS,
    MAX_TEXT,
    MAX_TEXTS,
    Problem,
    Text,
)

# A file has one packet, a long one in a JPEG two.
MAX_PACKETS = 3


@dataclass(frozen=True, slots=True)
class Jpeg:
    """How a JPEG was saved.

    Attributes:
        tables: Quantisation tables by number, 64 steps each in zigzag order.
        sampling: Horizontal and vertical factor of each component, luminance first.
        is_progressive: Whether it is built up in several scans.
        has_adobe_marker: Whether it has the APP14 segment that Adobe's programs write.
    """

    tables: dict[int, tuple[int, ...]] = field(default_factory=dict)
    sampling: tuple[tuple[int, int], ...] = ()
    is_progressive: bool = False
    has_adobe_marker: bool = False


@dataclass(slots=True)
class Embedded:
    """The blocks of one file; each is bounded by the container that found it.

    Attributes:
        exif: The TIFF structure, without any prefix; of a TIFF file the file itself.
        xmp: Packets in the order of the file.
        photoshop: Photoshop's resources; IPTC is one of them.
        profile: The colour profile.
        has_credentials: Whether there is a box for Content Credentials, sound or not.
        pixels_per_metre: As the file says it, or 0.
    """

    exif: bytes = b""
    xmp: list[bytes] = field(default_factory=list)
    photoshop: bytes = b""
    profile: bytes = b""
    texts: list[Text] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    jpeg: Jpeg | None = None
    has_credentials: bool = False
    pixels_per_metre: int = 0
    _taken: int = 0

    def add_text(self, source: str, key: str, value: str) -> None:
        """Keep a text, or note why it is not kept."""
        if len(self.texts) >= MAX_TEXTS or self._taken + len(value) > MAX_ALL_TEXTS:
            self.note("Further text", "the file carries too much of it")
        elif len(value) > MAX_TEXT:
            self.note(source, f"it holds more than {MAX_TEXT >> 20} MB of text")
        else:
            self._taken += len(value)
            self.texts.append(Text(source, key, value))

    def add_xmp(self, packet: bytes) -> None:
        """Keep a packet, or note that there are too many."""
        if len(self.xmp) < MAX_PACKETS:
            self.xmp.append(packet)
        else:
            self.note("Further XMP", "the file carries too much of it")

    def note(self, source: str, why: str) -> None:
        """Keep in mind that something could not be read; the same is kept once."""
        problem = Problem(source, why)
        if len(self.problems) < MAX_PROBLEMS and problem not in self.problems:
            self.problems.append(problem)
