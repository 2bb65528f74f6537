"""Somebody orders their images: notes, tags, two of them side by side, and who judged them."""

import re

import pytest
from playwright.sync_api import expect

from tests.data import drawn_image
from tests.journeys.person import Person

pytestmark = [pytest.mark.browser, pytest.mark.services]


def test_notes_are_kept_while_somebody_types_and_tags_find_images_again(alice: Person) -> None:
    page = alice.page
    alice.choose({f"{n}.jpg": drawn_image((32, 32), seed=n) for n in range(3)})
    alice.hand_in()
    alice.wait_for_verdicts(3)
    alice.open_verdict("1.jpg")

    page.get_by_test_id("notes-open").click()
    page.get_by_test_id("note").press_sequentially("Sent by a reader.")
    expect(page.get_by_test_id("note-kept")).to_contain_text("Kept at")
    expect(page.get_by_test_id("note")).to_be_focused()
    page.get_by_test_id("tag-add").fill("Tip line, to check")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("tags").get_by_role("link")).to_have_text(["tip line", "to check"])
    expect(page.get_by_test_id("tag-add")).to_be_focused()
    page.get_by_role("button", name="Remove the tag to check").click()
    expect(page.get_by_test_id("tags").get_by_role("link")).to_have_text(["tip line"])
    page.reload()
    expect(page.get_by_test_id("note")).to_have_value("Sent by a reader.")

    page.get_by_test_id("tags").get_by_role("link", name="tip line").click()
    expect(page.get_by_test_id("history-row")).to_have_count(1)
    assert alice.history(q="reader") == ["1.jpg"]

    assert len(alice.history()) == 3
    page.get_by_role("checkbox", name="Select 0.jpg").check()
    page.get_by_role("checkbox", name="Select 2.jpg").check()
    page.locator("[data-selection-tag] summary").click()
    page.get_by_test_id("tag-chosen").fill("batch")
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 images tagged.")).to_be_visible()
    assert sorted(alice.history(tag="batch")) == ["0.jpg", "2.jpg"]


def test_two_images_are_compared_and_their_model_looked_up(alice: Person) -> None:
    page = alice.page
    alice.choose({"left.jpg": drawn_image((32, 32)), "right.jpg": drawn_image((32, 32), seed=1)})
    alice.hand_in()
    alice.wait_for_verdicts(2)
    alice.history()
    button = page.get_by_test_id("compare-selected")
    page.get_by_role("checkbox", name="Select left.jpg").check()
    expect(button).to_be_disabled()
    page.get_by_role("checkbox", name="Select right.jpg").check()
    button.click()

    expect(page.get_by_test_id("alike")).to_contain_text("Two different files.")
    scenes = page.locator("[data-compare-scene]")
    page.get_by_test_id("compare-zoom").fill("2")
    page.locator("[data-compare-frame]").first.press("ArrowRight")
    views = [scenes.nth(place).get_attribute("viewBox") for place in (0, 1)]
    assert views[0] == views[1] != "0 0 32 32"
    expect(page.locator(".compare-heat").first).to_be_hidden()
    page.get_by_test_id("compare-heat").check()
    expect(page.locator(".compare-heat").first).to_be_visible()

    alice.open_verdict("left.jpg")
    page.get_by_role("link", name=re.compile("What it was measured to do")).click()
    expect(page.get_by_test_id("model-thumbnail")).to_contain_text("of 1,000 real images")
    expect(page.get_by_test_id("model-face")).to_contain_text("For research and evaluation only.")
    expect(page.get_by_test_id("model-photo")).to_contain_text("No model answers here yet.")
