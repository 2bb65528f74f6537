"""The check of signatures that docs/webhooks.md shows, as receivers would copy it."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs" / "webhooks.md"


def documented_check() -> Callable[[str, Mapping[str, str], bytes], bool]:
    """The function from the page."""
    found = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (code,) = found
    names: dict[str, Callable[[str, Mapping[str, str], bytes], bool]] = {}
    exec(code, names)  # noqa: S102 - it is our own page
    return names["is_from_veripix"]
