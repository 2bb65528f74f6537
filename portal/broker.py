"""Celery's file-system transport, made safe against a reader that is faster than the writer."""

import os
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from filelock import FileLock
from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils import json


class Channel(filesystem.Channel):
    """Messages and routes appear whole or not at all, messages in the order they were sent.

    kombu's own channel writes into both kinds of file under their final names. So a worker may
    take a message away while it is still empty, and lose it; and a sender may find the table of
    routes empty while another process binds its queue. It also names messages by a clock that
    starts again with the machine, and lets a thread believe that its queue is bound while another
    one is still about to write that down: what it sends then goes nowhere.
    """

    _binding = threading.RLock()

    def queue_bind(self, *args: Any, **kwargs: Any) -> None:
        """Bind a queue; of several threads the others wait until it is on disk."""
        with self._binding:
            super().queue_bind(*args, **kwargs)

    def _put(self, queue: str, message: dict[str, Any], **kwargs: object) -> None:
        name = f"{time.time_ns():020d}_{uuid.uuid4()}.{queue}.msg"
        _write_whole(Path(self.data_folder_out) / name, json.dumps(message))

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        table = self._exchange_file(exchange)
        self.control_folder.mkdir(exist_ok=True)
        route = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with FileLock(f"{table}.lock"):
            routes = self.get_table(exchange)
            if route not in routes:
                _write_whole(table, json.dumps([route, *routes]))


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is never seen in part.

    Raises:
        ChannelError: When the folder does not take it.
    """
    draft = path.with_name(f"{uuid.uuid4()}.draft")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.rename(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        reason = os.strerror(error.errno or 0)
        raise ChannelError(f"A task cannot be written to {path.parent}: {reason}") from error


class Transport(filesystem.Transport):
    """The file-system transport with the safe channel."""

    Channel = Channel


def install() -> None:
    """Make `filesystem://` mean this transport in this process."""
    TRANSPORT_ALIASES["filesystem"] = "portal.broker:Transport"
