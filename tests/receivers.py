"""A small server of the tests' own, to be fetched from and to be told of events, good or bad."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from typing import Any

Answering = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request; the server's `answer` deals with it."""

    server: "Receiver"
    protocol_version = "HTTP/1.1"
    body: bytes = b""

    def do_GET(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.close_connection = True
        self.server.seen.append(self)
        self.server.answer(self)

    do_POST = do_GET  # noqa: N815 - as the base looks for it

    def give(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer with a whole body; underscores in the names of headers stand for hyphens."""
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def hang(self) -> None:
        """Say nothing until the receiver is stopped."""
        self.server.stopping.wait()

    def drip(self, piece: bytes) -> None:
        """Send the same piece again and again until the other side has had enough."""
        while not self.server.stopping.wait(0.02):
            self.wfile.write(piece)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base has it
        """Keep quiet."""


class Receiver(ThreadingHTTPServer):
    """A server on loopback; `answer` may be changed while it runs.

    Attributes:
        seen: All requests so far.
        stopping: Set when it is to end, for those that hang.
    """

    daemon_threads = True

    def __init__(self, answer: Answering, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Request)
        self.answer = answer
        self.seen: list[Request] = []
        self.stopping = threading.Event()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server_port

    def url(self, path: str = "/", *, scheme: str = "http", host: str = "127.0.0.1") -> str:
        """Its address."""
        return f"{scheme}://{host}:{self.port}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """That the other side hangs up is what some tests are about."""


@contextmanager
def receiving(
    answer: Answering, *, port: int = 0, tls: SSLContext | None = None
) -> Iterator[Receiver]:
    """A receiver for as long as it is needed."""
    server = Receiver(answer, port)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
