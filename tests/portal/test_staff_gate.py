"""Staff act as staff only with a second factor, where the installation asks for one."""

import time

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from detection.models import Analysis
from portal.models import User
from tests import images, people, work
from tests.fixtures import signed_in
from tests.people import PASSWORD
from tests.portal.test_second_factor import AGAIN, CODE, LOGIN, code_of, set_up

PANEL = "/admin/"
OVERVIEW = "/accounts/2fa/"


@pytest.fixture(autouse=True)
def it_is_asked_for(settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = True


@pytest.fixture
def secret(admin: User) -> str:
    """That of the administrator's app, set up in another browser."""
    return set_up(signed_in(admin, lately=True))


@pytest.fixture
def picture(alice: User) -> str:
    """The address of one of Alice's pictures."""
    analysis: Analysis = work.ended(work.queued(alice))
    analysis.heatmap.save("", work.upload(images.plain("red")))
    return reverse("analysis_heatmap", args=[analysis.public_id])


def signed_in_with_code(user: User, secret: str, *, steps: int = 1) -> Client:
    """A browser in which password and code were given."""
    client = Client()
    client.post(LOGIN, {"login": user.email, "password": PASSWORD})
    client.post(CODE, {"code": code_of(secret, steps=steps)})
    return client


@pytest.mark.parametrize("path", [PANEL, "/admin/status/", "/admin/detection/analysis/?q=a"])
def test_staff_without_a_factor_are_led_to_set_one_up_and_back(as_admin: Client, path: str) -> None:
    answer = as_admin.get(path)
    assert answer["Location"] == OVERVIEW
    assert (
        "The administration opens once you have set up a second factor"
        in as_admin.get(OVERVIEW).text
    )
    set_up(as_admin)
    page = as_admin.get("/accounts/2fa/recovery-codes/").text
    assert f'href="{path}" data-testid="go-on"' in page
    assert as_admin.get(path).status_code == 200
    assert "go-on" not in as_admin.get("/accounts/2fa/recovery-codes/").text


def test_a_fragment_of_the_panel_leads_there_too(as_admin: Client) -> None:
    answer = as_admin.get("/admin/status/", headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == OVERVIEW


def test_a_form_that_is_sent_does_nothing(as_admin: Client, alice: User) -> None:
    path = reverse("admin:portal_user_delete", args=[alice.pk])
    assert as_admin.post(path, {"post": "yes"})["Location"] == OVERVIEW
    assert User.objects.filter(pk=alice.pk).exists()


def test_a_password_alone_does_not_do_where_there_is_a_factor(admin: User, secret: str) -> None:
    client = signed_in(admin, lately=True)
    answer = client.get(PANEL)
    assert answer["Location"] == f"{AGAIN}?next=%2Fadmin%2F"
    assert "Use the password" not in client.get(answer["Location"]).text
    assert client.get(reverse("account_reauthenticate"))["Location"].startswith(AGAIN)


def test_the_factor_opens_it_at_sign_in_or_later(admin: User, secret: str) -> None:
    assert signed_in_with_code(admin, secret).get(PANEL).status_code == 200
    client = signed_in(admin)
    client.post(AGAIN, {"code": code_of(secret, steps=-1), "next": PANEL})
    assert client.get(PANEL).status_code == 200


def test_removing_the_factor_closes_it_again(admin: User, secret: str) -> None:
    client = signed_in_with_code(admin, secret)
    client.post("/accounts/2fa/totp/deactivate/")
    assert client.get(PANEL)["Location"] == OVERVIEW


def test_pictures_of_others_are_closed_until_then(admin: User, secret: str, picture: str) -> None:
    assert signed_in(admin, lately=True).get(picture).status_code == 404
    assert signed_in_with_code(admin, secret).get(picture).status_code == 200


def test_ones_own_pictures_are_not(admin: User) -> None:
    analysis = work.ended(work.queued(admin))
    analysis.heatmap.save("", work.upload(images.plain("red")))
    path = reverse("analysis_heatmap", args=[analysis.public_id])
    assert signed_in(admin).get(path).status_code == 200
    assert signed_in(admin).get(reverse("history")).status_code == 200


def test_staff_with_one_right_are_asked_as_well(alice: User, picture: str) -> None:
    bob = people.person("bob")
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename="view_analysis"))
    client = signed_in(bob, lately=True)
    assert client.get(picture).status_code == 404
    assert client.get(PANEL)["Location"] == OVERVIEW
    set_up(client)
    assert client.get(picture).status_code == 200


def test_nothing_of_the_mark_is_stored(admin: User) -> None:
    client = signed_in(admin, lately=True)
    form = {"oldpassword": PASSWORD, "password1": "another-long-word-9"}
    client.post(reverse("account_change_password"), {**form, "password2": "another-long-word-9"})
    admin.refresh_from_db()
    assert admin.is_staff
    assert admin.is_superuser
    assert admin.has_perm("detection.view_analysis")


def test_people_who_are_no_staff_are_not_asked(as_charlie: Client, charlie: User) -> None:
    assert as_charlie.get(reverse("history")).status_code == 200
    assert OVERVIEW not in as_charlie.get(PANEL).headers.get("Location", "")


def test_strangers_are_sent_to_sign_in(client: Client, db: None) -> None:
    assert client.get(PANEL)["Location"].startswith("/admin/login/")


def test_another_account_in_the_same_browser_does_not_inherit_it(admin: User, secret: str) -> None:
    client = signed_in_with_code(admin, secret)
    other = people.administrator("other")
    client.force_login(other)
    assert client.get(PANEL)["Location"] == OVERVIEW


def test_where_nobody_asks_the_password_does(settings: Settings, as_admin: Client) -> None:
    settings.STAFF_SECOND_FACTOR = False
    assert as_admin.get(PANEL).status_code == 200


def test_ten_minutes_after_it_was_told_who_it_is_the_panel_asks_again(
    admin: User, alice: User, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in_with_code(admin, secret)
    path = reverse("admin:portal_user_delete", args=[alice.pk])
    assert client.get(path).status_code == 200
    later = time.time() + 601
    monkeypatch.setattr("allauth.account.internal.flows.reauthentication.time.time", lambda: later)
    assert "reauthenticate" in client.get(path)["Location"]
    assert "reauthenticate" in client.post(path, {"post": "yes"})["Location"]
    assert User.objects.filter(pk=alice.pk).exists()
    assert client.get(PANEL).status_code == 200


def test_a_password_for_somebody_else_never_waits_in_a_session(admin: User, alice: User) -> None:
    client = signed_in(admin, lately=False)
    path = reverse("admin:auth_user_password_change", args=[alice.pk])
    form = {"password1": "another-long-word-9", "password2": "another-long-word-9"}
    assert client.post(path, form)["Location"] == OVERVIEW
    set_up(lately := signed_in(admin, lately=True))
    session = lately.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 601
    session.save()
    assert lately.post(path, form)["Location"] == path
    assert "another-long-word-9" not in str(dict(lately.session.items()))
    assert "reauthenticate" in lately.get(path)["Location"]
