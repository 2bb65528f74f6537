"""What is mine stays mine: strangers, passwords, and leaving for good."""

import pytest
from playwright.sync_api import Browser, expect

from tests.data import drawn_image
from tests.journeys.person import Person
from tests.visitor import PASSWORD, link_in, newest_mail

pytestmark = [pytest.mark.browser, pytest.mark.services]
NEW_PASSWORD = "a-brand-new-password-8"


def test_somebody_else_finds_nothing_at_my_addresses(alice: Person, chromium: Browser) -> None:
    alice.choose({"mine.jpg": drawn_image((32, 32))})
    alice.hand_in()
    alice.wait_for_verdicts(1)
    submission = alice.page.url
    alice.open_verdict("mine.jpg")
    pictures = alice.page.locator("main img").evaluate_all("(all) => all.map((one) => one.src)")
    addresses = [submission, alice.page.url, *pictures]

    charlie = Person(chromium, alice.portal)
    for address in addresses:
        answer = charlie.page.goto(address)
        assert answer
        assert "/accounts/login/" in answer.url
    charlie.sign_up("charlie@example.org")
    for address in addresses:
        answer = charlie.page.goto(address)
        assert answer
        assert answer.status == 404, address
    expect(charlie.page.locator("body")).to_contain_text("404")
    assert charlie.history() == []
    charlie.leave()


def test_a_forgotten_password_is_replaced_by_mail(alice: Person) -> None:
    page = alice.page
    page.goto("/account/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    page.goto("/accounts/password/reset/")
    page.get_by_label("Email", exact=False).first.fill(alice.email)
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_url("**/password/reset/done/")
    page.goto(link_in(newest_mail(alice.portal.mail_folder, alice.email), "/password/reset/key/"))
    page.locator("input[type=password]").nth(0).fill(NEW_PASSWORD)
    page.locator("input[type=password]").nth(1).fill(NEW_PASSWORD)
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_url("**/password/reset/key/done/")
    alice.sign_in(PASSWORD)
    expect(page.get_by_role("alert").first).to_be_visible()
    alice.sign_in(NEW_PASSWORD)
    expect(page.get_by_role("heading", name="Check images")).to_be_visible()


def test_deleting_the_account_takes_everything_along(alice: Person) -> None:
    alice.choose({"last.jpg": drawn_image((32, 32))})
    alice.hand_in()
    alice.wait_for_verdicts(1)
    page = alice.page
    page.goto("/account/")
    page.get_by_role("link", name="Delete my account").click()
    expect(page.get_by_role("main")).to_contain_text("1 image")
    page.locator("input[type=password]").fill("not my password")
    page.get_by_role("button", name="Delete everything of mine").click()
    expect(page.get_by_role("main")).to_contain_text("nothing was deleted")
    page.locator("input[type=password]").fill(PASSWORD)
    page.get_by_role("button", name="Delete everything of mine").click()
    expect(page.get_by_role("link", name="Sign up").first).to_be_visible()
    alice.sign_in()
    expect(page.get_by_role("alert").first).to_be_visible()


def test_the_theme_is_remembered(stranger: Person) -> None:
    page = stranger.page
    page.goto("/guide/")
    toggle = page.get_by_test_id("theme-toggle")
    expect(toggle).to_have_attribute("aria-pressed", "false")
    light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "true")
    page.goto("/")
    expect(page.get_by_test_id("theme-toggle")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != light
