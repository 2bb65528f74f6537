"""The documentation is true where a program can tell: links, commands, variables, codes, words."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.core.management import get_commands
from django.urls import resolve

from ml import recipes
from ml.cli import main as ml_main

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md"), *(ROOT / "ml").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
# What stands in a fence or between backticks is something to type or a name in the code.
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
# A path that only one machine has. `/var/lib/veripix` and the like are paths of the images.
PRIVATE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home|Users|tmp)/")
SETTINGS_READERS = [
    *(ROOT / "portal" / "settings").glob("*.py"),
    *(ROOT / "portal" / "management").rglob("*.py"),
]

DATA_MODULES = (
    *("fetching.py", "image_sources.py", "admin/datasets/*.py", "services/items.py"),
    *("services/datasets.py", "services/import*.py", "services/snapshots.py"),
)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def code_in(page: Path) -> str:
    """Everything on a page that is set as code."""
    return "\n".join(CODE.findall(page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def calls(path: Path) -> Iterator[tuple[str, str, str]]:
    """Owner (as written), name and first text argument of every call in a module that has one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            owner, _, name = ast.unparse(node.func).rpartition(".")
            yield owner, name, first.value


def variables_read() -> set[str]:
    """The environment variables that settings and commands read."""
    return {
        argument
        for path in SETTINGS_READERS
        for owner, _, argument in calls(path)
        if owner in ("env", "Environment()")
    }


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / unquote(name)).resolve() if name else page
        assert file.exists(), f"{page.name} links to {target}, which is not there"
        assert file.is_relative_to(ROOT), f"{page.name} links out of the repository: {target}"
        assert not anchor or anchor in anchors(file), f"{page.name}: no heading for {target}"


@each_page
def test_make_targets_exist(page: Path) -> None:
    targets = set(
        re.findall(r"^([a-z][a-z-]*)(?= *:)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    )
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", code_in(page)))
    assert named <= targets, f"{page.name} names {named - targets}"


@each_page
def test_management_commands_exist(page: Path) -> None:
    named = set(re.findall(r"\bmanage\.py ([a-z][a-z_]*)", code_in(page)))
    assert named <= set(get_commands()), f"{page.name} names {named - set(get_commands())}"


@each_page
def test_commands_of_the_science_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for named in sorted(set(re.findall(r"\bpython -m ml ([a-z][a-z-]*)", code_in(page)))):
        with pytest.raises(SystemExit) as ended:
            ml_main([named, "--help"])
        assert ended.value.code == 0, f"{page.name} names {named}: {capsys.readouterr().err}"


@each_page
def test_nothing_is_left_to_do_and_nothing_private_is_named(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"\b(TODO|FIXME|TBD|XXX)\b", text)
    assert not PRIVATE_PATH.search(text)


def test_readme_names_the_two_commands_and_shows_the_result_first() -> None:
    first_screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:25])
    assert re.search(r"^make run\b", first_screen, re.MULTILINE)
    assert re.search(r"^make test\b", first_screen, re.MULTILINE)
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", first_screen)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).stat().st_size < 200_000


def test_readme_tells_the_figures_of_the_model_that_ships() -> None:
    folder = ROOT / "ml" / "pretrained" / "cifake-residual"
    evaluation = json.loads((folder / "spec.json").read_text(encoding="utf-8"))["evaluation"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (paragraph,) = re.findall(
        r"^On CIFAKE's 20,000 test images.*?\n\n", readme, re.MULTILINE | re.DOTALL
    )
    told = re.findall(r"(\d+\.\d+) %", paragraph)
    known = [evaluation["accuracy"], evaluation["deduplicated"]["accuracy"]]
    known += [evaluation[name] for name in ("coverage", "selective_accuracy", "false_alarms")]
    assert told == [f"{100 * share:.2f}" for share in known]


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = LINK.findall(page.read_text(encoding="utf-8"))
        files = [(page.parent / target.partition("#")[0]).resolve() for target in targets]
        waiting += [file for file in files if file.suffix == ".md" and file.is_file()]
    decisions = set((DOCS / "decisions").glob("*.md"))
    assert set(DOCS.rglob("*.md")) - decisions <= reached


def test_every_variable_is_documented() -> None:
    variables = variables_read()
    assert len(variables) > 20, "the readers of the settings are no longer recognised"
    table = (DOCS / "configuration.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", table, re.MULTILINE))
    assert variables <= documented, f"docs/configuration.md lacks {variables - documented}"
    in_compose = set(re.findall(r"\$\{([A-Z0-9_]+)", (ROOT / "compose.yaml").read_text()))
    assert in_compose <= documented, f"docs/configuration.md lacks {in_compose - documented}"


def test_numbers_that_are_taken_by_default_are_the_documented_ones() -> None:
    table = (DOCS / "configuration.md").read_text(encoding="utf-8")
    reader = re.compile(r'env\.number\("(\w+)", default=(\d+)')
    sources = (ROOT / "portal" / "settings").glob("*.py")
    defaults = [one for source in sources for one in reader.findall(source.read_text())]
    assert len(defaults) > 5
    for name, default in defaults:
        assert re.search(rf"^\| `{name}` \|.*\| `{default}` \|", table, re.MULTILINE), name


def test_no_variable_is_documented_that_nothing_reads() -> None:
    sources = [ROOT / name for name in ("Makefile", "compose.yaml", "Dockerfile")]
    sources += [*(ROOT / "portal").rglob("*.py"), *(ROOT / "tests").glob("*.py")]
    read = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    table = (DOCS / "configuration.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", table, re.MULTILINE))
    unread = {name for name in documented if not re.search(rf"\b{name}\b", read)}
    assert not unread


def test_variables_that_compose_hands_on_are_listed() -> None:
    compose = (ROOT / "compose.yaml").read_text()
    handed_on = set(re.findall(r"^    ([A-Z_]+): \$\{\1\b", compose, re.MULTILINE))
    assert handed_on
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    (paragraph,) = re.findall(r"It hands these on.*?\n\n", page, re.DOTALL)
    assert handed_on <= set(re.findall(r"`([A-Z_]+)`", paragraph))


def test_every_reason_of_a_verdict_is_in_the_assumptions() -> None:
    modules = (ROOT / "detection" / "verdicts").glob("*.py")
    told = {code for module in modules for _, name, code in calls(module) if name == "Reason"}
    assert told
    assert told <= set(
        re.findall(r"`(\w+)`", (DOCS / "assumptions.md").read_text(encoding="utf-8"))
    )


def test_every_code_that_people_meet_is_in_the_troubleshooting() -> None:
    raised = {"ImageRejected", "GatewayError"}
    codes = {
        code
        for path in (ROOT / "detection").rglob("*.py")
        for _, name, code in calls(path)
        if name in raised
    }
    assert {"empty_file", "no_champion"} <= codes
    pages = [DOCS / name for name in ("getting-started.md", "retraining.md")]
    documented = {
        code for page in pages for code in re.findall(r"`(\w+)`", page.read_text(encoding="utf-8"))
    }
    assert codes <= documented, f"neither page names {codes - documented}"


def test_every_code_about_data_is_on_the_page_about_retraining() -> None:
    raised = {"DatasetRefused", "EntryRefused", "FetchFailed", "ImportRefused", "ItemRefused"}
    raised |= {"SnapshotRefused", "SourceRefused"}
    codes = {
        code
        for pattern in DATA_MODULES
        for path in (ROOT / "detection").glob(pattern)
        for _, name, code in calls(path)
        if name in raised
    }
    assert {"sealed_copy", "zip_bomb", "unchanged"} <= codes
    page = (DOCS / "retraining.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(\w+)`", page))
    assert codes <= documented, f"docs/retraining.md lacks {codes - documented}"


def test_the_recipes_are_those_in_the_laboratory() -> None:
    page = (DOCS / "laboratory.md").read_text(encoding="utf-8")
    _, _, section = page.partition("\n| recipe |")
    table, _, _ = section.partition("\n\n")
    assert re.findall(r"^\| `([\w-]+)`", table, re.MULTILINE) == list(recipes.names())


@each_page
def test_addresses_of_the_portal_exist(page: Path) -> None:
    addresses = r"`(/(?:health|accounts|admin|submit|history|guide)/[\w/-]*)`"
    for address in re.findall(addresses, page.read_text(encoding="utf-8")):
        resolve(address)
