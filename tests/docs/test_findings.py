"""Every finding is on its page, with the strength and the leaning that it has."""

import ast
import re
from pathlib import Path

from detection.provenance import declarations, examine
from detection.views.compared import HEADINGS, KINDS
from detection.views.findings import GROUPS
from tests import metadata
from tests.hostile_metadata import hostile

ROOT = Path(__file__).resolve().parents[2]
PROVENANCE = ROOT / "detection" / "provenance"
PAGE = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
ROWS = {
    row[0].strip("`"): row[1:]
    for row in re.findall(r"^\| (`\w+`) \| (\w+) \| ([^|]+) \| (\w+) \|", PAGE, re.MULTILINE)
}
LEANINGS = {"AI": "ai"}


def codes_of(module: Path) -> set[str]:
    """The codes of the findings that a module makes."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding":
            named = {keyword.arg: keyword.value for keyword in node.keywords}
            code = named.get("code") or node.args[1]
            found |= {each.value for each in ast.walk(code) if isinstance(each, ast.Constant)}
    return {code for code in found if isinstance(code, str) and code not in ("moderate", "weak")}


def test_every_code_is_on_the_page() -> None:
    codes = {code for module in PROVENANCE.rglob("*.py") for code in codes_of(module)}
    codes |= {meaning[0] for meaning in declarations.MEANINGS.values()}
    assert {"generator_record", "declared_ai_parts", "nothing_said"} <= codes
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert codes <= named, f"docs/findings.md lacks {codes - named}"


def test_strengths_and_leanings_are_those_on_the_page() -> None:
    files = [*metadata.samples().values(), *((f, content) for f, content, _ in hostile().values())]
    seen = set()
    for format_name, content in files:
        for each in examine(content, format=format_name, width=1170, height=2532):
            kind, strengths, leaning = ROWS[each.code]
            assert each.kind == kind
            assert each.strength in strengths, each.code
            assert each.leaning == LEANINGS.get(leaning, leaning), each.code
            seen.add(each.code)
    assert len(seen) > 10


def test_no_two_findings_are_called_the_same_in_a_comparison() -> None:
    codes = {code for module in PROVENANCE.rglob("*.py") for code in codes_of(module)}
    codes |= {meaning[0] for meaning in declarations.MEANINGS.values()}
    codes |= ROWS.keys() | set(re.findall(r"^\| `(\w+)` \| \w+", PAGE, re.MULTILINE))
    kinds = {code: str(row[0]) for code, row in ROWS.items()}
    words = {str(kind): name for kind, name in KINDS.items()}
    names = [HEADINGS.get(code) or words.get(kinds.get(code, "")) for code in codes]
    assert None not in names, sorted(code for code in codes if code not in {*HEADINGS, *kinds})
    assert len(names) == len(set(names))


def test_page_guide_and_verdict_page_say_the_same_of_each_strength() -> None:
    guide = (ROOT / "templates" / "guide.html").read_text(encoding="utf-8")
    for strength, (title, note) in GROUPS.items():
        (row,) = re.findall(rf"^\| {strength} \| (.+) \|$", PAGE, re.MULTILINE)
        assert note in row, strength
        assert f"<strong>{title}:</strong> {note}" in guide
