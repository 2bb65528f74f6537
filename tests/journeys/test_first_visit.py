"""From signing up to a verdict, and what one can do with it afterwards."""

import re

import pytest
from playwright.sync_api import expect

from tests.data import cifake_images, drawn_image
from tests.installation import Installation
from tests.journeys.person import Person

pytestmark = [pytest.mark.browser, pytest.mark.services]
THUMBNAIL = (32, 32)
POLLS = 3


def test_real_images_get_verdicts_by_picker_drop_and_paste(alice: Person) -> None:
    real, fake = cifake_images("REAL", 3, first=40), cifake_images("FAKE", 3, first=40)
    names = [*real, *fake]
    everything = real | fake
    alice.choose({names[0]: everything[names[0]], names[3]: everything[names[3]]})
    alice.drop({names[1]: everything[names[1]], names[4]: everything[names[4]]})
    alice.paste({names[2]: everything[names[2]], names[5]: everything[names[5]]})
    expect(alice.page.get_by_test_id("upload-item")).to_have_count(6)
    alice.hand_in()
    alice.wait_for_verdicts(6)

    # The page filled in by itself; a reload and another device show the same.
    address = alice.page.url
    alice.page.reload()
    alice.wait_for_verdicts(6)
    other = alice.on_another_device()
    other.page.goto(address)
    other.wait_for_verdicts(6)
    other.leave()

    right = 0
    for name in names:
        alice.page.goto(address)
        alice.open_verdict(name)
        right += alice.verdict() == ("likely_real" if name in real else "likely_ai")
    assert right >= 4

    percentage = alice.page.get_by_test_id("percentage").inner_text()
    assert re.fullmatch(r"\d+\.\d %", percentage)
    expect(alice.page.get_by_test_id("model-label")).to_contain_text("cifake-residual")
    facts = alice.page.get_by_test_id("file-facts")
    expect(facts).to_contain_text("JPEG")
    expect(facts).to_contain_text("32 × 32")  # noqa: RUF001
    expect(facts).to_contain_text(re.compile(r"[0-9a-f]{64}"))


def test_the_overlay_can_be_faded_with_the_keyboard(alice: Person) -> None:
    alice.choose({"overlay.jpg": drawn_image(THUMBNAIL)})
    alice.hand_in()
    alice.wait_for_verdicts(1)
    alice.open_verdict("overlay.jpg")
    heat = alice.page.locator("[data-overlay-heat]")
    expect(heat).to_be_visible()
    # It has its place on the page before it has come.
    expect(heat).to_have_js_property("complete", True)
    assert heat.evaluate("(image) => image.naturalWidth > 0")
    slider = alice.page.get_by_test_id("overlay-slider")
    slider.focus()
    alice.page.keyboard.press("Home")
    expect(heat).to_have_css("opacity", "0")
    alice.page.keyboard.press("End")
    expect(heat).to_have_css("opacity", "1")


def test_the_page_stops_asking_once_all_is_analysed(alice: Person) -> None:
    alice.choose({f"{n}.jpg": drawn_image(THUMBNAIL, seed=n) for n in range(3)})
    alice.hand_in()
    alice.wait_for_verdicts(3)
    asked: list[str] = []
    alice.page.on("request", lambda request: asked.append(request.url))
    # Three times the interval at which an unfinished page asks.
    alice.page.wait_for_timeout(POLLS * 1000)
    assert asked == []


def test_an_unusual_image_is_called_inconclusive_in_so_many_words(alice: Person) -> None:
    alice.choose({"odd.jpg": drawn_image((90, 60))})
    alice.hand_in()
    alice.wait_for_verdicts(1)
    alice.open_verdict("odd.jpg")
    assert alice.verdict() == "inconclusive"
    expect(alice.page.get_by_test_id("out-of-domain")).to_be_visible()
    expect(alice.page.get_by_text("not validated for this kind of image").first).to_be_visible()


def test_a_photograph_is_not_judged_before_somebody_has_fitted_a_model(alice: Person) -> None:
    alice.choose({"holiday.jpg": drawn_image((900, 600))})
    alice.hand_in()
    alice.wait_for_verdicts(1)
    alice.open_verdict("holiday.jpg")
    assert alice.verdict() == "inconclusive"
    domain = alice.page.get_by_test_id("out-of-domain")
    expect(domain).to_contain_text("No validated model for this kind of picture yet")
    expect(alice.page.get_by_text("What can be looked at instead")).to_be_visible()
    expect(alice.page.get_by_test_id("file-facts")).to_contain_text("900 × 600")  # noqa: RUF001
    expect(alice.page.get_by_test_id("percentage")).to_have_count(0)
    expect(alice.page.get_by_test_id("way-to-fit")).to_have_count(0)


def test_bad_files_are_named_and_the_good_ones_go_on(alice: Person) -> None:
    alice.choose(
        {
            "good.jpg": drawn_image(THUMBNAIL),
            "letter.jpg": b"Dear madam, this is no image.",
            "empty.png": b"",
            "half.jpg": drawn_image((400, 300))[:1500],
        }
    )
    alice.page.get_by_test_id("submit-button").click()
    items = alice.page.get_by_test_id("upload-item")
    alice.page.wait_for_url("**/submissions/*/")
    alice.wait_for_verdicts(1)
    expect(items).to_have_count(0)
    refused = alice.page.get_by_test_id("refusal")
    expect(refused.filter(has_text="letter.jpg")).to_have_count(1)
    expect(refused.filter(has_text="half.jpg")).to_have_count(1)
    expect(refused.filter(has_text="empty.png")).to_have_count(1)


def test_a_list_of_nothing_but_bad_files_stays_and_says_why(alice: Person) -> None:
    alice.choose({"empty.png": b"", "letter.jpg": b"Dear madam, this is no image."})
    items = alice.page.get_by_test_id("upload-item")
    expect(items.filter(has_text="empty.png")).to_contain_text("empty")
    alice.page.get_by_test_id("submit-button").click()
    expect(items.filter(has_text="letter.jpg")).to_contain_text("not an image")
    assert alice.page.url.endswith("/submit/")


def test_a_name_that_turns_the_text_around_reads_as_the_server_shows_it(alice: Person) -> None:
    alice.choose({"holiday\u202egpj.exe": drawn_image(THUMBNAIL)})
    assert alice.page.locator("[data-name]").all_text_contents() == ["holidaygpj.exe"]
    remove = alice.page.get_by_test_id("upload-item").get_by_role("button")
    assert (remove.first.text_content() or "").strip() == "Remove holidaygpj.exe"


def test_the_history_is_searched_filtered_and_emptied(alice: Person) -> None:
    files = {f"beach-{n}.jpg": drawn_image((300, 200), seed=n) for n in range(3)}
    alice.choose(files | {"forest & lake.jpg": drawn_image(THUMBNAIL, seed=8)})
    alice.hand_in()
    alice.wait_for_verdicts(4)
    assert set(alice.history()) == {*files, "forest & lake.jpg"}
    assert set(alice.history(q="beach")) == set(files)
    assert alice.history(q="lake") == ["forest & lake.jpg"]
    assert set(alice.history(verdict="inconclusive")) >= set(files)
    assert alice.history(state="failed") == []
    assert alice.history(until="2001-01-01") == []
    assert len(alice.history(since="2001-01-01")) == 4

    alice.history(q="beach")
    for row in alice.page.get_by_role("checkbox", name="Select beach").all()[:2]:
        row.check()
    alice.page.get_by_test_id("delete-selected").click()
    alice.page.get_by_test_id("confirm-delete").click()
    expect(alice.page.get_by_test_id("history-row")).to_have_count(1)
    assert "q=beach" in alice.page.url
    assert len(alice.history()) == 2


def test_keeping_in_the_question_deletes_nothing(alice: Person) -> None:
    alice.choose({"keep.jpg": drawn_image(THUMBNAIL)})
    alice.hand_in()
    alice.wait_for_verdicts(1)
    alice.history()
    alice.page.get_by_role("checkbox", name="Select keep.jpg").check()
    alice.page.get_by_test_id("delete-selected").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(alice.page.get_by_role("dialog")).to_be_hidden()
    assert alice.history() == ["keep.jpg"]


def test_it_works_without_scripts(alice: Person, embedded: Installation) -> None:
    plain = Person(alice.browser, alice.portal, java_script_enabled=False)
    plain.email = alice.email
    plain.sign_in()
    plain.choose({"plain.jpg": drawn_image(THUMBNAIL), "bad.jpg": b"no image"})
    plain.page.get_by_test_id("submit-button").click()
    plain.page.wait_for_url("**/submissions/*/")
    expect(plain.page.get_by_test_id("refusal")).to_contain_text("bad.jpg")
    embedded.wait_until_ended(plain.page.url.rstrip("/").rpartition("/")[2])
    plain.page.reload()
    plain.open_verdict("plain.jpg")
    plain.leave()
