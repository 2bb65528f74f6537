"""Take in a model version that another installation has exported."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection.services.version_files import ImportRefused, version_import


class Command(BaseCommand):
    """Imports a version."""

    help = "Take in a model version that `export_version` of another installation has written."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file."""
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Register the version; a person promotes it."""
        file = options["file"]
        try:
            with file.open("rb") as source:
                version = version_import(source=source)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except ImportRefused as refused:
            raise CommandError(refused.sentence) from refused
        self.stdout.write(f"Registered {version.label}. It waits for its promotion.")
