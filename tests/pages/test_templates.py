"""Every template compiles, and none needs what the content security policy forbids."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import get_template, render_to_string

from detection.models import State, VerdictKind

TEMPLATES = Path(settings.BASE_DIR) / "templates"
STATIC = Path(settings.BASE_DIR) / "static"
PAGES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))
TEXTS = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.txt"))

INLINE = {
    "style attribute": re.compile(r"\sstyle\s*=", re.IGNORECASE),
    "style element": re.compile(r"<style\b", re.IGNORECASE),
    "event attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "script without src": re.compile(r"<script\b(?![^>]*\bsrc=)", re.IGNORECASE),
    "script address": re.compile(r"javascript:", re.IGNORECASE),
    "foreign address": re.compile(
        r"""(?:href|src|action)\s*=\s*["']?(?:https?:)?//""", re.IGNORECASE
    ),
}


@pytest.mark.parametrize("name", PAGES + TEXTS)
def test_it_compiles(name: str) -> None:
    get_template(name)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("forbidden", INLINE)
def test_nothing_is_inline_or_from_elsewhere(name: str, forbidden: str) -> None:
    assert not INLINE[forbidden].search((TEMPLATES / name).read_text("utf-8"))


@pytest.mark.parametrize("name", PAGES)
def test_parents_come_first_and_blocks_end_by_name(name: str) -> None:
    source = (TEMPLATES / name).read_text("utf-8")
    assert "{% extends" not in source or source.startswith("{% extends")
    assert "{% endblock %}" not in source


def test_every_static_file_that_a_template_names_exists() -> None:
    named = {
        path
        for name in PAGES
        for path in re.findall(r"{% static '([^']+)' %}", (TEMPLATES / name).read_text("utf-8"))
    }
    assert named
    assert [path for path in sorted(named) if finders.find(path) is None] == []


def named_icons() -> Iterator[str]:
    for name in PAGES:
        source = (TEMPLATES / name).read_text("utf-8")
        yield from re.findall(r'{% include "_icon.html" with name="([^"]+)"', source)


def test_every_icon_that_a_template_names_is_drawn_and_every_drawn_one_is_used() -> None:
    sprite = (STATIC / "img" / "icons.svg").read_text("utf-8")
    drawn = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    by_value = {*State.values, *VerdictKind.values} - {State.FINISHED}
    assert drawn == set(named_icons()) | by_value


@pytest.mark.parametrize("folder", ["css", "js", "img"])
def test_static_files_fetch_nothing_from_elsewhere(folder: str) -> None:
    for path in (STATIC / folder).iterdir():
        source = path.read_text("utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "//" not in re.sub(r"(?m)^\s*//.*$|\s// .*$", "", source), path.name


def test_every_style_variable_is_defined_and_every_token_is_used() -> None:
    styles = "".join(path.read_text("utf-8") for path in (STATIC / "css").glob("*.css"))
    # Those of the admin panel's colours are defined by the panel itself.
    used = set(re.findall(r"var\((--(?!color-)[a-z0-9-]+)", styles))
    # `--color-…` are the panel's own, by which its pages name their colours.
    defined = set(re.findall(r"(?m)^\s*(--(?!color-)[a-z0-9-]+):", styles))
    assert used == defined


@pytest.mark.parametrize("name", ["400.html", "500.html"])
def test_error_pages_that_django_renders_without_context_need_none(name: str) -> None:
    assert "<h1>" in render_to_string(name)
