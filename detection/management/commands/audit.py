"""`manage.py audit`: is the record of acts whole? And hand it on, or seal it with a new key."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection.models import AuditEvent
from detection.services.audit import audit_seal, audit_seal_again, audit_verify


class Command(BaseCommand):
    """Goes along the chain of events and says whether it holds; status 1 where it does not."""

    help = "Check that no event of the audit was changed, put in or left out."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is to be done beside checking."""
        parser.add_argument(
            "--head", default="", help="a digest from the log, which must be in the chain still"
        )
        parser.add_argument(
            "--export", action="store_true", help="print all events, one JSON object a line"
        )
        parser.add_argument(
            "--seal-again",
            action="store_true",
            help="chain all events anew, after SECRET_KEY changed",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked."""
        if options["export"]:
            self._export()
            return
        if options["seal_again"]:
            self.stdout.write(f"{audit_seal_again()} events are sealed anew.")
            return
        while audit_seal():
            pass
        report = audit_verify(head=options["head"])
        if not report.is_whole:
            hint = "If SECRET_KEY is another one than before, see --seal-again."
            raise CommandError("\n".join([*report.breaks, hint]))
        self.stdout.write(f"{report.count} events, none changed or missing. Head: {report.head}")

    def _export(self) -> None:
        for event in AuditEvent.objects.order_by("pk").iterator(chunk_size=1000):
            line = {
                "number": event.number,
                "at": event.created_at.isoformat(),
                "who": event.user_email,
                "action": event.action,
                "subject": event.subject,
                "details": event.details,
                "digest": event.digest,
            }
            self.stdout.write(json.dumps(line, ensure_ascii=False, sort_keys=True))
