"""`manage.py doctor`: is anything lost, left over or stuck, and with `--repair` mended."""

import datetime as dt
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from detection.services.doctor.contract import Check, Damage, Look
from detection.services.doctor.examining import CHECKS, Finding, examine
from detection.services.doctor.files import GRACE
from detection.services.storage import StorageUnavailable

CLEAN, FOUND, COULD_NOT_LOOK = 0, 1, 2
SHOWN = 20
SEE = "see Mend in docs/operations.md"


class Command(BaseCommand):
    """Tells what is wrong; changes nothing unless it is asked to."""

    help = "Compare rows, files, queue and models, and say what is lost, left over or stuck."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to look at, and whether to mend it."""
        parser.add_argument("--repair", action="store_true", help="mend what can safely be mended")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument("--deep", action="store_true", help="read files whole; takes long")
        parser.add_argument(
            "--grace-seconds",
            type=int,
            default=int(GRACE.total_seconds()),
            metavar="N",
            help="what is younger is on its way and no damage (3600); less only while nothing runs",
        )
        parser.add_argument(
            "--check",
            action="append",
            choices=[check.name for check in CHECKS],
            help="only this one; may be given again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Leaves with 0 where nothing is wrong, 1 where something is, 2 where it cannot look."""
        if options["grace_seconds"] < 0:
            raise CommandError("--grace-seconds cannot be negative.", returncode=COULD_NOT_LOOK)
        self._is_json, self._shown = options["json"], 0
        look = Look(grace=dt.timedelta(seconds=options["grace_seconds"]), deep=options["deep"])
        wanted = options["check"] or [check.name for check in CHECKS]
        checks = [check for check in CHECKS if check.name in wanted]
        found = 0
        try:
            for finding in examine(
                look=look, checks=checks, repair=options["repair"], tell=self._damage
            ):
                self._finding(finding, is_repair=options["repair"])
                found += finding.count
        except StorageUnavailable as away:
            raise CommandError(str(away), returncode=COULD_NOT_LOOK) from away
        except DatabaseError as error:
            raise CommandError(
                f"The database cannot be asked: {error}.", returncode=COULD_NOT_LOOK
            ) from error
        except OSError as error:
            raise CommandError(
                f"It cannot be looked at: {error.strerror or error}.", returncode=COULD_NOT_LOOK
            ) from error
        if found:
            raise SystemExit(FOUND)
        if not self._is_json:
            self.stdout.write(f"Nothing is wrong ({len(checks)} checks).")

    def _damage(self, check: Check, damage: Damage) -> None:
        if self._is_json:
            told = {"check": check.name, "subject": damage.subject, "sentence": damage.sentence}
            self.stdout.write(json.dumps(told))
            return
        self._shown += 1
        if self._shown <= SHOWN:
            self.stdout.write(f"  {damage.subject}: {damage.sentence}")

    def _finding(self, finding: Finding, *, is_repair: bool) -> None:
        check = finding.check
        if self._is_json:
            told = {
                "check": check.name,
                "count": finding.count,
                "mendable": finding.mendable,
                "done": finding.done,
            }
            self.stdout.write(json.dumps(told))
        elif finding.count:
            if self._shown > SHOWN:
                self.stdout.write(f"  ... and {self._shown - SHOWN:,} more; --json tells all")
            self.stdout.write(f"{check.name}: {finding.count:,}. {check.means}")
            for sentence in finding.done:
                self.stdout.write(f"  mended: {sentence}")
            if finding.mendable and not is_repair:
                count = "" if finding.mendable == finding.count else f", {finding.mendable:,} here"
                self.stdout.write(f"  --repair mends what can be mended{count}")
            is_left = finding.mendable < finding.count or (is_repair and not finding.done)
            if is_left:
                self.stdout.write(f"  to be done by people: {check.left or SEE}")
        self._shown = 0
