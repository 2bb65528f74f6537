"""The admin panel shows everything to administrators, nothing to others, and writes no history."""

from collections.abc import Iterator

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin as panel
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from detection.models import (
    Analysis,
    AuditEvent,
    Dataset,
    DatasetImport,
    Decision,
    Feedback,
    Item,
    LabelReview,
    ModelVersion,
    Promotion,
    RegisteredModel,
    Snapshot,
    Submission,
    TrainingRun,
)
from detection.services.reviews import review_decide
from portal.models import User
from tests import images, labelled, people, work
from tests.fixtures import Committed, signed_in
from tests.reports import report

READ_ONLY = [
    Analysis,
    AuditEvent,
    DatasetImport,
    Feedback,
    Item,
    LabelReview,
    ModelVersion,
    Promotion,
    RegisteredModel,
    Submission,
]
OURS = [*READ_ONLY, Dataset, Snapshot, TrainingRun, User]


@pytest.fixture
def analysis(alice: User, model: ModelVersion) -> Analysis:
    """A row in every table that the panel shows."""
    work.hand_in(alice, images.plain("blue"), b"refused")
    analysis = work.analysed(alice, images.image_file("JPEG", (300, 200)))
    decided(report(analysis))
    DatasetImport.objects.create(dataset=labelled.dataset())
    snapshot = Snapshot.objects.create(number=1, sha256="0" * 64)
    TrainingRun.objects.create(snapshot=snapshot, architecture="tiny", model_name="own-tiny")
    return analysis


def decided(feedback: Feedback) -> LabelReview:
    """A decision of somebody who has left since."""
    assert feedback.item_id
    bob = people.administrator("bob")
    review = review_decide(item_id=feedback.item_id, user=bob, decision=Decision.ACCEPT)
    bob.delete()
    return review


def addresses(model: type[Model]) -> Iterator[str]:
    """The list of a model's rows and the page of each."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    yield reverse(f"{name}_changelist")
    for row in model._default_manager.all():
        yield reverse(f"{name}_change", args=[row.pk])


def all_addresses() -> list[str]:
    lists = [address for model in OURS for address in addresses(model)]
    return [reverse("admin:index"), *lists]


def test_every_table_of_ours_is_there_and_nothing_is_forgotten() -> None:
    assert set(OURS) <= set(panel.site._registry)


def test_the_administrator_sees_every_page(as_admin: Client, analysis: Analysis) -> None:
    for path in all_addresses():
        answer = as_admin.get(path)
        assert answer.status_code == 200, path
    assert len(all_addresses()) >= 10


def test_every_registered_table_opens(as_admin: Client) -> None:
    for model in panel.site._registry:
        path = next(addresses(model))
        assert as_admin.get(path).status_code == 200, path


def test_users_are_sent_away(as_charlie: Client, analysis: Analysis) -> None:
    for path in all_addresses():
        assert as_charlie.get(path).status_code in (302, 403), path


def test_staff_without_rights_see_nothing(db: None, analysis: Analysis) -> None:
    bob = people.person("bob")
    bob.is_staff = True
    bob.save()
    client = signed_in(bob)
    for path in all_addresses()[1:]:
        assert client.get(path).status_code == 403, path
    page = client.get(reverse("admin:index")).text
    assert analysis.image.file_name not in page
    media = reverse("image_preview", args=[analysis.image.public_id])
    assert client.get(media).status_code == 404


def test_staff_who_may_see_analyses_see_pictures(db: None, analysis: Analysis) -> None:
    bob = people.person("bob")
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename="view_analysis"))
    client = signed_in(bob)
    assert client.get(next(addresses(Analysis))).status_code == 200
    media = reverse("image_preview", args=[analysis.image.public_id])
    assert client.get(media).status_code == 200


def test_the_right_without_being_staff_shows_no_pictures(charlie: User, analysis: Analysis) -> None:
    charlie.user_permissions.add(Permission.objects.get(codename="view_analysis"))
    media = reverse("image_preview", args=[analysis.image.public_id])
    assert signed_in(charlie).get(media).status_code == 404


def test_strangers_sign_in_where_everybody_does(analysis: Analysis) -> None:
    for path in all_addresses():
        answer = Client().get(path, follow=True)
        assert answer.redirect_chain[-1][0].startswith(reverse("account_login")), path


def test_nobody_writes_history(as_admin: Client, analysis: Analysis) -> None:
    for model in READ_ONLY:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert as_admin.get(reverse(f"{name}_add")).status_code == 403
        row = model._default_manager.first()
        assert row is not None
        answer = as_admin.post(reverse(f"{name}_change", args=[row.pk]), {"state": "failed"})
        assert answer.status_code == 403
    for model in (Analysis, Feedback, LabelReview, ModelVersion, Promotion, RegisteredModel):
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._default_manager.first()
        assert row is not None
        answer = as_admin.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"})
        assert answer.status_code == 403
        assert model._default_manager.filter(pk=row.pk).exists()


def test_a_submission_is_deleted_with_its_files(
    as_admin: Client, analysis: Analysis, committed: Committed
) -> None:
    submission = analysis.image.submission
    others = {
        path
        for image in Submission.objects.exclude(pk=submission.pk).get().images.all()
        for path in image.stored_names
    }
    path = reverse("admin:detection_submission_delete", args=[submission.pk])
    assert as_admin.get(path).status_code == 200
    with committed():
        assert as_admin.post(path, {"post": "yes"}).status_code == 302
    assert not Submission.objects.filter(pk=submission.pk).exists()
    assert len(work.media_files()) == len(others)


def test_chosen_submissions_are_deleted_with_their_files(
    as_admin: Client, analysis: Analysis, committed: Committed
) -> None:
    chosen = [submission.pk for submission in Submission.objects.all()]
    form = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    with committed():
        answer = as_admin.post(reverse("admin:detection_submission_changelist"), form)
    assert answer.status_code == 302
    assert not Submission.objects.exists()
    assert work.media_files() == set()


@pytest.mark.parametrize("is_chosen_in_the_list", [False, True])
def test_a_user_is_deleted_with_everything(
    as_admin: Client,
    alice: User,
    analysis: Analysis,
    committed: Committed,
    is_chosen_in_the_list: bool,
) -> None:
    path = reverse("admin:portal_user_delete", args=[alice.pk])
    form: dict[str, object] = {"post": "yes"}
    if is_chosen_in_the_list:
        path = reverse("admin:portal_user_changelist")
        form |= {"action": "delete_selected", "_selected_action": [alice.pk]}
    with committed():
        assert as_admin.post(path, form).status_code == 302
    assert not User.objects.filter(pk=alice.pk).exists()
    assert work.media_files() == set()


# The form's own fields for the addresses, which it lists and does not change.
NO_ADDRESSES = {"emailaddress_set-TOTAL_FORMS": "0", "emailaddress_set-INITIAL_FORMS": "0"}


def test_an_administrator_adds_a_user_in_lower_case(as_admin: Client) -> None:
    form = {
        "email": "Bob@Example.ORG",
        "password1": people.PASSWORD,
        "password2": people.PASSWORD,
        "usable_password": "true",
        **NO_ADDRESSES,
    }
    answer = as_admin.post(reverse("admin:portal_user_add"), form)
    assert answer.status_code == 302, answer.context["errors"]
    assert User.objects.filter(email="bob@example.org").exists()


def test_an_address_is_given_once_however_it_is_written(as_admin: Client, alice: User) -> None:
    form = {"email": "ALICE@example.org", "password1": people.PASSWORD, "usable_password": "true"}
    answer = as_admin.post(
        reverse("admin:portal_user_add"), {**form, **NO_ADDRESSES, "password2": people.PASSWORD}
    )
    assert answer.status_code == 200
    assert "already exists" in answer.text
    assert User.objects.filter(email__iexact="alice@example.org").count() == 1


@pytest.mark.parametrize("query", ["alice", "image.png", "nothing like it"])
@pytest.mark.parametrize("table", [Analysis, Feedback, LabelReview, Submission, User])
def test_lists_can_be_searched(
    as_admin: Client, analysis: Analysis, table: type[Model], query: str
) -> None:
    path = next(addresses(table))
    assert as_admin.get(path, {"q": query}).status_code == 200


@pytest.mark.parametrize("model", [Analysis, Feedback, LabelReview, Submission])
def test_a_longer_list_costs_no_more_queries(
    as_admin: Client, alice: User, model: type[Model]
) -> None:
    path = next(addresses(model))
    as_admin.get(path)  # the session is noted with its first page
    counts = []
    for _ in range(2):
        for _ in range(3):
            other = images.image_file("PNG", (8, 8), seed=Analysis.objects.count())
            decided(report(work.ended(work.queued(alice, other))))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            as_admin.get(path)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_signing_in_takes_more_than_the_panels_own_form(client: Client, db: None) -> None:
    unverified = people.administrator("root")
    EmailAddress.objects.filter(user=unverified).update(verified=False)
    form = {"username": unverified.email, "password": people.PASSWORD}
    answer = client.post(reverse("admin:login"), form)
    assert answer.status_code == 302
    assert reverse("account_login") in answer["Location"]
    assert "_auth_user_id" not in client.session
