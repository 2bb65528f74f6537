"""Lets somebody in again who lost app, passkeys and recovery codes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from portal.factors import factors_remove
from portal.models import User


class Command(BaseCommand):
    """Takes the second factors of one person away; that is audited, and told by mail."""

    help = "Take the second factors of a person away, and end their sessions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare whose they are, and why."""
        parser.add_argument("email")
        parser.add_argument("--reason", required=True, help="kept in the audit")

    def handle(self, *args: Any, **options: Any) -> None:
        """Take them away."""
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError(f"Nobody has the address {options['email']}.")
        told = factors_remove(user=user, by=None, reason=options["reason"])
        self.stdout.write(f"{user.email}: taken away: {told}. All sessions are ended.")
