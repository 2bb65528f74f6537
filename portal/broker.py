"""Celery's file-system transport, made safe against a reader that is faster than the writer."""

import os
import time
import uuid
from pathlib import Path
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils import json


class Channel(filesystem.Channel):
    """Messages appear whole or not at all, and in the order in which they were sent.

    kombu's own channel writes into the file under its final name, so a worker may take it away
    still empty and lose it, and names files by a clock that starts again with the machine.
    """

    def _put(self, queue: str, message: dict[str, Any], **kwargs: object) -> None:
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns():020d}_{uuid.uuid4()}"
        draft = folder / f"{name}.draft"
        try:
            draft.write_text(json.dumps(message), encoding="utf-8")
            draft.rename(folder / f"{name}.{queue}.msg")
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise ChannelError(
                f"A task cannot be written to {folder}: {os.strerror(error.errno or 0)}"
            ) from error


class Transport(filesystem.Transport):
    """The file-system transport with the safe channel."""

    Channel = Channel


def install() -> None:
    """Make `filesystem://` mean this transport in this process."""
    TRANSPORT_ALIASES["filesystem"] = "portal.broker:Transport"
