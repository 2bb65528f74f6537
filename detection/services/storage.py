"""Tells a storage that is away from a file that is gone, whatever the storage is.

`default_storage` raises `FileNotFoundError` for a file that is gone and `StorageUnavailable` where
an object storage cannot be reached or refuses. A local disk raises plain `OSError`;
`storage_errors` makes the same of it.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

SENTENCE = "The file storage cannot be reached at the moment; try again in a minute."


class StorageUnavailable(OSError):
    """The storage is away or refuses; the work may be tried again, and none of it is lost.

    An `OSError`, as a full or broken disk raises: who can do without a file treats both alike.

    Attributes:
        code: For programs.
        sentence: For people; what the storage said is for the log alone.
    """

    code = "storage_unavailable"

    def __init__(self, reason: str = "") -> None:
        super().__init__(errno.EIO, SENTENCE)
        self.reason = reason
        self.sentence = SENTENCE

    def __str__(self) -> str:
        return f"{self.sentence} ({self.reason})" if self.reason else self.sentence


@contextmanager
def storage_errors() -> Iterator[None]:
    """Make one error of whatever a storage raises; around nothing but calls of the storage.

    Raises:
        FileNotFoundError: As it came: the file is gone, and trying again helps nothing.
        StorageUnavailable: In place of every other `OSError`.
    """
    try:
        yield
    except (FileNotFoundError, StorageUnavailable):
        raise
    except OSError as error:
        raise StorageUnavailable(f"{type(error).__name__}: {error.strerror or error}") from error
