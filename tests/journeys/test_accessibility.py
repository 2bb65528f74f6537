"""axe finds nothing serious on any page, in either theme, on a phone and on a desk."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ViewportSize

from tests.data import drawn_image
from tests.installation import Installation
from tests.journeys.person import VERDICT_MILLISECONDS, Person
from tests.visitor import PASSWORD, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.services]
PHONE: ViewportSize = {"width": 390, "height": 844}
NARROWEST: ViewportSize = {"width": 320, "height": 700}
DESK: ViewportSize = {"width": 1440, "height": 900}
OPEN_PAGES = [
    "/",
    "/guide/",
    "/privacy/",
    "/health/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/confirm-email/",
    "/nowhere/",
    "/verify/",
    "/verify/AAAA-BBBB-CCCC-DDDD/",
    "/shared/nothing/",
]
SERIOUS = ("serious", "critical")
# The texts of badges that reach beyond the inside of their card.
CUT_OFF = """[...document.querySelectorAll(".analysis-card .badge")].filter((badge) =>
    badge.getBoundingClientRect().right > badge.closest("li").getBoundingClientRect().right - 1
).map((badge) => badge.textContent)"""


@pytest.fixture(scope="module")
def member(embedded: Installation) -> Visitor:
    """Somebody with a history: thumbnails, an odd size, a photograph, a refused file."""
    visitor = embedded.visitor().sign_up("axe@example.org")
    visitor.post("/accounts/reauthenticate/", {"password": PASSWORD})
    files = {f"{n}.jpg": drawn_image((32, 32), seed=n) for n in range(3)}
    files |= {"odd.jpg": drawn_image((80, 50)), "holiday.jpg": drawn_image((800, 500))}
    files |= {"bad.jpg": b"no image"}
    visitor.submission = visitor.submit(files)
    embedded.wait_until_ended(visitor.submission)
    return visitor


@pytest.fixture(scope="module", params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=[PHONE, DESK], ids=["phone", "desk"])
def person(
    request: pytest.FixtureRequest, theme: str, chromium: Browser, embedded: Installation
) -> Iterator[Person]:
    """Somebody with this screen and this theme."""
    somebody = Person(chromium, embedded, viewport=request.param, color_scheme=theme)
    yield somebody
    somebody.leave()


def serious_findings(person: Person) -> list[str]:
    """What axe calls serious or critical on the page that is open."""
    found = Axe().run(person.page).response["violations"]
    return [
        f"{person.page.url}: {rule['id']}: {rule['help']}: {node['html'][:160]}"
        for rule in found
        if rule["impact"] in SERIOUS
        for node in rule["nodes"]
    ]


def scrolls_sideways(person: Person) -> bool:
    """Whether the page is wider than the screen."""
    return bool(
        person.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
    )


def look_at(person: Person, paths: list[str]) -> list[str]:
    """Every serious finding on these pages."""
    findings = []
    for path in paths:
        person.page.goto(path)
        findings += serious_findings(person)
        if scrolls_sideways(person):
            findings.append(f"{person.page.url} is wider than the screen")
    return findings


def test_pages_for_everybody(person: Person) -> None:
    assert look_at(person, OPEN_PAGES) == []


def sign_in(person: Person, member: Visitor) -> None:
    """Let the person go on where the member is signed in."""
    cookies = [
        {"name": cookie.name, "value": cookie.value or "", "url": person.portal.url}
        for cookie in member.session.cookies
    ]
    person.context.add_cookies(cookies)  # type: ignore[arg-type]


def test_views_of_a_picture(person: Person, member: Visitor) -> None:
    sign_in(person, member)
    person.page.goto(member.analysis_links(member.submission)[0])
    person.page.get_by_test_id("view-picture").wait_for(timeout=VERDICT_MILLISECONDS)
    assert serious_findings(person) == []
    assert not scrolls_sideways(person)
    person.context.clear_cookies()


def member_pages(member: Visitor) -> list[str]:
    """The pages of somebody with a history."""
    pages = ["/submit/", "/batches/", "/history/", "/history/?q=nothing-like-this", "/account/"]
    # Making a token asks for the password, or shows its form where that was given lately.
    pages += ["/webhooks/", "/account/tokens/new/"]
    pages += [
        "/account/data/",
        "/account/delete/",
        "/accounts/email/",
        "/accounts/2fa/",
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/webauthn/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/sessions/",
        "/accounts/reauthenticate/",
        "/accounts/password/change/",
    ]
    verdicts = member.analysis_links(member.submission)
    pages += [f"/submissions/{member.submission}/", *verdicts]
    a, b = (path.strip("/").split("/")[-1] for path in verdicts[:2])
    return [*pages, "/models/", "/compare/", f"/compare/?a={a}", f"/compare/?a={a}&b={b}"]


def test_no_page_is_too_wide_for_the_narrowest_phone(
    chromium: Browser, embedded: Installation, member: Visitor
) -> None:
    person = Person(chromium, embedded, viewport=NARROWEST)
    too_wide, pages = [], [*OPEN_PAGES, *member_pages(member)]
    for path in pages:
        if path == pages[len(OPEN_PAGES)]:
            sign_in(person, member)
        person.page.goto(path)
        if scrolls_sideways(person):
            too_wide.append(path)
    person.leave()
    assert too_wide == []


@pytest.mark.parametrize("width", [320, 600, 900, 1100, 1280])
def test_no_badge_is_cut_off_by_its_card(
    chromium: Browser, embedded: Installation, member: Visitor, width: int
) -> None:
    person = Person(chromium, embedded, viewport={"width": width, "height": 800})
    sign_in(person, member)
    person.page.goto(f"/submissions/{member.submission}/")
    cut_off = person.page.evaluate(CUT_OFF)
    person.leave()
    assert cut_off == []


def test_pages_for_members(person: Person, member: Visitor) -> None:
    sign_in(person, member)
    assert look_at(person, member_pages(member)) == []

    person.page.goto(member.analysis_links(member.submission)[0])
    person.page.get_by_test_id("share-make").click()
    link = person.page.get_by_test_id("share-link").first.get_by_role("link")
    shared = str(link.get_attribute("href"))
    code = person.context.request.get(f"{shared}report.json").json()["issued"]["code"]
    assert look_at(person, [person.page.url, shared, f"/verify/{code}/"]) == []

    person.page.goto("/submit/")
    person.choose({"ready.jpg": drawn_image((32, 32)), "empty.jpg": b""})
    assert serious_findings(person) == []

    person.history()
    person.page.get_by_role("checkbox", name="Select holiday.jpg").check()
    person.page.get_by_test_id("delete-selected").click()
    assert serious_findings(person) == []
    person.context.clear_cookies()
