"""`manage.py internal_certificates`: TLS between the programs of one installation."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.certificates import DAYS, certificates_ensure


class Command(BaseCommand):
    """Makes what is missing or ends too soon; compose runs it before the servers start."""

    help = "Make certificates for the installation's own servers, unless good ones are there."
    # The servers it is for do not run yet.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where they go, and whom they are for."""
        parser.add_argument("folder", type=Path)
        parser.add_argument("names", nargs="+", help="names of the servers, such as mysql redis")
        parser.add_argument("--days", type=int, default=DAYS, help="how long they hold")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make them."""
        folder: Path = options["folder"]
        try:
            is_new = certificates_ensure(folder, options["names"], days=options["days"])
        except OSError as error:
            raise CommandError(f"They cannot be kept in {folder}: {error.strerror}.") from None
        told = "Made certificates" if is_new else "The certificates are good"
        self.stdout.write(f"{told}: {', '.join(options['names'])}.")
