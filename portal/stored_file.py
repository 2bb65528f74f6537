"""A stored file that may be opened again once it was closed, wherever its bytes come from."""

from collections.abc import Callable
from typing import Any, Self

from django.core.files.base import File


class StoredFile(File):
    """Django opens a closed file again by its path; what was fetched or decrypted has none.

    Rows hand out one file object for each of their fields, so that whoever reads a field twice
    opens the same object twice.
    """

    def __init__(self, file: Any, name: str | None, again: Callable[[], File]) -> None:
        """Take the open file, its name, and what fetches it anew."""
        super().__init__(file, name)
        self._again = again

    def open(self, mode: str | None = None, *_: Any, **__: Any) -> Self:
        """Go to the beginning, of a new copy where this one was closed.

        Raises:
            FileNotFoundError, StorageUnavailable: As when it was opened first.
            ValueError: It is wanted for writing.
        """
        if mode not in (None, "rb"):
            raise ValueError("Stored files are written by `save`, as a whole.")
        if self.closed:
            self.file = self._again().file
        else:
            self.seek(0)
        return self
