"""Leaving: at once where there is little, and step by step where there is much."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.core.mail import EmailMessage
from django.test import Client
from pytest_django import Settings

from detection.models import DataExport, Submission, SubmittedImage, Webhook
from detection.services.data_exports import export_request, export_run
from detection.services.webhooks import webhook_create
from portal import leaving
from portal.leaving import user_purge
from portal.models import ApiToken, User
from portal.tasks import purge_account, sweep_accounts
from tests import images, people, work
from tests.fixtures import Committed
from tests.programs import token_of


def signed_in_by_page(user: User) -> Client:
    """A browser in which somebody has signed in, with a session that is listed."""
    client = Client()
    client.post("/accounts/login/", {"login": user.email, "password": people.PASSWORD})
    assert client.get("/submit/").status_code == 200
    return client


@pytest.fixture
def much(monkeypatch: pytest.MonkeyPatch, alice: User) -> User:
    """Alice, who has more than is deleted while a page waits."""
    monkeypatch.setattr(leaving, "AT_ONCE", 2)
    monkeypatch.setattr(leaving, "STEP", 2)
    for number in range(5):
        work.hand_in(alice, images.plain(work.RED) + bytes([number]))
    return alice


def test_of_little_nothing_is_left(alice: User, charlie: User, committed: Committed) -> None:
    work.queued(charlie)
    theirs = work.media_files()
    work.queued(alice)
    export = export_request(owner=alice)
    assert export_run(export_id=export.pk, worker="tester")
    with committed():
        assert user_purge(alice)
    assert work.media_files() == theirs
    assert not DataExport.objects.exists()
    assert list(User.objects.all()) == [charlie]


def test_of_much_the_person_goes_at_once(much: User, committed: Committed) -> None:
    browser = signed_in_by_page(much)
    token_of(much)
    webhook_create(owner=much, url="https://example.org/", events=["analysis.ended"])
    export = export_request(owner=much)
    export_run(export_id=export.pk, worker="tester")
    export.refresh_from_db()
    with committed():
        assert not user_purge(much)
    for model in (EmailAddress, ApiToken, Webhook, Session, DataExport):
        assert not model.objects.exists(), model
    assert not export.file.storage.exists(str(export.file.name))
    assert browser.get("/submit/").status_code == 302
    user = User.objects.get()
    assert (user.is_active, user.has_usable_password()) == (False, False)
    assert "alice" not in user.email
    # The address is free again at once.
    people.person("alice")


@pytest.mark.parametrize("days", [None, 30])
def test_one_last_mail_confirms_it_and_tells_of_backups(
    alice: User,
    committed: Committed,
    settings: Settings,
    mailoutbox: list[EmailMessage],
    days: int | None,
) -> None:
    settings.BACKUP_DAYS = days
    page = signed_in_by_page(alice).get("/account/delete/").text
    told = "for up to 30 days more" if days else "has not said for how long"
    assert told in page
    assert "Mail that was sent to you before stays in your mailbox." in page
    mailoutbox.clear()
    with committed():
        user_purge(alice)
    (mail,) = mailoutbox
    assert mail.to == ["alice@example.org"]
    assert "has been deleted" in mail.body
    assert told in mail.body


def test_an_address_that_nobody_confirmed_gets_no_mail(
    alice: User, committed: Committed, mailoutbox: list[EmailMessage]
) -> None:
    EmailAddress.objects.filter(user=alice).update(verified=False)
    with committed():
        user_purge(alice)
    assert not mailoutbox


def test_and_the_images_follow_in_steps(much: User, committed: Committed) -> None:
    with committed():
        user_purge(much)
    assert SubmittedImage.objects.count() == 5
    with committed():
        purge_account.apply(args=[much.pk])
    assert not User.objects.exists()
    assert not Submission.objects.exists()
    assert not work.media_files()
    # Delivered twice, the second time finds nothing.
    assert not leaving.purge_run(user_id=much.pk)


def test_what_was_left_halfway_is_asked_for_again(
    much: User, committed: Committed, monkeypatch: pytest.MonkeyPatch
) -> None:
    with committed():
        user_purge(much)
    sent: list[tuple[object, ...]] = []

    def send(*told: object) -> bool:
        sent.append(told)
        return True

    monkeypatch.setattr("portal.tasks.task_send", send)
    sweep_accounts.apply()
    assert sent == [(leaving.PURGE, much.pk)]


def test_nobody_is_deleted_by_the_task_who_has_not_left(alice: User) -> None:
    purge_account.apply(args=[alice.pk])
    assert User.objects.get() == alice


def test_the_page_says_what_is_still_to_come(much: User) -> None:
    browser = signed_in_by_page(much)
    answer = browser.post("/account/delete/", {"password": people.PASSWORD}, follow=True)
    assert "that may take some minutes" in answer.content.decode()


def test_staff_who_delete_leave_no_name_in_the_panels_record(
    alice: User, as_admin: Client, committed: Committed
) -> None:
    submission = work.hand_in(alice, name="alices-holiday.png")
    as_admin.post(
        f"/admin/portal/user/{alice.pk}/change/", {"email": alice.email, "is_active": "on"}
    )
    with committed():
        as_admin.post(f"/admin/detection/submission/{submission.pk}/delete/", {"post": "yes"})
    work.queued(alice)
    with committed():
        as_admin.post(f"/admin/portal/user/{alice.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(pk=alice.pk).exists()
    assert not work.media_files()
    told = " ".join(f"{one.object_repr} {one.change_message}" for one in LogEntry.objects.all())
    assert LogEntry.objects.count() >= 2
    assert "alice" not in told
