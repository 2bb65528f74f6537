"""Signs of life from a thread, while something takes long that cannot be asked to give them."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connection

from detection.services.storage import StorageUnavailable

log = logging.getLogger(__name__)

BEAT_SECONDS = 15


@contextmanager
def beating(beat: Callable[[], object], *, what: str) -> Iterator[None]:
    """Call `beat` now and then until the end, whatever is done within.

    A large file or a slow storage is no dead worker, and the storage's client cannot be asked to
    say so between two of its parts.

    Args:
        beat: Gives one sign of life; one that fails is logged, and the next one is tried.
        what: Whose, for the log.
    """
    end = threading.Event()

    def run() -> None:
        while not end.wait(BEAT_SECONDS):
            try:
                beat()
            except (DatabaseError, StorageUnavailable) as error:
                log.warning("no sign of life of %s: %s", what, error)
            finally:
                connection.close()

    thread = threading.Thread(target=run, name=f"heartbeat of {what}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
