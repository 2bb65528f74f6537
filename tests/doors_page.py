"""Writes docs/doors.md from the tables that the tests of the doors compare the portal with.

`.venv/bin/python -m tests.doors_page --write`; without `--write` it prints the page.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "doors.md"
HEAD = """# Who gets through which door
Every address of the portal, and what each of the people is answered. The page is written by
`python -m tests.doors_page --write` from the tables that the tests compare the running code with.
They find the addresses in the URL configuration: one that is in no table fails them, and so does a
page that differs from the tables.

**2xx**: shown or done · **302**: led on, a stranger to the sign-in · **403**: refused · **404**: as
if it did not exist · **405**: no such method here · **409**, **415**, **422**: may come in, but
what the tests send, often nothing, does not do · **500** of `/health/`: no worker runs there.

What an address names is **the owner's**; *another* has an account too. What others send changes
nothing: the tests compare all rows before and after. They do the same with foreign ids in forms,
queries and bodies, and with methods that no page has.
"""
PROGRAMS = """
## The interface for programs
*Reader* and *sender* are the owner's tokens with one scope alone. A session is no way in.

"""
PANEL = """
## The administration
Below `/admin/`. *Clerk*: staff without rights; *reviewer*: staff in the group *Reviewers*, who may
settle labels and see the images for it.

"""
POSTED = """
### What is posted to it
Confirmed forms, which act where the administrator sends them; a test sees to that too.

"""


def page() -> str:
    """Return the page."""
    from tests.detection import test_api_access as api
    from tests.portal import panel_table, test_access, test_other_methods

    site = test_access
    parts = [HEAD, "\n## Pages, fragments and pictures\n"]
    people = ("address", "stranger", "another", "owner", "administrator")
    parts += table(people, rows(site.ROUTES, {**site.GET, **test_other_methods.GET}))
    parts.append("\n## What is posted to pages\n")
    parts += table(people, rows(site.ROUTES, site.POST))
    parts.append(PROGRAMS)
    programs = ("address", "nobody", "another", "reader", "sender", "owner")
    asked = {("get", name): access for name, access in api.GET.items()} | dict(api.CHANGES)
    parts += table(programs, api_rows(api.ROUTES, asked))
    parts.append(PANEL)
    staff = ("address", "stranger", "another", "owner", "clerk", "reviewer", "administrator")
    parts += table(staff, sections(panel_table.GET))
    parts.append(POSTED)
    posted = {
        route: panel_table.POST.get(route, panel_table.REFUSED)
        for route in panel_table.GET
        if route != "logout/"
    }
    parts += table(staff[:-1], sections(posted))
    return "".join(parts)


def table(head: tuple[str, ...], lines: Iterator[tuple[str, Any]]) -> list[str]:
    """Return a table in Markdown."""
    told = [f"| {' | '.join(head)} |\n|{'---|' * len(head)}\n"]
    told += [f"| {name} | {' | '.join(map(str, access))} |\n" for name, access in lines]
    return told


def rows(routes: Mapping[str, Any], access: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield a row for each address, by name of the route."""
    from django.urls import get_resolver

    known = dict(named(get_resolver(), ""))
    for name, who in access.items():
        yield f"`{known.get(name, f'/{name}')}`", who


def named(resolver: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield name and address of each route."""
    for entry in resolver.url_patterns:
        here = f"{path}{entry.pattern}"
        if hasattr(entry, "url_patterns"):
            if entry.namespace != "admin":
                yield from named(entry, here)
        elif entry.name:
            yield entry.name, "/" + here.replace("^", "").replace("$", "").replace("|", "\\|")


def api_rows(
    routes: Mapping[str, Any], asked: Mapping[tuple[str, str], Any]
) -> Iterator[tuple[str, Any]]:
    """Yield a row for each method and address."""
    for (method, name), who in asked.items():
        yield f"{method.upper()} `/api/v1/{routes[name].pattern}`", who


def sections(access: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield a row for each address, those of one kind of thing together."""
    known = sorted(access.items(), key=lambda entry: entry[0].split("/")[:2])
    for route, who in known:
        yield f"`{route.replace('|', chr(92) + '|') or '(start)'}`", who


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    if "--write" in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())
