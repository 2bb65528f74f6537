"""Measure a model version on labelled images."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from detection import ml_gateway
from detection.management.champion import version_for_command
from detection.ml_gateway import GatewayError
from detection.services.signatures import version_verify
from detection.services.storage import StorageUnavailable


class Command(BaseCommand):
    """Prints the figures as lines or as one JSON object, like `python -m ml evaluate`."""

    help = "Measure a model version on a folder or zip with REAL/ and FAKE/ below it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take data, model and how much to measure."""
        parser.add_argument("--data", type=Path, required=True, metavar="DIR_OR_ZIP")
        parser.add_argument("--model", default="", metavar="NAME[:VERSION]")
        parser.add_argument("--tiers", action="store_true", help="also judge the images degraded")
        parser.add_argument(
            "--training-data",
            type=Path,
            metavar="DIR_OR_ZIP",
            help="also tell the figures without the images that are in here",
        )
        parser.add_argument("--plots", type=Path, metavar="DIR", help="draw the figures there")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Evaluate, with progress where somebody is watching."""
        version = version_for_command(options["model"])
        try:
            version_verify(version=version)
            record = ml_gateway.evaluate(
                version.directory,
                version.spec,
                options["data"],
                threads=settings.INFERENCE_THREADS,
                max_false_alarms=settings.MAX_FALSE_ALARMS,
                with_tiers=options["tiers"],
                training_data=options["training_data"],
                plots=options["plots"],
                progress=self.show_progress if sys.stderr.isatty() else None,
            )
        except (GatewayError, StorageUnavailable) as error:
            raise CommandError(f"{error.sentence} [{error.code}]") from error
        if options["json"]:
            record |= {"model": version.model.name, "version": version.number}
            self.stdout.write(json.dumps(record, indent=2))
            return
        self.stdout.write(f"{version.label} on {options['data']}")
        self.stdout.write(ml_gateway.evaluation_text(record))

    def show_progress(self, done: int, total: int) -> None:
        """Draw the progress over itself on one line of the terminal."""
        end = "\n" if done >= total else ""
        self.stderr.write(f"\r{done:>8,} of {total:,} images", style_func=str, ending=end)
        self.stderr.flush()
