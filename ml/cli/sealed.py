"""The test images that a command names: refused, before any work, where they are trained on."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from ml import datasets, splits
from ml.cli.terminal import tell


def add_test(command: argparse.ArgumentParser, *, required: bool = False, use: str = "") -> None:
    """Add `--test`, and the share of it that may be training images too."""
    command.add_argument(
        "--test",
        type=Path,
        required=required,
        help=f"folder or zip of test images{use}; refused where they are trained on",
    )
    command.add_argument(
        "--tolerated-copies",
        type=float,
        default=0.0,
        help="share of the test images that may be training images too (CIFAKE has .0189)",
    )


def check_test(options: argparse.Namespace, training_hashes: Iterable[str]) -> None:
    """Refuse a `--test` that overlaps the training images by more than is tolerated.

    Raises:
        DatasetError: `test_overlaps_training`, and as `ml.datasets.hashes`.
    """
    if options.test is None:
        return
    test = tuple(datasets.hashes(options.test))
    copies = splits.check_apart(training_hashes, test, tolerated=options.tolerated_copies)
    if copies:
        tell(f"{len(copies)} images are both in the training data and in {options.test.name}")
