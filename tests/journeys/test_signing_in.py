"""Second factors, passkeys and sessions, as people use them in a browser."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.installation import Installation, running_installation
from tests.journeys.person import Person
from tests.portal.test_second_factor import code_of

pytestmark = [pytest.mark.browser, pytest.mark.services]
KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
SUPERUSER = "from tests.people import administrator; administrator({name!r})"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, static_root: Path) -> Iterator[Installation]:
    """A portal that asks its staff for a second factor."""
    folder = tmp_path_factory.mktemp("strict")
    variables = {"STAFF_SECOND_FACTOR": "true", "STATIC_ROOT": str(static_root)}
    with running_installation(folder, variables, programs=["web"]) as portal:
        yield portal


@pytest.fixture
def person(
    chromium: Browser, strict: Installation, request: pytest.FixtureRequest
) -> Iterator[Person]:
    """Somebody who has just signed up there."""
    somebody = Person(chromium, strict)
    name = hashlib.sha256(request.node.name.encode()).hexdigest()[:10]
    somebody.sign_up(f"sec-{name}@example.org")
    yield somebody
    somebody.leave()


def add_key(person: Person) -> None:
    """Give the browser a device that makes passkeys, and whose owner always agrees."""
    session = person.context.new_cdp_session(person.page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})


def click(person: Person, name: str, role: str = "button") -> None:
    """Click what the main part of the page calls so."""
    main = person.page.get_by_role("main")
    main.get_by_role(role, name=name, exact=True).click()  # type: ignore[arg-type]


def set_up_app(person: Person) -> tuple[str, list[str]]:
    """Set up an app from the overview; its secret, and the recovery codes that are shown."""
    person.page.get_by_test_id("app-add").click()
    person.page.get_by_text("Or type the secret in").click()
    secret = person.page.get_by_test_id("totp-secret").inner_text()
    person.page.get_by_label("Code", exact=True).fill(code_of(secret))
    click(person, "Set it up")
    codes = person.page.get_by_test_id("recovery-codes").locator("code").all_inner_texts()
    return secret, codes


def sign_out(person: Person) -> None:
    """Sign out on the account page."""
    person.page.goto("/account/")
    click(person, "Sign out")
    expect(person.page.get_by_role("link", name="Sign in").first).to_be_visible()


def give(person: Person, code: str) -> None:
    """Answer the question for a code."""
    person.page.get_by_label(re.compile("^Code")).fill(code)
    click(person, "Sign in")


def test_an_app_is_set_up_and_asked_for_and_a_recovery_code_works_once(person: Person) -> None:
    person.page.goto("/account/")
    click(person, "Apps, passkeys and recovery codes", "link")
    secret, codes = set_up_app(person)
    assert len(codes) == 10
    sign_out(person)

    person.sign_in()
    expect(person.page.get_by_role("heading", name="One more step")).to_be_visible()
    give(person, "000000")
    expect(person.page.get_by_text("That did not match")).to_be_visible()
    give(person, code_of(secret, steps=1))
    expect(person.page.get_by_role("heading", name="Check images")).to_be_visible()
    sign_out(person)

    person.sign_in()
    give(person, codes[0])
    expect(person.page.get_by_role("heading", name="Check images")).to_be_visible()
    sign_out(person)
    person.sign_in()
    give(person, codes[0])
    expect(person.page.get_by_text("That did not match")).to_be_visible()


def test_a_passkey_is_made_and_signs_in_and_says_who_it_is(person: Person) -> None:
    add_key(person)
    person.page.goto("/accounts/2fa/")
    person.page.get_by_test_id("passkey-add").click()
    person.page.get_by_label("Name").fill("My telephone")
    person.page.get_by_test_id("passkey-make").click()
    expect(person.page.get_by_test_id("recovery-codes")).to_be_visible()
    person.page.goto("/accounts/2fa/")
    expect(person.page.get_by_test_id("passkey")).to_contain_text("My telephone")
    expect(person.page.get_by_test_id("passkey")).to_contain_text("Signs you in by itself")
    sign_out(person)

    person.page.goto("/accounts/login/?next=/history/")
    person.page.get_by_test_id("passkey-login").click()
    expect(person.page.get_by_role("heading", name="History")).to_be_visible()
    # As it is asked before something dangerous.
    person.page.goto("/accounts/2fa/webauthn/reauthenticate/?next=/account/tokens/new/")
    person.page.get_by_test_id("passkey-use").click()
    expect(person.page.get_by_role("heading", name="token")).to_be_visible()
    sign_out(person)

    # Beside the password it is the second factor.
    person.sign_in()
    person.page.get_by_test_id("passkey-use").click()
    expect(person.page.get_by_role("heading", name="Check images")).to_be_visible()


def test_a_browser_without_the_passkey_says_so(person: Person) -> None:
    sign_out(person)
    add_key(person)
    person.page.goto("/accounts/login/")
    person.page.get_by_test_id("passkey-login").click()
    expect(person.page.locator("[data-passkey-problem]")).to_contain_text("Nothing came of it")


def test_staff_are_led_to_a_second_factor_and_into_the_panel(
    chromium: Browser, strict: Installation
) -> None:
    strict.manage("shell", "-c", SUPERUSER.format(name="chief"))
    person = Person(chromium, strict)
    person.email = "chief@example.org"
    person.sign_in()
    person.page.goto("/admin/detection/analysis/")
    expect(person.page.get_by_test_id("staff-notice")).to_contain_text("The administration opens")
    secret, _ = set_up_app(person)
    person.page.get_by_test_id("go-on").click()
    person.page.wait_for_url("**/admin/detection/analysis/")

    person.context.clear_cookies()
    person.sign_in()
    give(person, code_of(secret, steps=1))
    expect(person.page.get_by_role("heading", name="Check images")).to_be_visible()
    assert person.page.goto("/admin/").status == 200  # type: ignore[union-attr]
    person.leave()


def test_one_browser_ends_the_session_of_the_other(person: Person) -> None:
    other = person.on_another_device()
    expect(other.page.get_by_role("heading", name="Check images")).to_be_visible()
    person.page.goto("/accounts/sessions/")
    expect(person.page.get_by_test_id("session")).to_have_count(2)
    expect(person.page.get_by_test_id("session").first).to_contain_text("This one")
    person.page.get_by_test_id("session-end").click()
    expect(person.page.get_by_test_id("session")).to_have_count(1)
    other.page.goto("/history/")
    expect(other.page.get_by_role("heading", name="Sign in")).to_be_visible()
    other.leave()
