"""`manage.py internal_certificates`: TLS between the programs of one installation."""

import datetime as dt
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.certificates import DAYS, NamesMissing, certificates_end, certificates_ensure

# As `manage.py doctor` warns.
SOON = dt.timedelta(days=90)


class Command(BaseCommand):
    """Makes what is missing or damaged; compose runs it before the servers start."""

    help = "Make certificates for the installation's own servers, unless good ones are there."
    # The servers it is for do not run yet.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where they go, and whom they are for."""
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "names",
            nargs="+",
            help="names of the servers, such as mysql, or mysql=db.internal,10.0.0.5 with those "
            "under which other machines know it",
        )
        parser.add_argument("--days", type=int, default=DAYS, help="how long new ones hold")
        parser.add_argument(
            "--renew",
            action="store_true",
            help="make all anew; then start every program of the installation again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make them."""
        folder: Path = options["folder"]
        try:
            is_new = certificates_ensure(
                folder, options["names"], days=options["days"], renew=options["renew"]
            )
            end = certificates_end(folder)
        except OSError as error:
            raise CommandError(f"They cannot be kept in {folder}: {error.strerror}.") from None
        except NamesMissing as missing:
            raise CommandError(
                f"The certificates lack {missing}. --renew makes them anew; then start all again."
            ) from None
        told = "Made certificates" if is_new else "The certificates are good"
        self.stdout.write(f"{told}: {', '.join(options['names'])}, until {end:%Y-%m-%d}.")
        if end - dt.datetime.now(dt.UTC) < SOON:
            self.stderr.write(f"They end on {end:%Y-%m-%d}: make them anew by --renew before.")
