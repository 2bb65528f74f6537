"""Mail of an installation without a mail server: shown in the terminal and kept as files."""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.console import EmailBackend as TerminalBackend
from django.core.mail.backends.filebased import EmailBackend as FileBackend


class TerminalAndFileBackend(FileBackend):
    """Writes each message to `EMAIL_FILE_PATH` and to standard output."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Send the messages both ways and return how many there were."""
        TerminalBackend(fail_silently=self.fail_silently).send_messages(email_messages)
        return super().send_messages(email_messages) or 0
