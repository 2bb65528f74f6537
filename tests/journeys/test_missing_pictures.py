"""A picture that cannot be had leaves its page readable: a sentence, and no broken sign."""

import pytest
from playwright.sync_api import expect

from tests.installation import Installation
from tests.journeys.person import Person
from tests.scenes import jpeg, scene

pytestmark = [pytest.mark.browser, pytest.mark.services]

SENTENCE = "The picture cannot be shown at the moment."


def test_the_verdict_page_says_that_its_picture_is_missing_until_it_is_back(
    alice: Person, embedded: Installation
) -> None:
    alice.choose({"clouds.jpg": jpeg(scene((320, 240)), 61, 92)})
    alice.hand_in()
    alice.wait_for_verdicts(1)
    newest = "SELECT preview FROM detection_submittedimage ORDER BY id DESC LIMIT 1"
    ((name,),) = embedded.rows(newest)
    preview = embedded.folder / "media" / name
    kept = preview.rename(preview.with_suffix(".kept"))
    alice.open_verdict("clouds.jpg")
    picture = alice.page.get_by_role("img", name="The image clouds.jpg")
    expect(picture).to_have_class("is-missing")
    window = alice.page.locator("[data-stage-window]").first
    shown = "element => getComputedStyle(element, '::after').content"
    assert SENTENCE in window.evaluate(shown)
    kept.rename(preview)
    alice.page.reload()
    expect(picture).not_to_have_class("is-missing")
    assert SENTENCE not in window.evaluate(shown)
