"""A submission's page fills in while workers finish, and then stops asking."""

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from detection.models import Analysis, Submission
from portal.models import User
from tests import images, work
from tests.fixtures import settled


def analyses(submission: Submission) -> list[Analysis]:
    return list(Analysis.objects.filter(image__submission=submission).order_by("pk"))


def paths(submission: Submission) -> tuple[str, str]:
    """The page, and the fragment that it polls."""
    page = f"/submissions/{submission.public_id}/"
    return page, f"{page}progress/"


def test_it_polls_while_something_is_unfinished(as_alice: Client, alice: User) -> None:
    submission = work.hand_in(alice, images.plain("red"), images.plain("blue"))
    page, fragment = paths(submission)
    for path in (page, fragment):
        text = as_alice.get(path).text
        assert f'hx-get="{fragment}" hx-trigger="every 1s"' in text
        assert "0 of 2" in text


def test_it_stops_when_all_have_ended(as_alice: Client, alice: User) -> None:
    submission = work.hand_in(alice, images.plain("red"), images.plain("blue"))
    first, second = analyses(submission)
    work.ended(first)
    assert "hx-trigger" in as_alice.get(paths(submission)[1]).text
    work.ended(second, state="failed", verdict="", p_fake=None, error_sentence="It broke down.")
    for path in paths(submission):
        text = as_alice.get(path).text
        assert "hx-trigger" not in text
        assert "It broke down." in text
        assert "Likely AI-generated" in text


def test_the_fragment_is_no_whole_page(as_alice: Client, alice: User) -> None:
    page, fragment = paths(work.hand_in(alice))
    assert "<html" in as_alice.get(page).text
    assert "<html" not in as_alice.get(fragment).text


def test_counts_agree_with_the_analyses(as_alice: Client, alice: User) -> None:
    submission = work.hand_in(alice, *[images.plain("red")] * 7)
    ai, real, unsure, failed, cancelled, running, _ = analyses(submission)
    work.ended(ai)
    work.ended(real, verdict="likely_real")
    work.ended(unsure, verdict="inconclusive", in_domain=False)
    for analysis, state in ((failed, "failed"), (cancelled, "cancelled"), (running, "running")):
        work.ended(analysis, state=state, verdict="", p_fake=None)
    assert as_alice.get(paths(submission)[0]).context["counts"] == {
        "total": 7,
        "finished": 3,
        "failed": 2,
        "unfinished": 2,
        "likely_ai": 1,
        "likely_real": 1,
        "inconclusive": 1,
    }


def test_images_stand_in_the_order_in_which_they_came(as_alice: Client, alice: User) -> None:
    submission = work.hand_in(alice, *[images.plain("red")] * 3)
    context = as_alice.get(paths(submission)[0]).context
    assert list(context["analyses"]) == analyses(submission)


def test_other_peoples_refusals_and_images_stay_theirs(as_charlie: Client, alice: User) -> None:
    submission = work.hand_in(alice, b"text", images.plain("red"))
    for path in paths(submission):
        assert as_charlie.get(path).status_code == 404


def test_more_images_cost_no_more_queries(as_alice: Client, alice: User) -> None:
    counts = []
    settled(as_alice)
    for size in (2, 9):
        submission = work.hand_in(alice, *[images.plain("red")] * size, b"text")
        for analysis in analyses(submission)[1:]:
            work.ended(analysis)
        for path in paths(submission):
            with CaptureQueriesContext(connection) as queries:
                as_alice.get(path)
            counts.append(len(queries))
    assert counts[:2] == counts[2:]


def test_a_submission_without_images_says_what_to_do(as_alice: Client) -> None:
    url = as_alice.post("/submit/open/").json()["url"]
    page = as_alice.get(url).text
    assert "Nothing has arrived" in page
    assert "hx-trigger" not in page


def test_one_image_is_announced_as_one(as_alice: Client, alice: User) -> None:
    submission = work.hand_in(alice)
    page = paths(submission)[0]
    assert 'data-announcement="0 of 1 image analysed"' in as_alice.get(page).text
    work.ended(analyses(submission)[0])
    told = 'data-announcement="The image was analysed: likely AI-generated"'
    assert told in as_alice.get(page).text
