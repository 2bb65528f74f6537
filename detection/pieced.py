"""One file to read from that lies in pieces, each of which is fetched when it is needed."""

import io
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import accumulate

# A zip is read along its files, beside its directory at the end: a few pieces are enough.
KEPT = 3


class PiecedFile(io.RawIOBase):
    """A seekable file over pieces; of them at most `KEPT` are in memory.

    Reading raises what `fetch` raises, and `OSError` where a piece is shorter than was said.
    """

    def __init__(self, sizes: Sequence[int], fetch: Callable[[int], bytes]) -> None:
        """`sizes` of the pieces in order, in bytes; `fetch` returns the piece of a number."""
        super().__init__()
        self._sizes = list(sizes)
        self._starts = [0, *accumulate(self._sizes)]
        self._fetch = fetch
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Return the place from which is read next."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place; beyond the end there is nothing to read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._starts[-1]}[whence]
        if base + offset < 0:
            # As `zipfile` expects it of a file, which looks before the start of a tiny one.
            raise io.UnsupportedOperation("before the start of the file")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read up to the end of the piece, and say how much that was."""
        if self._at >= self._starts[-1]:
            return 0
        number = bisect_right(self._starts, self._at) - 1
        inside = self._at - self._starts[number]
        part = self._piece(number)[inside : inside + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _piece(self, number: int) -> bytes:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        content = self._fetch(number)
        if len(content) != self._sizes[number]:
            raise OSError(0, "a piece of the upload is damaged")
        self._kept[number] = content
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return content
