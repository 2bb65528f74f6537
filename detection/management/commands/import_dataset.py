"""`manage.py import_dataset`: bring a folder or zip of labelled images into a dataset."""

import os
import socket
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from detection.fetching import FetchFailed, fetch
from detection.management.keys import keys_needed
from detection.models import Dataset, DatasetImport, Label, Role, Work
from detection.services.datasets import dataset_create
from detection.services.import_requests import import_cancel, import_request
from detection.services.imports import import_run

SHOWN_REFUSALS = 10


class Command(BaseCommand):
    """Imports here and now, with progress; the dataset is made if there is none of the name."""

    help = "Import labelled images from a folder or zip with folders REAL and FAKE."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """NAME, and a PATH or `--url`."""
        parser.add_argument("name", help="the dataset, made if there is none of this name")
        parser.add_argument("path", nargs="?", type=Path, help="a folder or a zip")
        parser.add_argument("--url", help="fetch a zip over https instead")
        parser.add_argument(
            "--role", choices=Role.values, help="what a new dataset is for (default: training)"
        )
        parser.add_argument("--source", default="", help="site, collection or camera")
        parser.add_argument(
            "--label", choices=Label.values, default="", help="what all of them are"
        )
        parser.add_argument(
            "--unreviewed", action="store_true", help="let each label wait for a review"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Import to the end; leaves with status 1 where it does not get there."""
        if (options["path"] is None) == (options["url"] is None):
            raise CommandError("Give either a PATH or --url.")
        with self._place(options) as path:
            if not path.exists():
                raise CommandError(f"There is nothing at {path}.")
            self._import(self._dataset(options), path, options)

    def _dataset(self, options: dict[str, Any]) -> Dataset:
        """Return the dataset of this name.

        Raises:
            CommandError: When it is there with another role.
        """
        dataset = Dataset.objects.filter(name=options["name"]).first()
        role = options["role"]
        if dataset is None:
            return dataset_create(user=None, name=options["name"], role=role or Role.TRAINING)
        if role and dataset.role != role:
            raise CommandError(f"{dataset} is there already, as {dataset.get_role_display()}.")
        return dataset

    @contextmanager
    def _place(self, options: dict[str, Any]) -> Iterator[Path]:
        if options["path"] is not None:
            yield options["path"].absolute()
            return
        with tempfile.NamedTemporaryFile(suffix=".zip") as target:
            try:
                fetch(
                    options["url"],
                    target,  # type: ignore[arg-type] # a binary file in all but name
                    most_bytes=settings.IMPORT_MAX_UNPACKED_BYTES,
                    progress=self._show_fetched,
                )
            except FetchFailed as failed:
                raise CommandError(failed.sentence) from None
            target.flush()
            self._line_end()
            yield Path(target.name)

    def _import(self, dataset: Dataset, path: Path, options: dict[str, Any]) -> None:
        keys_needed()
        job = import_request(
            dataset=dataset,
            user=None,
            path=str(path),
            label=options["label"],
            source=options["source"],
            is_reviewed=not options["unreviewed"],
            is_run_here=True,
        )
        self._began = time.monotonic()
        worker = f"import_dataset@{socket.gethostname()}:{os.getpid()}"
        try:
            import_run(import_id=job.pk, worker=worker, progress=self._show)
        except KeyboardInterrupt:
            import_cancel(job=job, user=None)
        job.refresh_from_db()
        self._line_end()
        self._tell(job)

    def _show(self, job: DatasetImport) -> None:
        """Rewrite one line on a terminal; elsewhere say nothing until the end."""
        if self.stdout.isatty():
            rate = job.done / max(time.monotonic() - self._began, 1e-3)
            line = f"{job.done:,} of {job.total:,} ({job.percent} %), {rate:,.0f} images/s"
            self.stdout.write(f"\r\033[K{line}", ending="")
            self.stdout.flush()

    def _show_fetched(self, there: int, total: int) -> None:
        if self.stdout.isatty():
            of = f" of {total / 1e6:,.0f}" if total else ""
            self.stdout.write(f"\r\033[K{there / 1e6:,.0f}{of} MB fetched", ending="")
            self.stdout.flush()

    def _line_end(self) -> None:
        if self.stdout.isatty():
            self.stdout.write("")

    def _tell(self, job: DatasetImport) -> None:
        for refusal in job.refusals[:SHOWN_REFUSALS]:
            self.stderr.write(f"{refusal['file']}: {refusal['sentence']}")
        if job.refused > SHOWN_REFUSALS:
            self.stderr.write(f"... and {job.refused - SHOWN_REFUSALS} more.")
        counts = f"{job.added:,} added, {job.copies:,} copies, {job.refused:,} refused"
        if job.state != Work.FINISHED:
            reason = job.error_sentence or f"It is {job.get_state_display().lower()} by now."
            raise CommandError(f"{job.dataset}: {reason} ({counts})")
        self.stdout.write(f"{job.dataset}: {counts}.")
