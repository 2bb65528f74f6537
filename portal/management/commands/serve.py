"""Start the whole portal with one command and end it with one Ctrl-C: what `make run` calls."""

import http.client
import os
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from filelock import FileLock, Timeout

from portal.accounts import administrator_ensure
from portal.console import Console
from portal.environment import Environment
from portal.metrics import forget
from portal.supervisor import Program, Supervisor

CELERY = ("-m", "celery", "--quiet", "-A", "portal")
WORKER = (*CELERY, "worker", "--pool", "solo", "--loglevel", "INFO")
BEAT = (*CELERY, "beat", "--loglevel", "INFO")
# Celery's lines about being started by root would bury the administrator's password. What they
# warn of are pickled tasks; this portal takes JSON alone.
NO_ROOT_WARNING = "ignore:You're running the worker with superuser privileges"


class Command(BaseCommand):
    """Prepare database, model and administrator, then run web server, workers and beat."""

    help = "Start the whole portal: web server, workers and beat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--port` wins over the variable PORT."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, help="port to listen on (default: PORT, else 8000)")

    def handle(self, *args: Any, host: str, port: int | None, **options: Any) -> None:
        """Run until Ctrl-C; leaves with status 1 where a program would not stay up."""
        if port is None:
            port = Environment().number("PORT", default=8000, most=65535)
        require_free_port(host, port)
        lock = FileLock(settings.VAR_ROOT / "serve.lock")
        try:
            with lock.acquire(timeout=0):
                self.prepare()
                sys.exit(self.supervise(host, port))
        except KeyboardInterrupt:
            sys.exit(130)  # Before the programs were started; later the supervisor hears it.
        except Timeout:
            raise CommandError(
                f"Veripix already runs on the files in {settings.VAR_ROOT}: end it first."
            ) from None

    def prepare(self) -> None:
        """Bring database, models, static files and the administrator up to date."""
        forget()
        call_command("migrate", interactive=False, verbosity=0)
        call_command("register_models")
        call_command("collectstatic", interactive=False, verbosity=0)
        made = administrator_ensure()
        if made is not None:
            self.show_administrator(*made)

    def show_administrator(self, email: str, password: str) -> None:
        """Print the new administrator's password, this once, where nobody can miss it."""
        lines = [
            "An administrator was created. This password is shown only now:",
            "",
            f"    e-mail    {email}",
            f"    password  {password}",
        ]
        width = max(map(len, lines)) + 2
        frame = "+" + "-" * width + "+"
        box = [frame, *(f"| {line.ljust(width - 1)}|" for line in lines), frame]
        self.stdout.write("\n" + "\n".join(box) + "\n\n", ending="")
        self.stdout.flush()

    def supervise(self, host: str, port: int) -> int:
        """Run the programs until they are told to end; the exit status."""
        os.environ.setdefault("PYTHONWARNINGS", NO_ROOT_WARNING)
        wanted = programs(host, port)
        names = [program.name for program in wanted]
        supervisor = Supervisor(
            wanted,
            console=Console(sys.stdout, names),
            is_ready=lambda: answers_ready(host, port),
            on_ready=lambda: self.announce(port),
        )
        return supervisor.run()

    def announce(self, port: int) -> None:
        """Say where the portal is, once it answers."""
        line = f"Veripix is ready: http://localhost:{port}/   (Ctrl-C ends it)"
        self.stdout.write(f"\n{self.style.SUCCESS(line)}\n\n", ending="")
        self.stdout.flush()


def programs(host: str, port: int) -> list[Program]:
    """The eight programs of an installation, as compose.yaml runs them too."""
    python = sys.executable
    return [
        Program("web", [python, "-m", "gunicorn", "--bind", f"{host}:{port}"]),
        Program(
            "inference", [python, *WORKER, "--queues", "inference,upkeep", "-n", "inference@%h"]
        ),
        Program("faces", [python, *WORKER, "--queues", "faces", "-n", "faces@%h"]),
        Program("pictures", [python, *WORKER, "--queues", "pictures,upkeep", "-n", "pictures@%h"]),
        Program("errands", [python, *WORKER, "--queues", "errands", "-n", "errands@%h"]),
        Program("training", [python, *WORKER, "--queues", "training", "-n", "training@%h"]),
        Program("background", [python, *WORKER, "--queues", "background", "-n", "background@%h"]),
        Program("beat", [python, *BEAT]),
    ]


def require_free_port(host: str, port: int) -> None:
    """Raise CommandError, in one sentence, where nothing can listen on `port`."""
    with socket.socket() as probe:
        # As gunicorn does: connections of an earlier run that linger do not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} cannot be used ({error}): choose another one, "
                "for example `PORT=8001 make run`."
            ) from None


def answers_ready(host: str, port: int) -> bool:
    """Whether the portal's readiness check answers 200 by now."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        host_name = known_host(settings.ALLOWED_HOSTS)
        connection.request("GET", "/health/ready/", headers={"Host": host_name})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def known_host(allowed: Sequence[str]) -> str:
    """A name under which Django answers: the first of ALLOWED_HOSTS, a pattern without its star."""
    return allowed[0].lstrip(".*") or "localhost"
