"""Without a mail server a message is shown in the terminal and kept as a file."""

from pathlib import Path

import pytest
from django.core.mail import send_mail
from django.test import Client
from pytest_django import Settings


def test_a_message_is_shown_and_kept(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.EMAIL_BACKEND = "portal.mail.TerminalAndFileBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    assert send_mail("Subject", "The text", None, ["alice@example.org"]) == 1
    (kept,) = (tmp_path / "mail").iterdir()
    for text in (kept.read_text(), capsys.readouterr().out):
        assert "To: alice@example.org" in text
        assert "The text" in text


@pytest.mark.parametrize("is_local", [True, False])
def test_the_page_says_where_the_mail_is(
    client: Client, db: None, settings: Settings, is_local: bool
) -> None:
    settings.MAIL_IS_LOCAL = is_local
    page = client.get("/accounts/confirm-email/").text
    assert ("var/mail/" in page) == is_local
