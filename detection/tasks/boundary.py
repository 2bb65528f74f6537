"""The task boundary: whatever was not foreseen ends one piece of work, never its worker."""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


@contextmanager
def task_boundary(what: str, fail: Callable[[str], object]) -> Iterator[None]:
    """Catch everything, log it under a reference, and end the work with a sentence that has it.

    Args:
        what: The work, as the log names it.
        fail: Ends the work as failed (`internal`); gets the sentence that people read.
    """
    try:
        yield
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("%s failed, reference %s", what, reference)
        fail(f"Something went wrong that was not foreseen (reference {reference}).")
