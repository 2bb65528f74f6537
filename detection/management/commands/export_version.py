"""Write a model version as one file, for another installation."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection.management.champion import version_for_command
from detection.ml_gateway import GatewayError
from detection.services.version_files import version_export


class Command(BaseCommand):
    """Exports a version."""

    help = "Write a model version as one file, for `import_version` of another installation."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the version and the file."""
        parser.add_argument("version", metavar="NAME[:VERSION]")
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file whole or not at all; one that exists is left alone."""
        version, file = version_for_command(options["version"]), options["file"]
        try:
            with file.open("xb") as target:
                version_export(version=version, target=target)
        except FileExistsError as error:
            raise CommandError(f"{file} exists already.") from error
        except GatewayError as error:
            file.unlink()
            raise CommandError(error.sentence) from error
        except OSError as error:
            file.unlink(missing_ok=True)
            raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"Wrote {version.label} to {file}.")
