"""From the account page to a token, and with it to an answer on the page of the interface."""

import re

import pytest
import requests
from playwright.sync_api import expect

from tests.journeys.person import Person
from tests.visitor import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.services]


def make_token(alice: Person, name: str) -> str:
    """Make a token for reading, by what the pages say."""
    page = alice.page
    page.goto("/account/")
    page.get_by_role("link", name="Make a token").click()
    if page.locator("input[type=password]").count():
        page.locator("input[type=password]").fill(PASSWORD)
        page.get_by_role("main").get_by_role("button").first.click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Good for").select_option("7 days")
    page.get_by_role("button", name="Make it").click()
    shown = page.get_by_test_id("token-shown")
    expect(shown).to_have_text(re.compile(r"^vpx_[0-9a-f]{64}$"))
    return shown.inner_text()


def test_a_token_is_made_used_and_revoked(alice: Person) -> None:
    page = alice.page
    token = make_token(alice, "Night desk")
    page.get_by_role("link", name="I have copied it").click()
    row = page.get_by_test_id("token")
    expect(row).to_contain_text("Night desk")
    expect(row).to_contain_text("not used yet")
    address, headers = f"{alice.portal.url}/api/v1/usage/", {"Authorization": f"Token {token}"}
    assert requests.get(address, headers=headers, timeout=30).ok
    page.reload()
    expect(row).to_contain_text("last used")
    page.get_by_test_id("token-end").click()
    page.get_by_test_id("confirm-delete").click()
    expect(page.get_by_test_id("token")).to_have_count(0)
    assert requests.get(address, headers=headers, timeout=30).status_code == 401


def test_calls_are_tried_on_the_page_of_the_interface(alice: Person) -> None:
    page = alice.page
    token = make_token(alice, "Trying")
    page.get_by_role("link", name="What programs can ask for").click()
    page.get_by_role("button", name="Authorize").click()
    page.get_by_label("Value:").fill(f"Token {token}")
    page.get_by_label("Apply credentials").click()
    page.get_by_role("button", name="Close").last.click()
    call = page.locator("#operations-About-usage")
    call.get_by_role("button").first.click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_role("button", name="Execute").click()
    expect(call.locator(".live-responses-table td.response-col_status").last).to_have_text("200")
    expect(call.locator(".live-responses-table")).to_contain_text("resets_at")
