"""No page of the panel or the site breaks the security policy, and the panel works under it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.installation import Installation, running_installation
from tests.journeys.person import Person

# A hundred pages, each opened in a browser.
pytestmark = [pytest.mark.browser, pytest.mark.services, pytest.mark.timeout(900)]
FILL = """
import json
from pathlib import Path
from tests import doors, people
people.administrator("panel")
things = doors.panel_filled(people.person("owner"), Path({folder!r}))
paths = {{
    doors.panel_address(route, pattern, things)
    for route, pattern in doors.panel_routes().items()
}}
from detection.models import Analysis
analysis = things[Analysis]
print(json.dumps([sorted(paths), analysis.public_id, analysis.image.submission.public_id]))
"""
# Told by the page itself, with what it was that broke the policy.
LISTEN = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`));
"""
# Files, fragments of pages, and what only leads elsewhere or ends the session.
NO_PAGES = ("logout/", "login/", "jsi18n/", "autocomplete/", "thumbnail/", "picture/", "progress/")


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, static_root: Path) -> Iterator[Installation]:
    """A portal with one of each thing that the panel shows."""
    folder = tmp_path_factory.mktemp("policy")
    variables = {"STATIC_ROOT": str(static_root)}
    with running_installation(folder, variables, programs=("web",)) as installation:
        yield installation


@pytest.fixture(scope="module")
def filled(portal: Installation) -> tuple[list[str], str, str]:
    """The panel's addresses, and the owner's analysis and submission."""
    told = portal.manage("shell", "-c", FILL.format(folder=str(portal.folder / "panel"))).stdout
    paths, analysis, submission = json.loads(told.strip().splitlines()[-1])
    return paths, analysis, submission


@pytest.fixture
def somebody(chromium: Browser, portal: Installation) -> Iterator[Person]:
    """A person whose browser tells of all that the policy refused; none may be left at the end."""
    person = Person(chromium, portal)
    person.context.add_init_script(LISTEN)
    yield person
    person.leave()


def signed_in(person: Person, email: str) -> Person:
    person.email = email
    person.sign_in()
    expect(person.page.get_by_role("heading", name="Check images")).to_be_visible()
    return person


def broken(person: Person, paths: list[str]) -> dict[str, list[str]]:
    """By address, what went wrong while its page was opened."""
    found = {}
    for path in paths:
        before = len(person.troubles)
        person.page.goto(path)
        # Scripts that were put off have run once this is answered.
        person.page.evaluate("() => new Promise((done) => setTimeout(done))")
        if person.troubles[before:]:
            found[path] = person.troubles[before:]
    return found


def test_no_page_of_the_panel_breaks_it(
    somebody: Person, filled: tuple[list[str], str, str]
) -> None:
    administrator = signed_in(somebody, "panel@example.org")
    ask = administrator.page.request
    # What answers a form alone, or leads elsewhere, has no page to look at.
    pages = [
        path
        for path in filled[0]
        if not path.endswith(NO_PAGES) and ask.get(path, max_redirects=0).status == 200
    ]
    assert len(pages) > 60
    assert broken(administrator, pages) == {}


def test_no_page_of_the_site_breaks_it(
    somebody: Person, filled: tuple[list[str], str, str]
) -> None:
    _, analysis, submission = filled
    strangers = ["/", "/guide/", "/verify/", "/api/v1/docs/", "/accounts/login/", "/nowhere/"]
    strangers += ["/accounts/signup/", "/accounts/password/reset/"]
    assert broken(somebody, strangers) == {}
    owner = signed_in(somebody, "owner@example.org")
    pages = ["/submit/", "/batches/", "/history/", "/account/", "/webhooks/", "/models/"]
    pages += ["/compare/", "/account/delete/", "/accounts/email/", "/accounts/password/change/"]
    pages += [f"/submissions/{submission}/", f"/analyses/{analysis}/"]
    assert broken(owner, pages) == {}


def test_the_parts_of_the_panel_work_under_it(
    somebody: Person, filled: tuple[list[str], str, str]
) -> None:
    page = signed_in(somebody, "panel@example.org").page
    page.set_viewport_size({"width": 1440, "height": 900})

    page.goto("/admin/detection/analysis/")
    # The colours of the file, not those that the package would write into the page.
    primary = "getComputedStyle(document.documentElement).getPropertyValue('--color-primary-600')"
    assert page.evaluate(primary).strip() == "#197563"

    # The theme switch.
    root = page.locator("html")
    page.locator("[x-on\\:click='openUserLinks = !openUserLinks']").click()
    page.locator("[x-on\\:click=\"switchTheme('dark')\"]").click()
    expect(root).to_have_class("dark")
    page.reload()
    expect(root).to_have_class("dark")
    page.locator("[x-on\\:click='openUserLinks = !openUserLinks']").click()
    page.locator("[x-on\\:click=\"switchTheme('light')\"]").click()
    expect(root).to_have_class("light")

    # The side bar goes, and stays gone on the next page.
    side_bar = page.locator("#nav-sidebar")
    toggle = page.locator("[x-on\\:click^='sidebarDesktopOpen = !sidebarDesktopOpen']").first
    expect(side_bar).to_be_visible()
    toggle.click()
    expect(side_bar).to_be_hidden()
    page.reload()
    expect(side_bar).to_be_hidden()
    toggle.click()
    expect(side_bar).to_be_visible()

    # Filters open and close.
    page.locator("[x-on\\:click='filterOpen = true']").first.click()
    drawer = page.locator("#changelist-filter")
    expect(drawer).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()

    # The actions come with the choice of a row.
    actions = page.locator("#changelist-actions")
    run = actions.get_by_role("button", name="Run")
    page.locator("input.action-select").first.check()
    expect(actions).to_be_visible()
    expect(run).to_be_hidden()
    actions.locator("select[name=action]").select_option(index=1)
    expect(run).to_be_visible()

    # A phone has the side bar behind a button.
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/admin/")
    expect(side_bar).to_be_hidden()
    button = "[x-on\\:click='sidebarMobileOpen = !sidebarMobileOpen']:visible"
    page.locator(button).first.click()
    expect(side_bar).to_be_visible()
