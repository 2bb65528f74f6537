"""Clears SQLite's log of what was deleted: until then, its file still holds the pages of before."""

import logging

from django.db import OperationalError, connection, transaction

log = logging.getLogger(__name__)

# Whoever reads at that moment keeps the log. Nobody's page waits long for that.
PATIENCE_MS = 200


def traces_clear_on_commit() -> None:
    """Clear the log once what is being deleted is committed; the next sweep does it once more."""
    # Robust: what was deleted is deleted, whatever becomes of this.
    transaction.on_commit(traces_clear, robust=True)


def traces_clear() -> bool:
    """Write SQLite's log into its database, where deleted rows are overwritten, and empty it.

    Returns:
        Whether nothing is left in a log. `False` where a reader or writer was in the way, and
        inside of a transaction.
    """
    if connection.vendor != "sqlite":
        return True
    if connection.in_atomic_block:
        return False
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        (before,) = cursor.fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            is_busy, *_ = cursor.fetchone()
        except OperationalError as error:
            log.info("the log of SQLite is cleared later: %s", error)
            return False
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {int(before)}")
    return not is_busy
