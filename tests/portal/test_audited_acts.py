"""What staff do with other people's images and accounts is recorded, once and without names."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from detection.models import Analysis, AuditEvent
from portal.models import User
from tests import people, work

# The part of the form that shows addresses.
NO_ADDRESSES = {"emailaddress_set-TOTAL_FORMS": "0", "emailaddress_set-INITIAL_FORMS": "0"}


@pytest.fixture
def analysis(alice: User) -> Analysis:
    """Alice's."""
    return work.queued(alice)


def acts(action: str) -> list[str]:
    return list(AuditEvent.objects.filter(action=action).values_list("subject", flat=True))


def test_looking_at_somebodys_analysis_is_recorded_once_an_hour(
    analysis: Analysis, as_admin: Client, admin: User
) -> None:
    page = reverse("admin:detection_analysis_change", args=[analysis.pk])
    for _ in range(3):
        assert as_admin.get(page).status_code == 200
    assert acts("look") == [f"analysis {analysis.public_id}"]
    event = AuditEvent.objects.get(action="look")
    assert (event.user, event.user_email) == (admin, admin.email)
    cache.clear()
    as_admin.get(page)
    assert len(acts("look")) == 2


def test_looking_at_a_submission_is_recorded(analysis: Analysis, as_admin: Client) -> None:
    submission = analysis.image.submission
    as_admin.get(reverse("admin:detection_submission_change", args=[submission.pk]))
    assert acts("look") == [f"submission {submission.public_id}"]


def test_the_original_is_not_for_staff(analysis: Analysis, as_admin: Client) -> None:
    answer = as_admin.get(reverse("image_original", args=[analysis.image.public_id]))
    assert answer.status_code == 404
    assert acts("look") == []


def test_seeing_a_picture_of_somebody_else_is_recorded_once(
    analysis: Analysis, as_admin: Client
) -> None:
    for name in ("image_thumbnail", "image_preview"):
        assert as_admin.get(reverse(name, args=[analysis.image.public_id])).status_code == 200
    assert acts("look") == [f"image {analysis.image.public_id}"]


def test_looking_at_ones_own_is_nobodys_business(as_admin: Client, admin: User) -> None:
    own = work.queued(admin)
    as_admin.get(reverse("admin:detection_analysis_change", args=[own.pk]))
    as_admin.get(reverse("image_original", args=[own.image.public_id]))
    assert acts("look") == []


def test_the_owner_leaves_no_trace_by_looking(analysis: Analysis, as_alice: Client) -> None:
    as_alice.get(reverse("image_original", args=[analysis.image.public_id]))
    as_alice.get(reverse("analysis_detail", args=[analysis.public_id]))
    assert not AuditEvent.objects.exists()


def test_what_is_not_there_was_not_looked_at(as_admin: Client) -> None:
    as_admin.get(reverse("admin:detection_analysis_change", args=[10**9]))
    assert acts("look") == []


def test_deleting_somebodys_submission_is_recorded(analysis: Analysis, as_admin: Client) -> None:
    submission = analysis.image.submission
    as_admin.post(
        reverse("admin:detection_submission_delete", args=[submission.pk]), {"post": "yes"}
    )
    assert acts("submission_delete") == [f"submission {submission.public_id}"]
    assert not Analysis.objects.exists()


def test_making_somebody_staff_is_recorded_with_the_rights(as_admin: Client, alice: User) -> None:
    page = reverse("admin:portal_user_change", args=[alice.pk])
    form = {"email": alice.email, "is_active": "on", "is_staff": "on"}
    answer = as_admin.post(page, {**form, **NO_ADDRESSES})
    assert answer.status_code == 302, answer.content.decode()[-2000:]
    event = AuditEvent.objects.get(action="user_change")
    assert event.subject == f"user {alice.pk}"
    assert (event.details["is_staff"], event.details["is_superuser"]) == (True, False)
    assert alice.email not in str(event.details)


def test_making_and_deleting_accounts_is_recorded(as_admin: Client, charlie: User) -> None:
    number = charlie.pk
    as_admin.post(reverse("admin:portal_user_delete", args=[charlie.pk]), {"post": "yes"})
    assert acts("user_delete") == [f"user {number}"]
    form = {"email": "new@example.org", "password1": people.PASSWORD, "password2": people.PASSWORD}
    answer = as_admin.post(reverse("admin:portal_user_add"), {**form, **NO_ADDRESSES})
    assert answer.status_code == 302, answer.content.decode()[-2000:]
    new = User.objects.get(email="new@example.org")
    assert acts("user_create") == [f"user {new.pk}"]
