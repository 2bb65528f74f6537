"""Comparing two images: one's own only, side by side, what differs marked, how alike in words."""

from typing import Any

import pytest
from django.test import Client

from detection.findings import Detail, Finding
from detection.models import Analysis, ModelVersion, SubmittedImage
from detection.services.analysis import analysis_run
from detection.views.compared import alike, compared
from portal.models import User
from tests import images, work

PATH = "/compare/"


def entry(owner: User, name: str = "image.png", content: bytes | None = None) -> Analysis:
    """A finished analysis of an image."""
    return work.ended(work.queued(owner, content, name=name))


def shaped(analysis: Analysis, bits: int | None) -> SubmittedImage:
    """The image of an analysis, with this perceptual hash and a file hash of its own."""
    fields: dict[str, Any] = {"perceptual_hash": bits, "sha256": f"{analysis.pk:064x}"}
    SubmittedImage.objects.filter(pk=analysis.image_id).update(**fields)
    analysis.image.refresh_from_db()
    return analysis.image


def found(code: str, **changes: Any) -> dict[str, Any]:
    """A finding as it is stored."""
    fields: dict[str, Any] = {
        "kind": "camera",
        "source": "EXIF",
        "strength": "weak",
        "leaning": "real",
        "sentence": f"There is {code}.",
        "details": (Detail("Place", "48.1, 11.5", is_private=True),),
    }
    return Finding(code=code, **{**fields, **changes}).as_json()


def test_two_are_shown_with_verdicts_and_facts(as_alice: Client, alice: User) -> None:
    left = entry(alice, "left.png", images.plain("red", (40, 30)))
    right = work.ended(
        work.queued(alice, images.image_file("JPEG", (40, 30)), name="right.jpg"),
        verdict="likely_real",
        p_fake=0.02,
        certainty="high",
    )
    answer = as_alice.get(PATH, {"a": left.public_id, "b": right.public_id})
    assert answer.status_code == 200
    rows = {row.name: row for row in answer.context["compared"].facts}
    assert (rows["Verdict"].left, rows["Verdict"].right) == ("Likely AI-generated", "Likely real")
    assert rows["Certainty"].right == "High certainty"
    assert (rows["Format"].left, rows["Format"].right) == ("PNG", "JPEG")
    assert rows["Format"].differs
    assert not rows["Pixels"].differs
    assert "Both at the same scale." in answer.text
    assert answer.text.count('viewBox="0 0 40 30"') == 2


def test_one_scale_for_both_unless_one_would_be_a_dot(alice: User) -> None:
    small, larger, huge = (
        entry(alice, content=images.plain("red", size)) for size in ((16, 20), (80, 40), (400, 40))
    )
    pair = compared(small, larger)
    assert pair.is_same_scale
    assert [(pane.width, pane.height) for pane in pair.panes] == [(80, 40), (80, 40)]
    assert (pair.panes[0].left, pair.panes[0].top) == (32, 10)
    filled = compared(small, larger, fills=True)
    assert filled.can_share_scale
    assert [(pane.width, pane.height) for pane in filled.panes] == [(16, 20), (80, 40)]
    apart = compared(small, huge)
    assert not apart.can_share_scale
    assert not apart.is_same_scale
    assert [(pane.width, pane.height) for pane in apart.panes] == [(16, 20), (400, 40)]


def test_findings_are_paired_by_code_the_strongest_first(alice: User) -> None:
    strong = {"kind": "generator", "strength": "strong", "leaning": "ai"}
    left = work.ended(entry(alice), findings=[found("camera"), found("same")])
    right = work.ended(entry(alice), findings=[found("prompt", **strong), found("same")])
    rows = compared(left, right).findings
    assert [row.code for row in rows] == ["prompt", "camera", "same"]
    assert [row.differs for row in rows] == [True, True, False]
    assert rows[0].left is None
    assert rows[0].name == "Traces of a generator"


def test_one_code_with_other_tables_differs_and_shows_their_gist(
    as_alice: Client, alice: User
) -> None:
    def taken_with(*lines: Detail) -> Analysis:
        both = {"details": lines, "sentence": "Same."}
        return work.ended(
            entry(alice),
            findings=[found("camera", **both), found("signed", kind="credentials", **both)],
        )

    place = Detail("Place", "48.1, 11.5", is_private=True)
    canon, nikon = taken_with(Detail("Maker", "Canon")), taken_with(Detail("Maker", "Nikon"), place)
    rows = {row.code: row for row in compared(canon, nikon).findings}
    camera, signer = rows["camera"], rows["signed"]
    assert camera.differs
    assert signer.differs
    assert [cell[2] for cell in camera.cells] == ["Canon", "Nikon"]
    assert [cell[2] for cell in signer.cells] == ["Maker: Canon", "Maker: Nikon"]
    text = as_alice.get(PATH, {"a": canon.public_id, "b": nikon.public_id}).text
    assert text.count('data-testid="gist"') == 4
    same = taken_with(Detail("Maker", "Nikon"))
    assert not any(row.differs for row in compared(nikon, same).findings)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "99.0 %"),
        (
            {"in_domain": False, "verdict": "inconclusive"},
            "99.0 %, not validated for this kind of image",
        ),
        (
            {"reasons": [{"code": "signed_ai", "sentence": "Signed."}]},
            "99.0 %, the number of the network, which did not decide this",
        ),
    ],
)
def test_a_number_is_told_as_what_it_is(alice: User, changes: dict[str, Any], told: str) -> None:
    fields: dict[str, Any] = {"p_fake": 0.99, "in_domain": True, **changes}
    left, right = work.ended(work.queued(alice), **fields), entry(alice)
    rows = {row.name: row for row in compared(left, right).facts}
    assert rows["Probability of AI"].left == told


def test_a_hash_is_whole_and_can_be_copied(as_alice: Client, alice: User) -> None:
    left, right = entry(alice), entry(alice, content=images.plain("blue"))
    text = as_alice.get(PATH, {"a": left.public_id, "b": right.public_id}).text
    assert left.image.sha256 in text
    assert right.image.sha256 in text
    assert text.count("data-copy>") == 2


def test_the_page_tells_what_was_found_and_where(as_alice: Client, alice: User) -> None:
    left, right = work.ended(entry(alice), findings=[found("camera")]), entry(alice)
    text = as_alice.get(PATH, {"a": left.public_id, "b": right.public_id}).text
    assert "There is camera." in text
    assert "not found" in text
    assert "48.1" not in text


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (0, "Their coarse shapes are the same"),
        (3, "differ in 3 of 64 bits: most likely one picture"),
        (4, "differ in 4 of 64 bits: they may be two versions"),
        (32, "differ in 32 of 64 bits: two different pictures"),
    ],
)
def test_how_alike_two_files_are(alice: User, bits: int, words: str) -> None:
    left = shaped(entry(alice), -1)
    right = shaped(entry(alice), -1 ^ ((1 << bits) - 1))
    assert words in alike(left, right)


@pytest.mark.parametrize("shape", [None, 0])
def test_nothing_is_said_of_shapes_that_are_not_known(alice: User, shape: int | None) -> None:
    left, right = shaped(entry(alice), 5), shaped(entry(alice), shape)
    assert alike(left, right) == "These are two different files."


def test_one_file_twice_and_one_image_twice(alice: User) -> None:
    first, second = entry(alice), entry(alice)
    assert alike(first.image, second.image) == "Both are the same file, byte for byte."
    assert alike(first.image, first.image) == "These are two looks at the same image."


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "Choose the first of two images."),
        ({"a": "left"}, "Choose the image to compare left.png with."),
        ({"b": "left"}, "Choose the image to compare left.png with."),
        ({"a": "left", "b": "left"}, "Twice the same verdict has nothing to compare."),
    ],
)
def test_what_is_missing_can_be_picked(
    as_alice: Client, alice: User, given: dict[str, str], sentence: str
) -> None:
    left, right = entry(alice, "left.png"), entry(alice, "right.png")
    answer = as_alice.get(PATH, dict.fromkeys(given, left.public_id))
    assert sentence in answer.text
    first = f"?a={left.public_id}&amp;b=" if given else "?a="
    assert f'href="{first}{right.public_id}"' in answer.text
    assert (f'href="{first}{left.public_id}"' in answer.text) == (not given)


def test_there_may_be_nothing_to_pick(as_alice: Client, alice: User) -> None:
    assert "no image of yours yet" in as_alice.get(PATH).text
    only = entry(alice)
    assert "no other image of yours yet" in as_alice.get(PATH, {"a": only.public_id}).text


def test_the_four_people(
    client: Client, as_alice: Client, as_charlie: Client, as_admin: Client, alice: User
) -> None:
    pair = {"a": entry(alice).public_id, "b": entry(alice).public_id}
    assert client.get(PATH, pair)["Location"].startswith("/accounts/login/")
    assert as_alice.get(PATH, pair).status_code == 200
    assert as_charlie.get(PATH, pair).status_code == 404
    assert as_admin.get(PATH, pair).status_code == 404
    assert as_alice.get(PATH, {**pair, "b": "0" * 24}).status_code == 404


def test_half_anothers_is_as_unknown_as_all(as_charlie: Client, alice: User, charlie: User) -> None:
    pair = {"a": entry(charlie).public_id, "b": entry(alice).public_id}
    assert as_charlie.get(PATH, pair).status_code == 404


def test_two_are_chosen_in_the_history(as_alice: Client, alice: User) -> None:
    chosen = [entry(alice).public_id, entry(alice).public_id]
    answer = as_alice.post("/history/compare/", {"analysis": chosen})
    assert answer["Location"] == f"/compare/?a={chosen[0]}&b={chosen[1]}"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_other_than_two_is_answered_with_a_sentence(
    as_alice: Client, alice: User, count: int
) -> None:
    chosen = [entry(alice).public_id for _ in range(count)]
    fields = {"analysis": chosen, "next": "/history/?q=png"}
    answer = as_alice.post("/history/compare/", fields, follow=True)
    assert answer.redirect_chain == [("/history/?q=png", 302)]
    assert "Choose exactly two images to compare" in answer.text


def test_one_that_waits_and_one_that_was_judged(
    as_alice: Client, alice: User, model: ModelVersion
) -> None:
    judged, waiting = work.queued(alice), work.queued(alice, images.plain("blue"))
    assert analysis_run(analysis_id=judged.pk, worker="tester")
    answer = as_alice.get(PATH, {"a": judged.public_id, "b": waiting.public_id})
    assert "Waiting" in answer.text
    assert answer.text.count("compare-heat") > answer.text.count('class="compare-heat"') >= 1
