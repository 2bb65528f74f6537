"""How gunicorn serves the portal: one process, a few threads, so that one cache of code serves all.

gunicorn reads this file by its name from the folder it is started in; its own flags and
GUNICORN_CMD_ARGS come after and win.
"""

import os
from pathlib import Path

wsgi_app = "portal.wsgi:application"
# Threads that do not wait for ever for slow senders.
worker_class = "portal.web_worker.PatientWorker"
# Loaded before the fork, a wrong configuration ends gunicorn with its sentence; loaded by the
# worker, it would start workers for ever. Nothing in the portal opens a connection on import.
preload_app = True
# One process, or as many as WEB_CONCURRENCY says, which gunicorn reads itself.
threads = 8
# Longer than a slow upload's pauses: a thread that waits for bytes is not a hung process.
timeout = 60
graceful_timeout = 15
keepalive = 5
logger_class = "portal.web_log.WebLog"
# One more way in, in the home folder of whoever starts it, that nobody here needs.
control_socket_disable = True


def post_worker_init(worker: object) -> None:
    """Start a program that decodes, so that the first upload does not wait for it."""
    from detection.services.decoding import decoders

    decoders().start()


# A folder with `server.crt` and `server.key`: requests then come by TLS alone, from the proxy too.
if os.environ.get("WEB_TLS"):
    certfile = str(Path(os.environ["WEB_TLS"]) / "server.crt")
    keyfile = str(Path(os.environ["WEB_TLS"]) / "server.key")
