"""Encrypt all stored files with the first key of MEDIA_KEYS, or leave encryption again."""

import time
from argparse import ArgumentParser
from collections import Counter
from typing import Any, cast

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError

from detection.services.storage import StorageUnavailable
from portal.encrypted_storage import EncryptedStorage

# So often it is told how far it is.
TELL_SECONDS = 5.0


class Command(BaseCommand):
    """Go through all stored files, one at a time, while the portal runs."""

    help = (
        "Encrypt every stored file with the first key of MEDIA_KEYS: plain ones, and those of "
        "older keys. May be broken off and started again, and the portal may run meanwhile."
    )
    requires_system_checks: tuple[()] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Nothing is needed."""
        parser.add_argument("--dry-run", action="store_true", help="only tell what would be done")
        parser.add_argument(
            "--decrypt",
            action="store_true",
            help="leave encryption: make every file plain again; MEDIA_KEYS must begin with plain",
        )
        parser.add_argument("--new-key", action="store_true", help="print a new key, and end")

    def handle(
        self, *args: Any, dry_run: bool, decrypt: bool, new_key: bool, **options: Any
    ) -> None:
        """Run to the end; status 1 where files are left that no key opens."""
        from portal import encryption, rotation

        if new_key:
            self.stdout.write(encryption.new_key())
            return
        _check(decrypt=decrypt)
        counts: Counter[rotation.Outcome] = Counter()
        told_at = time.monotonic()
        storage = cast("EncryptedStorage", default_storage)
        try:
            for counts in rotation.rotate(storage, is_trial=dry_run):
                if time.monotonic() - told_at > TELL_SECONDS:
                    told_at = time.monotonic()
                    self.stdout.write(f"{_told(counts)} …")
                    self.stdout.flush()
        except BlockingIOError:
            raise CommandError("Another process goes through the files at this moment.") from None
        except StorageUnavailable as error:
            raise CommandError(f"{error} After {_told(counts)}; start it again.") from None
        if dry_run:
            self.stdout.write(f"Nothing was changed. {_told(counts, is_trial=True)}.")
        else:
            self.stdout.write(f"{_told(counts)}.")
        if counts[rotation.Outcome.UNREADABLE]:
            raise CommandError("Some files are damaged, or need a key that is not in MEDIA_KEYS.")


def _check(*, decrypt: bool) -> None:
    keys = settings.MEDIA_KEYS
    if keys is None:
        raise CommandError("MEDIA_KEYS is not set: there is no key to encrypt with, or to decrypt.")
    if decrypt and keys.encrypts:
        raise CommandError(
            "New files are still encrypted: put the word plain before the keys in MEDIA_KEYS, "
            "start all processes again, and then this."
        )
    if not decrypt and not keys.encrypts:
        raise CommandError("MEDIA_KEYS begins with plain: say --decrypt to make all files plain.")


def _told(counts: "Counter[Any]", *, is_trial: bool = False) -> str:
    parts = [
        f"{count:,} {'would be ' if is_trial and outcome.is_change else ''}{outcome}"
        for outcome, count in counts.most_common()
        if count
    ]
    return f"{sum(counts.values()):,} files" + (f": {', '.join(parts)}" if parts else "")
