"""`manage.py audit`: is the record of acts whole? And hand it on, or seal it with a new key."""

import json
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection.models import AuditEvent
from detection.services.audit import ChainBroken, audit_seal_again, audit_verify

HINT = "If SECRET_KEY was changed, put the old one into SECRET_KEY_FALLBACKS and look again."


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

        parser.add_argument(
            "--accept-breaks",
            action="store_true",
            help="with --seal-again: although the chain does not hold; this is recorded",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked."""
        if options["export"]:
            try:
                self._export()
            except BrokenPipeError:
                # Whoever reads only the first lines ends it quietly, as other programs do; what
                # waits to be written goes nowhere. The signal for it is left alone: it would end
                # the whole process, whatever else runs in it.
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self.stdout.fileno())
                os.close(nowhere)
            return
        if options["seal_again"]:
            self._seal_again(accept_breaks=options["accept_breaks"])
            return
        report = audit_verify(head=options["head"])
        if not report.is_whole:
            raise CommandError("\n".join([*report.breaks, HINT]))
        self.stdout.write(f"{report.count} events, none changed or missing. Head: {report.head}")
        if report.unsealed:
            self.stdout.write(f"{report.unsealed} more wait for the next sweep to seal them.")

    def _seal_again(self, *, accept_breaks: bool) -> None:
        try:
            count = audit_seal_again(accept_breaks=accept_breaks)
        except ChainBroken as broken:
            told = "Nothing was sealed: first find out who changed what, or say --accept-breaks."
            raise CommandError("\n".join([*broken.report.breaks, told, HINT])) from None
        self.stdout.write(f"{count} events are sealed anew.")

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
        self.stdout.flush()
