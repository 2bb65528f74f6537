"""`manage.py restore`: a backup into an empty installation."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from detection.services.backup.contract import BackupFailed
from detection.services.backup.restoring import Restored, backup_restore
from detection.services.storage import StorageUnavailable


class Command(BaseCommand):
    """Puts rows, files, models and trust list back, and says what is left to do."""

    help = "Restore a backup into an empty installation."
    # The schema may not be there yet: that is what it makes.
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which one, and with what it is opened."""
        parser.add_argument("backup", type=Path, help="the file that `manage.py backup` wrote")
        parser.add_argument(
            "--identity", type=Path, metavar="FILE", help="private key of age, if it is encrypted"
        )
        parser.add_argument(
            "--keys-to", type=Path, metavar="FILE", help="write the keys in it to this new file"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Leaves with status 1 and without a row where it does not get to its end."""
        try:
            restored = backup_restore(
                path=options["backup"],
                identity=options["identity"],
                keys_to=options["keys_to"],
                tell=self.stdout.write,
            )
        except (BackupFailed, StorageUnavailable) as failed:
            raise CommandError(failed.sentence) from failed
        except OSError as error:
            reason = error.strerror or str(error)
            raise CommandError(
                f"{reason}. No row was stored; once that is seen to, begin anew."
            ) from error
        self._tell(restored)

    def _tell(self, restored: Restored) -> None:
        self.stdout.write(f"Restored: {restored.rows:,} rows and {restored.files:,} files.")
        if restored.deleted:
            self.stdout.write(
                f"{restored.deleted:,} images were deleted while the backup was made, and are gone."
            )
        if restored.missing:
            self.stdout.write(
                f"{len(restored.missing):,} files were missing before; `manage.py doctor` tells of "
                f"them: {', '.join(restored.missing[:3])}"
            )
        self.stdout.write("What is left to do:")
        if restored.unsigned:
            self.stdout.write(
                f"  {len(restored.unsigned)} model versions were signed with another key than this "
                "installation has. Set SECRET_KEY or MODEL_SIGNING_KEY as they were, or, if you "
                "trust the backup: manage.py register_models --sign-again"
            )
        if restored.audit_breaks:
            self.stdout.write(
                "  The audit was sealed with another SECRET_KEY, or changed. Set SECRET_KEY as it "
                "was, or put it into SECRET_KEY_FALLBACKS: manage.py audit --seal-again. Without "
                "it, if you trust the backup: manage.py audit --seal-again --accept-breaks"
            )
        self.stdout.write(
            "  manage.py audit --head DIGEST, with the last digest that the log told before the "
            "backup was made, shows that no event is missing at the end."
        )
        self.stdout.write(
            "  manage.py doctor, then start the portal. Everybody signs in once more; what people "
            "deleted after the backup is there again, and has to be deleted again."
        )
