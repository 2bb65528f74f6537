"""Superusers make groups and reviewers in the panel; what they give is recorded."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from detection.models import AuditEvent
from portal.groups import RIGHTS
from portal.models import User
from tests import doors
from tests.fixtures import signed_in

NAMED = ("content_type__app_label", "codename")
NO_ADDRESSES = {"emailaddress_set-TOTAL_FORMS": "0", "emailaddress_set-INITIAL_FORMS": "0"}
MIGRATION = import_module("portal.migrations.0003_reviewers")
QUEUE = "admin:detection_labelreview_queue"

pytestmark = pytest.mark.django_db


def right(codename: str) -> Permission:
    return Permission.objects.get(content_type__app_label="detection", codename=codename)


def page_of(user: User, act: str = "change") -> str:
    return reverse(f"admin:portal_user_{act}", args=[user.pk])


def helper(*rights: str) -> User:
    """Staff who may look after accounts, and are no superusers."""
    user = doors.clerk("helper")
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="portal", codename__in=rights)
    )
    return user


def test_the_ready_group_gives_what_label_review_takes() -> None:
    Group.objects.filter(name=doors.REVIEWERS).delete()
    for _ in range(2):
        MIGRATION.group_make(apps, None)
        group = Group.objects.get(name=doors.REVIEWERS)
        given = set(group.permissions.values_list("codename", flat=True))
        assert given == set(doors.REVIEWER_RIGHTS)
    # Made before Django made its own, they are the same ones.
    assert right("add_labelreview").name == "Can add label review"
    MIGRATION.group_drop(apps, None)
    assert not Group.objects.filter(name=doors.REVIEWERS).exists()


def test_a_group_that_was_there_stays_as_it_is(alice: User) -> None:
    group, _ = Group.objects.get_or_create(name=doors.REVIEWERS)
    group.permissions.set([right("view_feedback")])
    MIGRATION.group_make(apps, None)
    assert list(group.permissions.all()) == [right("view_feedback")]
    alice.groups.add(group)
    MIGRATION.group_drop(apps, None)
    assert group.user_set.get() == alice


def test_all_rights_that_the_panel_asks_for_can_be_ticked() -> None:
    known = {f"{app}.{name}" for app, name in Permission.objects.values_list(*NAMED)}
    assert set(RIGHTS) <= known
    asked = set()
    for file in (Path(settings.BASE_DIR) / "detection" / "admin").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        asked |= set(re.findall(r"\b(?:view|add|change|delete)_[a-z]+(?=\")", text))
    asked = {f"detection.{name}" for name in asked} & known
    assert len(asked) > 10
    assert asked <= set(RIGHTS)


def test_rights_of_a_group_that_have_no_tick_are_kept(as_admin: Client) -> None:
    group = Group.objects.create(name="desk")
    group.permissions.set([right("view_face"), right("view_dataset")])
    page = reverse("admin:auth_group_change", args=[group.pk])
    text = as_admin.get(page).text
    assert "See the images of datasets" in text
    assert "Can view face" in text
    assert "Can view batch" not in text


def test_a_reviewer_is_made_on_the_users_page(as_admin: Client, charlie: User) -> None:
    MIGRATION.group_make(apps, None)
    group = Group.objects.get(name=doors.REVIEWERS)
    form = {"email": charlie.email, "is_active": "on", "is_staff": "on", "groups": [group.pk]}
    answer = as_admin.post(page_of(charlie), {**form, **NO_ADDRESSES})
    assert answer.status_code == 302
    event = AuditEvent.objects.get(action="user_change")
    assert event.details["groups"] == [doors.REVIEWERS]
    client = signed_in(User.objects.get(pk=charlie.pk), lately=True)
    assert client.get(reverse(QUEUE)).status_code == 200
    # What the side bar offers opens, and nothing else is offered.
    home = client.get(reverse("admin:index")).text
    assert reverse("admin:detection_dataset_changelist") in home
    for closed in ("portal_user", "auth_group", "detection_submission", "detection_promotion"):
        assert reverse(f"admin:{closed}_changelist") not in home


def test_staff_without_rights_are_offered_nothing() -> None:
    home = signed_in(doors.clerk(), lately=True).get(reverse("admin:index")).text
    assert "/admin/detection/" not in home
    assert "/admin/status/" not in home


def test_making_changing_and_deleting_a_group_is_recorded(as_admin: Client) -> None:
    form = {"name": "desk", "permissions": [right("view_feedback").pk]}
    assert as_admin.post(reverse("admin:auth_group_add"), form).status_code == 302
    group = Group.objects.get(name="desk")
    form["permissions"] = [right("view_dataset").pk]
    page = reverse("admin:auth_group_change", args=[group.pk])
    assert as_admin.post(page, form).status_code == 302
    page = reverse("admin:auth_group_delete", args=[group.pk])
    assert as_admin.post(page, {"post": "yes"}).status_code == 302
    told = [
        (event.action, event.details["rights"])
        for event in AuditEvent.objects.filter(subject=f"group {group.pk}").order_by("pk")
    ]
    assert told == [
        ("group_create", ["detection.view_feedback"]),
        ("group_change", ["detection.view_dataset"]),
        ("group_delete", ["detection.view_dataset"]),
    ]


def test_who_it_is_is_asked_before_rights_are_given(admin: User) -> None:
    group = Group.objects.create(name="desk")
    client = signed_in(admin)
    page = reverse("admin:auth_group_change", args=[group.pk])
    answer = client.post(page, {"name": "desk", "permissions": [right("view_feedback").pk]})
    assert "reauthenticate" in answer["Location"]
    assert not group.permissions.exists()


def test_staff_who_look_after_accounts_give_no_rights(charlie: User, admin: User) -> None:
    client = signed_in(helper("view_user", "change_user", "delete_user"), lately=True)
    group = Group.objects.create(name="desk")
    form = {"email": charlie.email, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    form |= {"groups": str(group.pk)} | NO_ADDRESSES
    assert client.post(page_of(charlie), form).status_code == 302
    charlie.refresh_from_db()
    assert (charlie.is_staff, charlie.is_superuser, charlie.groups.count()) == (False, False, 0)
    assert client.post(page_of(admin), form).status_code == 403
    assert client.post(page_of(admin, "delete"), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [admin.pk], "post": "yes"}
    assert client.post(reverse("admin:portal_user_changelist"), chosen).status_code == 403
    assert User.objects.filter(pk=admin.pk).exists()


def test_deleting_a_user_tells_no_address_of_theirs(as_admin: Client, alice: User) -> None:
    UserSession.objects.create(
        user=alice, ip="203.0.113.77", user_agent="Telltale/9.9", session_key="k" * 32
    )
    chosen = {"action": "delete_selected", "_selected_action": [alice.pk]}
    for page in (
        as_admin.get(page_of(alice, "delete")),
        as_admin.post(reverse("admin:portal_user_changelist"), chosen),
    ):
        assert page.status_code == 200
        assert alice.email in page.text
        assert "User sessions: 1" in page.text
        assert "203.0.113.77" not in page.text
        assert "Telltale" not in page.text


def test_a_users_page_shows_nothing_of_the_password(as_admin: Client, alice: User) -> None:
    alice.set_password("correct-horse-battery")
    alice.save()
    text = as_admin.get(page_of(alice)).text
    algorithm, *_, digest = alice.password.split("$")
    assert algorithm not in text
    assert "***" not in text
    assert digest[:6] not in text


@pytest.mark.parametrize(("chosen", "is_shown"), [("yes", True), ("no", False), ("x", True)])
def test_users_are_filtered_by_second_factor(
    as_admin: Client, alice: User, chosen: str, is_shown: bool
) -> None:
    Authenticator.objects.create(user=alice, type=Authenticator.Type.WEBAUTHN, data={})
    text = as_admin.get(reverse("admin:portal_user_changelist"), {"factor": chosen}).text
    assert (f">{alice.email}<" in text.replace("\n", "").replace(" ", "")) is is_shown


def test_what_people_named_is_told_as_they_wrote_it(as_admin: Client, alice: User) -> None:
    text = as_admin.get(page_of(alice)).text
    assert alice.email.capitalize() not in text
    assert ">Users<" in text
