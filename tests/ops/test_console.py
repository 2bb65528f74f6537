"""Lines of several programs share one terminal without mixing."""

import io
import os

import pytest

from portal.console import Console


class Terminal(io.StringIO):
    """An output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """An output whose reader has left."""

    def write(self, text: str, /) -> int:
        raise BrokenPipeError


def test_only_whole_lines_are_printed() -> None:
    output = io.StringIO()
    console = Console(output, ["web", "beat"])
    console.feed("web", b"half a ")
    console.feed("beat", b"tick\n")
    console.feed("web", b"line\nand")
    assert output.getvalue() == "beat | tick\nweb  | half a line\n"
    console.flush("web")
    console.flush("beat")
    assert output.getvalue() == "beat | tick\nweb  | half a line\nweb  | and\n"


def test_empty_lines_are_left_out() -> None:
    output = io.StringIO()
    Console(output, ["web"]).feed("web", b"\none\n  \r\n  two\n\n")
    assert output.getvalue() == "web | one\nweb |   two\n"


def test_bytes_that_are_no_text_do_not_stop_it() -> None:
    output = io.StringIO()
    Console(output, ["web"]).feed("web", b"\xff\xfe\r\n")
    assert output.getvalue() == "web | \ufffd\ufffd\n"


def test_names_are_coloured_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = Terminal()
    Console(coloured, ["web"]).say("web", "hello")
    assert coloured.getvalue() == "\x1b[36mweb |\x1b[0m hello\n"
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")
    plain = Terminal()
    Console(plain, ["web"]).say("web", "hello")
    assert plain.getvalue() == "web | hello\n"


def test_a_reader_that_has_left_is_noted() -> None:
    console = Console(Gone(), ["web"])
    console.say("web", "is anybody there?")
    assert console.is_lost
    console.say("web", "nobody")
