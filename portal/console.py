"""The lines of several programs on one terminal, each behind the name of its program."""

import io
import os
from collections.abc import Sequence
from typing import TextIO

COLOURS = ("36", "33", "35", "32", "34", "31")


class Console:
    """Prints whole lines only, so that two programs never share one."""

    def __init__(self, output: TextIO, names: Sequence[str]) -> None:
        self._output = output
        self._unfinished = dict.fromkeys(names, b"")
        width = max(map(len, names))
        self._prefixes = {
            name: self._coloured(f"{name.ljust(width)} |", COLOURS[place % len(COLOURS)])
            for place, name in enumerate(names)
        }
        self.is_lost = False

    def feed(self, name: str, chunk: bytes) -> None:
        """Print what a program wrote, up to its last end of line; the rest waits for more.

        Empty lines are left out: they part what belongs together once programs talk at a time.
        """
        *lines, self._unfinished[name] = (self._unfinished[name] + chunk).split(b"\n")
        for line in lines:
            text = line.decode(errors="replace").rstrip()
            if text:
                self.say(name, text)

    def flush(self, name: str) -> None:
        """Print an unfinished last line of a program that has ended."""
        if self._unfinished[name]:
            self.feed(name, b"\n")

    def say(self, name: str, words: str) -> None:
        """Print one line about a program."""
        self.line(f"{self._prefixes[name]} {words}")

    def line(self, words: str) -> None:
        """Print one line; a terminal that is gone is noted in `is_lost` and nothing more."""
        try:
            print(words, file=self._output, flush=True)
        except OSError:
            self._output = io.StringIO()
            self.is_lost = True

    def _coloured(self, text: str, colour: str) -> str:
        if not self._output.isatty() or "NO_COLOR" in os.environ:
            return text
        return f"\x1b[{colour}m{text}\x1b[0m"
