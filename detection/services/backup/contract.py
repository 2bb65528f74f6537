"""What a backup is made of, as its parts are named, and why one fails."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

# Grows when an older portal could not read it any more.
FORMAT = 1
ABOUT, MANIFEST, TRUST, KEYS = "about.json", "manifest.json", "trust-list.pem", "keys.json"
ROWS, MODELS, INDEX, FILES = "rows/", "models/", "index/", "files/"

# Told how far it is.
Tell = Callable[[str], None]


class BackupFailed(Exception):
    """A backup that cannot be made, read or restored.

    Attributes:
        code: For programs.
        sentence: For people; names what to do where there is something.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class About:
    """What comes first: what is needed to know whether it can be restored here.

    Attributes:
        format: `FORMAT` of who made it.
        version: The portal's.
        made_at: When its rows were read, as ISO 8601.
        engine: Of the database; rows are written so that any engine takes them.
        migrations: Those that were applied, by app.
        columns: The columns of each table, in the order of its rows.
        left_out: Tables without their rows, and why.
        has_keys: Whether it holds the keys of the installation.
    """

    format: int
    version: str
    made_at: str
    engine: str
    migrations: dict[str, list[str]]
    columns: dict[str, list[str]]
    left_out: dict[str, str]
    has_keys: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


@dataclass(slots=True)
class Manifest:
    """What comes last: what has to be there, so that nothing is cut off or changed.

    Attributes:
        rows: How many rows each table has.
        parts: The sha256 of each part but the files themselves, whose hashes are in the index.
        files: How many files.
        file_bytes: How large they are together.
        gone: Files that rows name and that were not there any more when they were read.
    """

    rows: dict[str, int] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    files: int = 0
    file_bytes: int = 0
    gone: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)
