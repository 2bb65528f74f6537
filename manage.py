#!/usr/bin/env python
"""Veripix from the command line."""

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Run a management command; see `python manage.py help`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        # Whoever stops a command wants no traceback.
        sys.stderr.write("\nStopped.\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
