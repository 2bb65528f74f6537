"""Sound images under names that do harm where a name becomes a path, a line or a page."""

from tests import images
from tests.hostile.cases import SOUND, Cases, case

# Of names without a letter nothing is left: a file without a name is none, as the interface says.
NAMELESS = {"5000 dots", "one dot", "two dots", "spaces", "no name", "lone surrogate"}
# Django reads 1,024 bytes about a file; no file system holds a name as long.
TOO_LONG = {"5000 letters", "5000 emoji", "5000 dots", "zalgo", "long extension"}

NAMES = {
    "double extension": "photo.php.jpg",
    "program behind": "photo.jpg.exe",
    "climbing": "../../../../etc/passwd",
    "climbing on Windows": "..\\..\\..\\windows\\win.ini",
    "climbing, coded": "..%2f..%2f..%2fetc%2fpasswd",
    "climbing, doubled": "....//....//etc/passwd",
    "climbing, overlong": "..%c0%af..%c0%afetc/passwd",
    "absolute": "/etc/passwd",
    "drive": "C:\\boot.ini",
    "share": "\\\\host\\share\\a.jpg",
    "NUL": "a\0.php.jpg",
    "NUL, coded": "a.php%00.jpg",
    "right to left": "photo\u202egpj.exe",
    "invisible": "\u200b\u200d\ufeff.jpg",
    "5000 letters": "a" * 5000 + ".jpg",
    "5000 emoji": "\U0001f600" * 5000 + ".jpg",
    "5000 dots": "." * 5000,
    "one dot": ".",
    "two dots": "..",
    "spaces": "     ",
    "no name": "",
    "reserved": "CON.jpg",
    "reserved, more": "NUL",
    "port": "COM1.png",
    "stream": "a.jpg::$DATA",
    "emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f467.jpg",
    "newline": "a\nb.jpg",
    "header": "a.jpg\r\nSet-Cookie: stolen=1\r\n\r\n<script>",
    "header, coded": "a%0d%0aSet-Cookie:%20stolen=1.jpg",
    "markup": "<img src=x onerror=alert(1)>.jpg",
    "quotes": "\"'><svg onload=alert(1)>.jpg",
    "statement": "a'); DROP TABLE detection_submission;--.jpg",
    "template": "{{7*7}}${7*7}<%= 7*7 %>.jpg",
    "shell": "$(id)`id`|id;id.jpg",
    "format": "%s%s%n%x.jpg",
    "formula": "=cmd|' /C calc'!A1.jpg",
    "option": "-rf.jpg",
    "tilde": "~root/.ssh/authorized_keys",
    "lone surrogate": "a\udc80b.jpg",
    "zalgo": "a" + "\u0315\u0301" * 400 + ".jpg",
    "private use": "\ue000\U000f0000.jpg",
    "no character": "\uffff\ufffe.jpg",
    "last plane": "\U0010fffd\U0001f4a9.jpg",
    "bell": "a\x07\x08\x1b[31m.jpg",
    "line separators": "a\u2028b\u2029c\x85d.jpg",
    "long extension": "a." + "b" * 3000,
    "only an extension": ".jpg",
    "hidden": ".htaccess",
}


def names() -> Cases:
    """Each name with a sound image of its own."""
    return {
        f"name: {kind}": case(
            images.image_file("PNG", (20, 20), seed=at),
            codes_of(kind),
            name,
        )
        for at, (kind, name) in enumerate(NAMES.items())
    }


def codes_of(kind: str) -> set[str]:
    """The codes that are right answers to such a name."""
    codes = set(SOUND)
    if kind in NAMELESS:
        codes |= {"no_file", "malformed"}
    if kind in TOO_LONG:
        codes |= {"malformed", "bad_request"}
    return codes
