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

    def add_text(self, source: str, key: str, value: str) -> None:
        """Keep a text, or note why it is not kept."""
        taken = sum(len(text.value) for text in self.texts)
        if len(value) > MAX_TEXT:
            self.note(source, f"it holds more than {MAX_TEXT >> 20} MB of text")
        elif len(self.texts) >= MAX_TEXTS or taken + len(value) > MAX_ALL_TEXTS:
            self.note("Further text", "the file carries too much of it")
        else:
            self.texts.append(Text(source, key, value))

    def note(self, source: str, why: str) -> None:
        """Keep in mind that something could not be read; the same is kept once."""
        problem = Problem(source, why)
        if problem not in self.problems and len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)
