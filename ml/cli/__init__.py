"""The command line of the science: arguments in, results to stdout, progress to stderr."""

import argparse
import os
import sys
from collections.abc import Sequence

from ml.cli import training
from ml.errors import MlError


def main(arguments: Sequence[str]) -> int:
    """Run one command; return 0, or 1 after an error told in one sentence on stderr."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    parser = argparse.ArgumentParser(prog="python -m ml", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (training,):
        module.add_commands(commands)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except MlError as error:
        print(f"{error.code}: {error.sentence}", file=sys.stderr)
        return 1
