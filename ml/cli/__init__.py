"""The science from a terminal: arguments in, results to stdout, progress to stderr."""

import argparse
from collections.abc import Sequence

from ml.cli import compiling, evaluating, explaining, faces, fitting, judging, search, training
from ml.cli.terminal import tell
from ml.errors import MlError

INTERRUPTED = 130  # what a shell answers for a program that Ctrl-C ended


def main(arguments: Sequence[str]) -> int:
    """Run one command; return its exit status, 1 after an error told in one sentence."""
    parser = argparse.ArgumentParser(prog="python -m ml", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    modules = training, compiling, search, faces, fitting, evaluating, judging, explaining
    for module in modules:
        module.add_commands(commands)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except MlError as error:
        tell(f"{error.code}: {error.sentence}")
        return 1
    except OSError as error:
        # A place that cannot be written or read; whatever else may fail has a code of its own.
        tell(f"file_error: {error.strerror or error}: {error.filename}.")
        return 1
    except KeyboardInterrupt:
        tell("interrupted")
        return INTERRUPTED
