"""`manage.py seed_load`: an installation with a million analyses, to measure with."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from detection.services.seeding import load_seed, real_users, seed_clear

MOST_ANALYSES, MOST_USERS = 20_000_000, 100_000


class Command(BaseCommand):
    """Makes rows that nobody handed in; never on an installation that people use."""

    help = "Fill the database with made-up submissions, images and analyses of made-up people."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How many, of whom, and whether at all."""
        parser.add_argument("--analyses", type=int, default=0, help="how many to make")
        parser.add_argument("--users", type=int, default=50, help="for how many new people")
        parser.add_argument("--seed", type=int, default=1, help="another one makes other rows")
        parser.add_argument("--clear", action="store_true", help="delete all of it first")
        parser.add_argument(
            "--i-know", action="store_true", help="even where real accounts exist already"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Leaves with status 1 where real accounts exist."""
        analyses, users = options["analyses"], options["users"]
        if not 0 <= analyses <= MOST_ANALYSES or not 1 <= users <= MOST_USERS:
            raise CommandError(
                f"--analyses goes up to {MOST_ANALYSES:,} and --users from 1 to {MOST_USERS:,}."
            )
        if not analyses and not options["clear"]:
            raise CommandError("Say how many --analyses to make, or --clear.")
        if real_users().exists() and not options["i_know"]:
            raise CommandError(
                "People have accounts here, and made-up rows would stand among theirs in the panel "
                "and the figures. Use an installation of its own, or say --i-know."
            )
        if options["clear"]:
            self.stdout.write(f"{seed_clear(tell=self.stdout.write):,} made-up people deleted.")
        if analyses:
            made = load_seed(
                analyses=analyses, users=users, seed=options["seed"], tell=self.stdout.write
            )
            self.stdout.write(
                f"{made.analyses:,} analyses for {made.users:,} people in {made.seconds:.0f} s, "
                f"{made.analyses / made.seconds:,.0f} a second."
            )
