"""The science from a terminal: `python -m ml train|search|evaluate|predict|explain|...`."""

import sys

from ml.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
