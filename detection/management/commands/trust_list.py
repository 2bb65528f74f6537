"""`manage.py trust_list`: who is trusted to vouch for signers of Content Credentials."""

import datetime as dt
import io
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from detection.fetching import FetchFailed, fetch
from detection.provenance.trust_list import (
    MOST_BYTES,
    OFFICIAL,
    Anchor,
    TrustListRefused,
    anchors,
    install,
)
from detection.services.shared_trust import trust_list_publish
from detection.services.storage import StorageUnavailable


class Command(BaseCommand):
    """Shows the list, or puts another one in its place; nothing is fetched unless asked for."""

    help = "Show, fetch or install the list of those who vouch for signers of Content Credentials."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--fetch` or `--from FILE`, or nothing."""
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--fetch", action="store_true", help="fetch the official list from its public home"
        )
        source.add_argument("--from", dest="file", type=Path, help="install the list in this file")
        parser.add_argument("--url", default=OFFICIAL, help="another address for --fetch")

    def handle(self, *args: Any, **options: Any) -> None:
        """Leaves with status 1, and with the list as it was, where it does not get there."""
        path: Path = settings.C2PA_TRUST_LIST
        if options["fetch"]:
            pem = self._fetched(options["url"])
            self._tell(self._installed(pem, path, options["url"]), path)
        elif options["file"]:
            pem = self._read(options["file"])
            self._tell(self._installed(pem, path, str(options["file"])), path)
        elif path.is_file():
            try:
                self._tell(anchors(self._read(path)), path)
            except TrustListRefused as refused:
                raise CommandError(f"{path} is no trust list. {refused.sentence}") from None
        else:
            self.stdout.write(
                f"No trust list is installed at {path}: every signer is unknown.\n"
                "manage.py trust_list --fetch installs the official list; where there is no "
                f"network, fetch {OFFICIAL} elsewhere and give it to --from."
            )

    def _fetched(self, url: str) -> bytes:
        target = io.BytesIO()
        try:
            fetch(url, target, most_bytes=MOST_BYTES, progress=lambda there, total: None)
        except FetchFailed as failed:
            raise CommandError(
                f"The trust list was not fetched; nothing was changed. {failed.sentence} "
                "That is: manage.py trust_list --from FILE"
            ) from None
        return target.getvalue()

    def _read(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(MOST_BYTES + 1)
        except OSError as error:
            raise CommandError(f"{path} cannot be read ({error.strerror}).") from None

    def _installed(self, pem: bytes, path: Path, source: str) -> list[Anchor]:
        try:
            found = install(pem, path)
            if trust_list_publish():
                self.stdout.write("Put into the storage: other machines take it up by themselves.")
        except TrustListRefused as refused:
            raise CommandError(
                f"{source} was not installed; nothing was changed. {refused.sentence}"
            ) from None
        except StorageUnavailable as away:
            raise CommandError(
                f"The list is installed on this machine and on no other. {away.sentence}"
            ) from away
        except OSError as error:
            raise CommandError(
                f"The list cannot be written to {path} ({error.strerror}). C2PA_TRUST_LIST names "
                "another place."
            ) from None
        return found

    def _tell(self, found: list[Anchor], path: Path) -> None:
        now = dt.datetime.now(dt.UTC)
        self.stdout.write(f"{len(found)} certificate{'s'[: len(found) != 1]} in {path}")
        for anchor in found:
            whose = " · ".join(filter(None, (anchor.name, anchor.organisation))) or "without a name"
            state = "ended on" if anchor.ends < now else "until"
            self.stdout.write(f"  {whose}, {state} {anchor.ends:%Y-%m-%d}")
