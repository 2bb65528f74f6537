"""A file's name is shown as people know it, without anything that could lead them astray."""

import unicodedata

import pytest

from detection.image_files import MAX_NAME, display_name, uploaded_name


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("holiday.jpg", "holiday.jpg"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/absolute/path/cat.png", "cat.png"),
        ("C:\\Users\\alice\\cat.png", "cat.png"),
        ("🌄 Größe 写真.jpeg", "🌄 Größe 写真.jpeg"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("zero\u200bwidth\u2066.png", "zerowidth.png"),
        ("line\nbreak\tand\0nul\x1b[31m.png", "linebreakandnul[31m.png"),
        ("para\u2028graph\u2029.png", "paragraph.png"),
        ("lone\ud800surrogate.png", "lonesurrogate.png"),
        ("  spaces .png ", "spaces .png"),
        (".hidden", "hidden"),
        ("", "unnamed"),
        ("..", "unnamed"),
        ("/", "unnamed"),
        ("\u202e", "unnamed"),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
    ],
)
def test_it_shows_a_name(raw: str, shown: str) -> None:
    assert display_name(raw) == shown


def test_a_long_name_keeps_its_beginning_and_its_extension() -> None:
    shown = display_name("n" * 300 + ".jpeg")
    assert len(shown) == MAX_NAME
    assert shown.startswith("nnn")
    assert shown.endswith("….jpeg")


@pytest.mark.parametrize("raw", ["n" * 300, "🌄" * 300, "a." + "n" * 300, "." * 300 + "x"])
def test_no_name_is_longer_than_the_most(raw: str) -> None:
    assert 0 < len(display_name(raw)) <= MAX_NAME


@pytest.mark.parametrize("category", ["Cc", "Cf", "Cs", "Zl", "Zp"])
def test_no_invisible_character_is_left(category: str) -> None:
    raw = "".join(c for c in map(chr, range(0x110000)) if unicodedata.category(c) == category)
    assert display_name(f"a{raw}b") == "ab"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("%22><b>.jpg", '"><b>.jpg'),
        ("two%0D%0Alines.jpg", "twolines.jpg"),
        ("100%25 of 20%20.jpg", "100%25 of 20%20.jpg"),
        ("lower%0a.jpg", "lower%0a.jpg"),
    ],
)
def test_what_browsers_escape_in_a_name_is_undone_and_nothing_else(sent: str, shown: str) -> None:
    assert uploaded_name(sent) == shown
