"""gunicorn's own lines in the form of all others, those of its access log too."""

from typing import Any

from gunicorn.glogging import Logger

from portal.environment import Environment
from portal.logs import LOG_FORMATS, formatter


class WebLog(Logger):
    """gunicorn's logger with our formatter."""

    def setup(self, cfg: Any) -> None:
        """Make the handlers that gunicorn is asked for, and give them the form."""
        super().setup(cfg)
        form = Environment().choice("LOG_FORMAT", LOG_FORMATS, default=LOG_FORMATS[0])
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(formatter(form))
