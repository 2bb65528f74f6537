"""Second factors: set up, asked for at sign-in, and kept so that no copy of the database tells."""

import re
import time

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from detection.models import AuditEvent
from portal.factors import FactorUnreadable, factors_told
from portal.models import User
from tests import people
from tests.fixtures import signed_in
from tests.people import PASSWORD

LOGIN = "/accounts/login/"
CODE = "/accounts/2fa/authenticate/"
APP = "/accounts/2fa/totp/activate/"
AGAIN = "/accounts/2fa/reauthenticate/"
INCORRECT = "That did not match"


def code_of(secret: str, *, steps: int = 0) -> str:
    """What an app shows now, or so many half minutes from now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def set_up(client: Client) -> str:
    """Set up an app in a browser that may; its secret."""
    page = client.get(APP).text
    (secret,) = re.findall(r'data-testid="totp-secret">([A-Z2-7]+)<', page)
    assert client.post(APP, {"code": code_of(secret)}).status_code == 302
    return str(secret)


def recovery_codes(client: Client) -> list[str]:
    """The codes that the page shows."""
    return re.findall(
        r"<li><code>(\d+)</code></li>", client.get("/accounts/2fa/recovery-codes/").text
    )


def password_given(user: User) -> Client:
    """A browser in which the password was right, and a code is asked for."""
    client = Client()
    form = {"login": user.email, "password": PASSWORD}
    assert client.post(LOGIN, form)["Location"] == CODE
    return client


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("submission_new")).status_code == 200


@pytest.fixture
def secret(alice: User) -> str:
    """That of Alice's app."""
    return set_up(signed_in(alice, lately=True))


@pytest.mark.django_db(transaction=True)
def test_an_app_is_set_up_with_its_first_code(alice: User) -> None:
    client = signed_in(alice, lately=True)
    set_up(client)
    assert factors_told(alice) == "app"
    assert len(recovery_codes(client)) == 10
    assert "app with codes was set up" in str(mail.outbox[-1].body)


def test_a_wrong_first_code_sets_nothing_up(alice: User) -> None:
    client = signed_in(alice, lately=True)
    client.get(APP)
    assert INCORRECT in client.post(APP, {"code": "000000"}).text
    assert factors_told(alice) == "none"


def test_setting_up_asks_for_the_password_first(as_alice: Client) -> None:
    assert as_alice.get(APP)["Location"].startswith(reverse("account_reauthenticate"))


def test_the_password_alone_lets_in_no_longer(alice: User, secret: str) -> None:
    client = password_given(alice)
    assert not is_signed_in(client)
    client.post(CODE, {"code": code_of(secret, steps=1)})
    assert is_signed_in(client)


@pytest.mark.parametrize("code", ["", "000000", "12345678", "not a code", "9" * 5000])
def test_other_codes_do_not(alice: User, secret: str, code: str) -> None:
    client = password_given(alice)
    assert client.post(CODE, {"code": code}).status_code == 200
    assert not is_signed_in(client)


@pytest.mark.parametrize(("steps", "is_good"), [(-2, False), (-1, True), (1, True), (3, False)])
def test_clocks_may_be_half_a_minute_apart(
    alice: User, secret: str, steps: int, is_good: bool
) -> None:
    client = password_given(alice)
    client.post(CODE, {"code": code_of(secret, steps=steps)})
    assert is_signed_in(client) == is_good


def test_a_code_works_once(alice: User, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code = code_of(secret, steps=1)
    password_given(alice).post(CODE, {"code": code})
    later = time.time() + 35  # allauth has forgotten it by then, and it is still good
    monkeypatch.setattr("allauth.mfa.totp.internal.auth.time.time", lambda: later)
    client = password_given(alice)
    client.post(CODE, {"code": f"{code[:3]} {code[3:]}"})
    assert not is_signed_in(client)


def test_the_code_of_the_set_up_signs_nobody_in(alice: User) -> None:
    browser = signed_in(alice, lately=True)
    secret = set_up(browser)
    client = password_given(alice)
    client.post(CODE, {"code": code_of(secret)})
    assert not is_signed_in(client)


def test_a_recovery_code_works_once(alice: User, secret: str) -> None:
    code = recovery_codes(signed_in(alice, lately=True))[3]
    first, second = password_given(alice), password_given(alice)
    first.post(CODE, {"code": code})
    second.post(CODE, {"code": code})
    assert is_signed_in(first)
    assert not is_signed_in(second)
    assert code not in recovery_codes(signed_in(alice, lately=True))


def test_new_recovery_codes_make_the_old_ones_worthless(alice: User, secret: str) -> None:
    browser = signed_in(alice, lately=True)
    old = recovery_codes(browser)
    browser.post("/accounts/2fa/recovery-codes/generate/")
    assert not set(old) & set(recovery_codes(browser))
    client = password_given(alice)
    client.post(CODE, {"code": old[0]})
    assert not is_signed_in(client)


def test_recovery_codes_are_handed_out_as_a_file_to_who_said_who_it_is(
    alice: User, secret: str
) -> None:
    path = "/accounts/2fa/recovery-codes/download/"
    answer = signed_in(alice, lately=True).get(path)
    assert len(re.findall(r"^\d{8}$", answer.text, re.MULTILINE)) == 10
    assert "no-store" in answer["Cache-Control"]
    assert signed_in(alice).get(path).status_code == 302


def test_guessing_codes_is_held_off_whatever_address_they_come_from(
    alice: User, secret: str
) -> None:
    clients = [password_given(alice) for _ in range(6)]
    for number, client in enumerate(clients[:5]):
        client.post(CODE, {"code": "000000"}, REMOTE_ADDR=f"10.0.0.{number}")
    late = clients[5].post(CODE, {"code": code_of(secret, steps=1)}, REMOTE_ADDR="10.0.0.99")
    assert "Too many failed" in late.text
    assert not is_signed_in(clients[5])


def test_guessing_codes_before_something_dangerous_is_held_off(alice: User, secret: str) -> None:
    client = signed_in(alice)
    for _ in range(5):
        client.post(AGAIN, {"code": "000000"})
    assert "Too many failed" in client.post(AGAIN, {"code": code_of(secret, steps=1)}).text


def test_a_reset_password_does_not_pass_by_the_second_factor(alice: User, secret: str) -> None:
    client = Client()
    client.post(reverse("account_reset_password"), {"email": alice.email})
    (link,) = re.findall(r"testserver(/\S+reset/key/\S+)", str(mail.outbox[-1].body))
    form = client.get(link, follow=True).request["PATH_INFO"]
    client.post(form, {"password1": "another-long-word-9", "password2": "another-long-word-9"})
    assert not is_signed_in(client)
    answer = client.post(LOGIN, {"login": alice.email, "password": "another-long-word-9"})
    assert answer["Location"] == CODE


def test_secrets_are_encrypted_in_the_database(alice: User, secret: str) -> None:
    for factor in Authenticator.objects.filter(user=alice):
        assert secret not in str(factor.data)
        kept = factor.data.get("secret") or factor.data["seed"]
        assert kept.startswith("gAAAA")


def test_a_former_secret_key_still_reads_them(alice: User, secret: str, settings: Settings) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-of-the-tests-with-many-different-letters-1"
    client = password_given(alice)
    client.post(CODE, {"code": code_of(secret, steps=1)})
    assert is_signed_in(client)


def test_without_it_they_let_nobody_in_and_the_page_says_why(
    alice: User, secret: str, settings: Settings
) -> None:
    settings.SECRET_KEY = "another-key-of-the-tests-with-many-different-letters-1"
    client = password_given(alice)
    answer = client.post(CODE, {"code": code_of(secret, steps=1)})
    assert "cannot be read any more" in answer.text
    assert not is_signed_in(client)
    browser = signed_in(alice, lately=True)
    for page in ("", "generate/", "download/"):
        answer = browser.get(f"/accounts/2fa/recovery-codes/{page}", follow=True)
        assert "cannot be read any more" in answer.text
    with pytest.raises(FactorUnreadable):
        Authenticator.objects.get(user=alice, type="recovery_codes").wrap().generate_codes()


def test_removing_the_last_factor_takes_the_codes_along(alice: User, secret: str) -> None:
    browser = signed_in(alice, lately=True)
    browser.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.filter(user=alice).exists()
    assert "was removed" in str(mail.outbox[-1].body)
    client = Client()
    client.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    assert is_signed_in(client)


@pytest.mark.parametrize("path", ["totp/deactivate/", "recovery-codes/", "webauthn/add/"])
def test_whoever_finds_a_browser_open_changes_nothing(alice: User, secret: str, path: str) -> None:
    client = signed_in(alice)
    assert "reauthenticate" in client.get(f"/accounts/2fa/{path}")["Location"]
    assert client.post(f"/accounts/2fa/{path}").status_code in (302, 405)
    assert Authenticator.objects.filter(user=alice).count() == 2


def test_a_second_app_is_not_set_up_beside_the_first(alice: User, secret: str) -> None:
    browser = signed_in(alice, lately=True)
    assert browser.get(APP)["Location"] == "/accounts/2fa/totp/deactivate/"
    browser.post(APP, {"code": code_of(secret)})
    assert Authenticator.objects.filter(user=alice, type="totp").count() == 1


def test_an_address_can_be_changed_although_there_is_a_second_factor(
    alice: User, secret: str
) -> None:
    browser = signed_in(alice, lately=True)
    browser.post(reverse("account_email"), {"email": "new@example.org", "action_add": ""})
    assert mail.outbox[-1].to == ["new@example.org"]


def test_a_code_says_who_it_is_as_the_password_does(alice: User, secret: str) -> None:
    client = signed_in(alice)
    page = client.get(reverse("token_new"), follow=True)
    assert AGAIN in page.text
    answer = client.post(
        AGAIN, {"code": code_of(secret, steps=1), "next": reverse("token_new")}, follow=True
    )
    assert answer.request["PATH_INFO"] == reverse("token_new")


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"id": 1}',
        '{"id": "AA", "response": {"userHandle": "MQ"}}',
        "x" * 9,
    ],
)
def test_a_passkey_that_was_made_up_signs_nobody_in(alice: User, credential: str) -> None:
    client = Client()
    client.get("/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"})
    answer = client.post("/accounts/2fa/webauthn/login/", {"credential": credential})
    assert answer["Location"] == LOGIN
    assert not is_signed_in(client)


def test_guessing_passkeys_is_held_off(client: Client, db: None) -> None:
    answers = [
        client.post("/accounts/2fa/webauthn/login/", {"credential": "{}"}) for _ in range(11)
    ]
    assert answers[-1].status_code == 429


def test_an_unverified_address_has_no_second_factor_where_it_lets_in(
    alice: User, settings: Settings
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "optional"
    settings.MFA_ALLOW_UNVERIFIED_EMAIL = False
    EmailAddress.objects.update(verified=False)
    page = signed_in(alice, lately=True).get(APP, follow=True)
    assert "Confirm your email address first" in page.text


def test_the_account_page_tells_what_is_set_up(alice: User, secret: str) -> None:
    page = signed_in(alice).get(reverse("account")).text
    assert "Sign-in and security" in page
    for name in ("mfa_index", "usersessions_list", "account_email", "account_change_password"):
        assert f'href="{reverse(name)}"' in page
    assert ">App<" in page


def test_the_command_lets_somebody_in_again_who_lost_everything(alice: User, secret: str) -> None:
    browser = Client()
    browser.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    browser.post(CODE, {"code": code_of(secret, steps=1)})
    call_command("remove_factors", "Alice@example.org", reason="She rang; I know her voice.")
    assert factors_told(alice) == "none"
    assert not is_signed_in(browser)
    event = AuditEvent.objects.get(action="factors_remove")
    assert (event.user, event.subject) == (None, f"user {alice.pk}")
    assert event.details == {"taken": "app", "reason": "She rang; I know her voice."}
    assert mail.outbox[-1].to == [alice.email]
    assert "taken the second factors" in str(mail.outbox[-1].body)


def test_the_command_names_who_is_not_there(db: None) -> None:
    with pytest.raises(CommandError, match="Nobody has the address"):
        call_command("remove_factors", "nobody@example.org", reason="x")


def factors_page(user: User) -> str:
    return reverse("admin:portal_user_factors", args=[user.pk])


def test_an_administrator_takes_them_away_with_a_reason(
    as_admin: Client, admin: User, alice: User, secret: str
) -> None:
    page = as_admin.get(reverse("admin:portal_user_change", args=[alice.pk])).text
    assert factors_page(alice) in page
    assert as_admin.post(factors_page(alice), {"reason": "short"}).status_code == 200
    assert factors_told(alice) == "app"
    as_admin.post(factors_page(alice), {"reason": "She came by and asked for it."})
    assert factors_told(alice) == "none"
    assert AuditEvent.objects.get(action="factors_remove").user == admin


def test_an_administrator_says_who_it_is_first(admin: User, alice: User, secret: str) -> None:
    form = {"reason": "She came by and asked for it."}
    for send in (signed_in(admin).get, lambda path: signed_in(admin).post(path, form)):
        assert "reauthenticate" in send(factors_page(alice))["Location"]
    assert factors_told(alice) == "app"


def test_nobody_takes_their_own_away_in_the_panel(as_admin: Client, admin: User) -> None:
    set_up(as_admin)
    as_admin.post(factors_page(admin), {"reason": "I want to be rid of it."})
    assert factors_told(admin) == "app"


def test_staff_who_are_no_administrators_take_nothing_away(alice: User, secret: str) -> None:
    bob = people.administrator("bob")
    bob.is_superuser = False
    bob.save()
    form = {"reason": "She came by and asked for it."}
    assert signed_in(bob, lately=True).post(factors_page(alice), form).status_code == 403
    assert factors_told(alice) == "app"


@pytest.mark.parametrize("name", ["mfa_authenticator", "usersessions_usersession"])
def test_the_panel_shows_nobody_secrets(as_admin: Client, name: str) -> None:
    kind = name.replace("_", "/")
    assert as_admin.get(f"/admin/{kind}/").status_code == 404
