"""`manage.py backup`: rows, files and models of one moment in one file, and whether it is whole."""

import shutil
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from detection.services.backup.archive import recipients_read
from detection.services.backup.checking import backup_check
from detection.services.backup.contract import BackupFailed, Manifest
from detection.services.backup.making import backup_make, bytes_expected, new_file
from detection.services.installation import database_state
from detection.services.storage import StorageUnavailable

# Rows as text, compressed, take less than their pages in a database.
ROOM_OF_DATABASE = 0.5


class Command(BaseCommand):
    """Writes a backup while the portal runs, or verifies one."""

    help = "Write a backup of rows, files, models and trust list, or verify one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to, for whom, or which one to verify."""
        parser.add_argument(
            "target", nargs="?", help="a new file, a folder, or - for the standard output"
        )
        parser.add_argument(
            "--recipient",
            action="append",
            default=[],
            metavar="age1...",
            help="encrypt for this public key of age, one or more; default: BACKUP_RECIPIENT",
        )
        parser.add_argument(
            "--plain", action="store_true", help="do not encrypt, although BACKUP_RECIPIENT is set"
        )
        parser.add_argument(
            "--with-keys",
            action="store_true",
            help="put the keys of the installation into it too; only encrypted",
        )
        parser.add_argument("--verify", type=Path, metavar="FILE", help="read all of this backup")
        parser.add_argument(
            "--identity", type=Path, metavar="FILE", help="private key of age, for --verify"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Leaves with status 1, and with no half backup, where it does not get to its end."""
        try:
            if options["verify"]:
                self._verify(options["verify"], options["identity"])
            elif options["target"]:
                self._make(options)
            else:
                raise CommandError("Say where to, or which one to --verify.")
        except (BackupFailed, StorageUnavailable) as failed:
            raise CommandError(failed.sentence) from failed
        except OSError as error:
            reason = error.strerror or str(error)
            raise CommandError(f"The backup was not finished and is gone: {reason}.") from error

    def _make(self, options: dict[str, Any]) -> None:
        recipients = [] if options["plain"] else options["recipient"] or settings.BACKUP_RECIPIENTS
        recipients_read(recipients)
        if settings.MEDIA_KEYS and not recipients and not options["plain"]:
            raise CommandError(
                "This installation keeps its files encrypted, and they would lie open in the "
                "backup: name a --recipient, or say --plain."
            )
        began = time.monotonic()
        if options["target"] == "-":
            made = self._written(sys.stdout.buffer, recipients, options["with_keys"])
            sys.stdout.buffer.flush()
            place = "the standard output"
        else:
            path = _place(Path(options["target"]), is_encrypted=bool(recipients))
            _require_room(path)
            with new_file(path) as file:
                made = self._written(file, recipients, options["with_keys"])
            place = f"{path} ({path.stat().st_size:,} bytes)"
        rows = sum(made.rows.values())
        self._tell(
            f"{rows:,} rows and {made.files:,} files in {place}, {time.monotonic() - began:.0f} s."
        )
        if made.gone:
            self._tell(
                f"{made.gone:,} files were gone when their turn came: deleted meanwhile, or "
                "missing before; `manage.py doctor` tells which."
            )
        self._warn(recipients, with_keys=options["with_keys"])

    def _written(self, target: IO[bytes], recipients: list[str], with_keys: bool) -> Manifest:
        return backup_make(
            target=target, recipients=recipients, with_keys=with_keys, tell=self._tell
        )

    def _warn(self, recipients: list[str], *, with_keys: bool) -> None:
        if not recipients:
            self._tell(
                "NOT ENCRYPTED: whoever has this file has everybody's images. --recipient or "
                "BACKUP_RECIPIENT encrypts it."
            )
        if not with_keys:
            self._tell(
                "THE KEYS ARE NOT IN IT: keep SECRET_KEY (embedded: var/secret-key) and, where "
                "it is set, MODEL_SIGNING_KEY elsewhere. MEDIA_KEYS is not needed to restore."
            )

    def _verify(self, path: Path, identity: Path | None) -> None:
        checked = backup_check(path=path, identity=identity)
        manifest = checked.manifest
        self.stdout.write(
            f"{path} is whole: {sum(manifest.rows.values()):,} rows of {checked.about.made_at}, "
            f"{manifest.files:,} files of {manifest.file_bytes:,} bytes, made by Veripix "
            f"{checked.about.version} on {checked.about.engine}."
        )

    def _tell(self, sentence: str) -> None:
        # The standard output may be the backup itself.
        self.stderr.write(sentence, lambda text: text)


def _place(path: Path, *, is_encrypted: bool) -> Path:
    if not path.is_dir():
        return path
    name = f"veripix-{timezone.now():%Y%m%d-%H%M%S}.tar.gz"
    return path / (f"{name}.age" if is_encrypted else name)


def _require_room(path: Path) -> None:
    folder = path.parent
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}.")
    needed = bytes_expected() + int(ROOM_OF_DATABASE * database_state().byte_size)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise CommandError(
            f"The backup needs some {needed:,} bytes, and {folder} has {free:,} left."
        )
