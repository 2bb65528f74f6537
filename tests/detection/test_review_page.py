"""The review page shows one image and what is known of it, and takes decisions."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from detection.models import Dataset, Feedback, Item, Label, LabelReview
from detection.services.datasets import items_delete
from detection.services.feedback import feedback_give
from portal.models import User
from tests import images, people, work
from tests.fixtures import signed_in
from tests.reports import judged, report, waiting

QUEUE = reverse("admin:detection_labelreview_queue")
DECIDE = reverse("admin:detection_labelreview_decide")
UNDO = reverse("admin:detection_labelreview_undo")
REPORTS = reverse("admin:detection_feedback_changelist")
BY_SCRIPT = {"HX-Request": "true"}


@pytest.fixture
def dataset(db: None) -> Dataset:
    return Dataset.objects.create(name="Archive")


def staff(name: str, *rights: str) -> Client:
    """The browser of somebody in the panel with these rights alone."""
    user = people.person(name)
    user.is_staff = True
    user.save()
    user.user_permissions.add(*Permission.objects.filter(codename__in=rights))
    return signed_in(user)


def test_it_shows_the_image_and_all_that_is_known_of_it(as_admin: Client, alice: User) -> None:
    analysis = judged(alice)
    analysis.heatmap.save("", work.upload(images.plain("red")))
    feedback_give(
        analysis=analysis, user=alice, label=Label.REAL, note="<b>Mine</b>", has_consent=True
    )
    page = as_admin.get(QUEUE).text
    item = Item.objects.get()
    for address in (
        reverse("admin:detection_item_picture", args=[item.public_id]),
        reverse("analysis_heatmap", args=[analysis.public_id]),
        reverse("admin:detection_analysis_change", args=[analysis.pk]),
    ):
        assert address in page
    for text in ("Likely AI-generated", "97.0 % AI-generated", "It is quite sure.", "image.png"):
        assert text in page
    for text in ("&lt;b&gt;Mine", "Feedback (Training)", "1 of 1 left", "Accept: Real"):
        assert text in page
    assert "Correct: AI-generated" in page
    assert alice.email not in page


@pytest.mark.parametrize("is_script", [True, False])
def test_a_decision_brings_the_next_image(
    as_admin: Client, dataset: Dataset, is_script: bool
) -> None:
    first, second = waiting(dataset, 2)
    form = {"item": first.pk, "decision": "correct", "note": " seen before "}
    headers = BY_SCRIPT if is_script else {}
    answer = as_admin.post(DECIDE, form, headers=headers, follow=True)
    assert f'data-item="{second.public_id}"' in answer.text
    assert ("<html" in answer.text) != is_script
    assert "1 of 2 left" in answer.text
    first.refresh_from_db()
    assert (first.state, first.label) == ("accepted", "real")
    assert LabelReview.objects.get().note == "seen before"


def test_the_next_image_is_named_for_fetching_ahead(as_admin: Client, dataset: Dataset) -> None:
    _, second = waiting(dataset, 2)
    picture = reverse("admin:detection_item_picture", args=[second.public_id])
    assert f'data-following="{picture}"' in as_admin.get(QUEUE).text


def test_the_filter_stays_through_decisions(as_admin: Client, dataset: Dataset) -> None:
    other = Dataset.objects.create(name="Other")
    waiting(other)
    first, second = waiting(dataset, 2)
    answer = as_admin.get(QUEUE, {"dataset": dataset.pk})
    assert f'data-item="{first.public_id}"' in answer.text
    form = {"item": first.pk, "decision": "accept", "dataset": dataset.pk}
    answer = as_admin.post(DECIDE, form, headers=BY_SCRIPT)
    assert f'data-item="{second.public_id}"' in answer.text
    answer = as_admin.post(DECIDE, form | {"item": second.pk}, follow=True)
    assert "Nothing waits for review in Archive" in answer.text
    assert Item.objects.waiting().count() == 1


@pytest.mark.parametrize("is_script", [True, False])
def test_undo_shows_the_image_again(as_admin: Client, dataset: Dataset, is_script: bool) -> None:
    first, _ = waiting(dataset, 2)
    as_admin.post(DECIDE, {"item": first.pk, "decision": "reject"})
    headers = BY_SCRIPT if is_script else {}
    answer = as_admin.post(UNDO, headers=headers, follow=True)
    assert f'data-item="{first.public_id}"' in answer.text
    assert not LabelReview.objects.exists()
    answer = as_admin.post(UNDO, headers=headers, follow=True)
    assert "nothing in the last hour" in answer.text


def test_skipping_goes_round(as_admin: Client, dataset: Dataset) -> None:
    first, second = waiting(dataset, 2)
    for after, shown in ((first, second), (second, first)):
        answer = as_admin.get(QUEUE, {"after": after.pk}, headers=BY_SCRIPT)
        assert f'data-item="{shown.public_id}"' in answer.text


@pytest.mark.parametrize("is_script", [True, False])
def test_an_image_that_was_deleted_meanwhile_is_one_sentence(
    as_admin: Client, admin: User, dataset: Dataset, is_script: bool
) -> None:
    first, second = waiting(dataset, 2)
    items_delete(items=Item.objects.filter(pk=first.pk), user=admin)
    form = {"item": first.pk, "decision": "accept"}
    headers = BY_SCRIPT if is_script else {}
    answer = as_admin.post(DECIDE, form, headers=headers, follow=True)
    assert answer.status_code == 200
    assert "That image was deleted meanwhile; here is the next one." in answer.text
    assert f'data-item="{second.public_id}"' in answer.text


@pytest.mark.parametrize(
    "form", [{}, {"item": "x", "decision": "accept"}, {"item": "9" * 30, "decision": "accept"}]
)
def test_nonsense_decides_nothing(as_admin: Client, dataset: Dataset, form: dict[str, str]) -> None:
    waiting(dataset)
    assert as_admin.post(DECIDE, form, follow=True).status_code == 200
    assert as_admin.get(QUEUE, {"dataset": "x", "after": "-1", "item": "²"}).status_code == 200
    assert not LabelReview.objects.exists()


def test_an_unknown_decision_is_told_and_keeps_the_item(as_admin: Client, dataset: Dataset) -> None:
    (item,) = waiting(dataset)
    form = {"item": item.pk, "decision": "maybe"}
    assert "Accept, correct or reject." in as_admin.post(DECIDE, form, headers=BY_SCRIPT).text
    assert Item.objects.waiting().exists()


def test_another_reviewer_is_told_that_the_rest_is_taken(
    as_admin: Client, dataset: Dataset
) -> None:
    waiting(dataset)
    as_admin.get(QUEUE)
    bob = signed_in(people.administrator("bob"))
    assert "The rest is with other reviewers" in bob.get(QUEUE).text


def test_the_first_of_two_decisions_is_not_betrayed(
    as_admin: Client, dataset: Dataset, settings: Settings
) -> None:
    settings.LABEL_REVIEWERS = 2
    (item,) = waiting(dataset)
    as_admin.post(DECIDE, {"item": item.pk, "decision": "reject", "note": "blurred"})
    page = signed_in(people.administrator("bob")).get(QUEUE).text
    assert "by somebody else" in page
    assert "blurred" not in page


def test_only_those_with_both_rights_review(dataset: Dataset, charlie: User) -> None:
    (item,) = waiting(dataset)
    form = {"item": item.pk, "decision": "accept"}
    for client in (
        staff("nothing"),
        staff("sees", "view_analysis", "view_labelreview"),
        staff("blind", "add_labelreview"),
    ):
        assert client.get(QUEUE).status_code == 403
        assert client.post(DECIDE, form).status_code == 403
        assert client.post(UNDO).status_code == 403
    for client in (signed_in(charlie), Client()):
        assert client.get(QUEUE).status_code == 302
        assert client.post(DECIDE, form).status_code == 302
    assert not LabelReview.objects.exists()
    both = staff("both", "view_analysis", "add_labelreview")
    assert both.get(QUEUE).status_code == 200
    assert both.post(DECIDE, form).status_code == 302
    assert LabelReview.objects.get().reviewer == User.objects.get(email="both@example.org")


def test_the_acts_are_posts_with_a_token(admin: User, dataset: Dataset) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin)
    for path in (DECIDE, UNDO):
        assert strict.get(path).status_code == 405
        assert strict.post(path).status_code == 403
    assert strict.post(QUEUE).status_code in (403, 405)


def test_the_side_bar_counts_what_waits(as_admin: Client, alice: User, dataset: Dataset) -> None:
    waiting(dataset, 3)
    report(judged(alice), has_consent=False)
    bar = as_admin.get(reverse("admin:index")).context["sidebar_navigation"]
    badges = {
        item["title"]: str(item["badge_callback"])
        for group in bar
        for item in group["items"]
        if "badge_callback" in item
    }
    assert badges["Label review"] == "3"
    assert badges["Reports"] == "1"


# -- reports in the panel ---------------------------------------------------------------------


def test_reports_are_listed_with_what_became_of_them(as_admin: Client, alice: User) -> None:
    report(judged(alice))
    report(judged(alice, images.plain("blue")), has_consent=False)
    page = as_admin.get(REPORTS).text
    assert f"{QUEUE}?item={Item.objects.get().pk}" in page
    assert "no consent" in page
    only = as_admin.get(REPORTS, {"has_consent__exact": "1", "state__exact": "open"}).text
    assert "no consent" not in only


def test_one_report_is_shown_in_words(as_admin: Client, alice: User) -> None:
    page = as_admin.get(
        reverse("admin:detection_feedback_change", args=[report(judged(alice)).pk])
    ).text
    assert "Likely AI-generated" in page
    assert "(&#x27;" not in page
    assert 'width="256" loading="lazy" class="max-w-full' in page


def test_one_decision_is_shown_in_words(as_admin: Client, alice: User) -> None:
    item = report(judged(alice)).item
    assert item
    as_admin.post(DECIDE, {"item": item.pk, "decision": "accept"})
    review = LabelReview.objects.get()
    page = as_admin.get(reverse("admin:detection_labelreview_change", args=[review.pk])).text
    assert "Accept" in page
    assert "(&#x27;" not in page


def test_the_link_from_a_report_leads_to_its_image(
    as_admin: Client, alice: User, dataset: Dataset
) -> None:
    waiting(dataset, 2)
    item = report(judged(alice)).item
    assert item
    page = as_admin.get(f"{QUEUE}?item={item.pk}").text
    assert f'data-item="{item.public_id}"' in page


def test_reports_without_an_image_are_closed_in_the_list(as_admin: Client, alice: User) -> None:
    lone = report(judged(alice, images.plain("blue")), has_consent=False)
    in_review = report(judged(alice))
    form = {"action": "agree", "_selected_action": [lone.pk, in_review.pk]}
    page = as_admin.post(REPORTS, form, follow=True).text
    assert "1 report closed." in page
    assert "1 not closed: The image of this report waits in the label review" in page
    states = dict(Feedback.objects.values_list("pk", "state"))
    assert states == {lone.pk: "settled", in_review.pk: "open"}
    client = staff("reader", "view_feedback")
    assert client.get(REPORTS).status_code == 200
    client.post(REPORTS, {"action": "dismiss", "_selected_action": [in_review.pk]})
    assert Feedback.objects.get(pk=in_review.pk).state == "open"
