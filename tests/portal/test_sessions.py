"""Where somebody is signed in: listed, ended one by one or all but this one."""

import re
from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.browsers import browser_told
from portal.models import User
from portal.sessions import handle_of
from portal.tasks import forget_sessions
from tests.fixtures import signed_in
from tests.people import PASSWORD

PAGE = "/accounts/sessions/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)


def browser(user: User, agent: str = FIREFOX, address: str = "192.0.2.7") -> Client:
    """A browser in which somebody has signed in by the form."""
    client = Client(HTTP_USER_AGENT=agent, REMOTE_ADDR=address)
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return client


def handles(client: Client) -> list[str]:
    """What the page calls the other sessions."""
    return re.findall(r'name="session" value="(\w+)"', client.get(PAGE).text)


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("submission_new")).status_code == 200


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        (FIREFOX, "Firefox on Linux"),
        (IPHONE, "Safari on an iPhone"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/126 Safari/537 Edg/126",
            "Edge on Windows",
        ),
        ("curl/8.0", "A browser"),
        ("", "A browser"),
        ("<script>Linux", "A browser on Linux"),
    ],
)
def test_browsers_are_told_in_two_words(agent: str, told: str) -> None:
    assert browser_told(agent) == told


def test_the_page_lists_browser_address_and_which_one_this_is(alice: User) -> None:
    browser(alice, IPHONE, "198.51.100.4")
    page = browser(alice).get(PAGE).text
    assert page.index("Firefox on Linux") < page.index("Safari on an iPhone")
    assert page.count("This one") == 1
    assert "198.51.100.4" in page
    assert f'last seen <time datetime="{timezone.now():%Y-%m-%d}' in page


def test_one_is_ended_and_the_others_stay(alice: User) -> None:
    phone, tablet, desk = browser(alice, IPHONE), browser(alice, "iPad Safari"), browser(alice)
    gone = UserSession.objects.get(session_key=phone.session.session_key)
    desk.post(PAGE, {"session": handle_of(gone)})
    assert [is_signed_in(one) for one in (phone, tablet, desk)] == [False, True, True]
    assert len(handles(desk)) == 1


def test_all_others_are_ended(alice: User, charlie: User) -> None:
    phone, desk, others = browser(alice, IPHONE), browser(alice), browser(charlie)
    assert desk.post(PAGE, follow=True).text.count("All other sessions are ended") == 1
    assert [is_signed_in(one) for one in (phone, desk, others)] == [False, True, True]


def test_nobody_ends_somebody_elses(alice: User, charlie: User) -> None:
    hers, his = browser(alice), browser(charlie)
    session = UserSession.objects.get(session_key=hers.session.session_key)
    his.post(PAGE, {"session": handle_of(session)})
    assert is_signed_in(hers)


def test_the_page_tells_no_key(alice: User) -> None:
    phone, desk = browser(alice, IPHONE), browser(alice)
    assert str(phone.session.session_key) not in desk.get(PAGE).text


def test_ending_asks_who_it_is_and_goes_on(alice: User) -> None:
    phone, desk = browser(alice, IPHONE), signed_in(alice)
    answer = desk.post(PAGE)
    assert answer["Location"].startswith(reverse("account_reauthenticate"))
    assert is_signed_in(phone)
    desk.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": PAGE})
    assert not is_signed_in(phone)
    assert is_signed_in(desk)


def test_a_changed_password_ends_all_others_and_is_told_by_mail(alice: User) -> None:
    phone, desk = browser(alice, IPHONE), browser(alice)
    new = "another-long-word-9"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert "all other sessions end" in desk.get(reverse("account_change_password")).text
    desk.post(reverse("account_change_password"), form)
    assert [is_signed_in(one) for one in (phone, desk)] == [False, True]
    assert handles(desk) == []
    message = mail.outbox[-1]
    assert message.to == [alice.email]
    assert "Your password was changed" in str(message.body)
    assert "192.0.2.7" in str(message.body)


def test_one_that_was_there_before_is_noted_when_it_is_used(alice: User) -> None:
    old = signed_in(alice)  # without what allauth notes at a sign-in
    assert not UserSession.objects.exists()
    old.get(reverse("history"))
    assert UserSession.objects.get().session_key == old.session.session_key


def test_using_it_again_writes_nothing(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = browser(alice)
    client.get("/guide/")
    with django_assert_num_queries(2):  # the session and the person
        client.get("/guide/")


def test_what_is_noted_goes_with_the_session(alice: User) -> None:
    ended, alive = browser(alice, IPHONE), browser(alice)
    Session.objects.filter(session_key=ended.session.session_key).update(
        expire_date=timezone.now() - timedelta(days=1)
    )
    forget_sessions()
    assert UserSession.objects.get().session_key == alive.session.session_key
