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

SHOWN = (
    *("n", "accuracy", "precision", "recall", "f1", "roc_auc", "confusion", "ece"),
    *("coverage", "selective_accuracy", "images_per_second"),
)


class Command(BaseCommand):
    """Prints the figures as lines or as one JSON object."""

    help = "Measure a model version on a folder or zip with REAL/ and FAKE/ below it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take data and model."""
        parser.add_argument("--data", type=Path, required=True, metavar="DIR_OR_ZIP")
        parser.add_argument("--model", default="", metavar="NAME[:VERSION]")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Evaluate, with progress where somebody is watching."""
        version = version_for_command(options["model"])
        try:
            record = ml_gateway.evaluate(
                version.directory,
                version.spec,
                options["data"],
                threads=settings.INFERENCE_THREADS,
                progress=self.show_progress if sys.stderr.isatty() else None,
            )
        except GatewayError as error:
            raise CommandError(f"{error.sentence} [{error.code}]") from error
        if options["json"]:
            record |= {"model": version.model.name, "version": version.number}
            self.stdout.write(json.dumps(record, indent=2))
            return
        self.stdout.write(f"{version.label} on {options['data']}")
        for name in SHOWN:
            self.stdout.write(f"{name:>20}  {_shown(record[name])}")

    def show_progress(self, done: int, total: int) -> None:
        """Draw the progress over itself on one line of the terminal."""
        end = "\n" if done >= total else ""
        self.stderr.write(f"\r{done:>8,} of {total:,} images", style_func=str, ending=end)
        self.stderr.flush()


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {count}" for key, count in value.items())
    return f"{value:.4f}" if isinstance(value, float) else str(value)
