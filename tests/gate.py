"""A door before a server: while it is shut, its port refuses connections, as an outage would.

For servers that keep everything in memory, and so cannot be stopped to see what an outage does.
"""

import selectors
import socket
import threading
from contextlib import suppress

PIECE = 1 << 16


class Gate:
    """Listens on a port and passes every byte on to another one, as long as it is open."""

    def __init__(self, target: tuple[str, int]) -> None:
        """`target` is the host and port of the server behind; the gate starts open."""
        self.target = target
        self.port = 0
        self._listener: socket.socket | None = None
        self._passing: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.open()

    def open(self) -> None:
        """Let connections through again, on the same port."""
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._listen, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        """Refuse connections, and break off those that there are."""
        if self._listener is None:
            return
        # Wakes up who waits in `accept`, which closing alone would not.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        with self._lock:
            for side in self._passing:
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)

    def _listen(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(near,), daemon=True).start()

    def _pass(self, near: socket.socket) -> None:
        """Carry bytes both ways until one side ends."""
        with suppress(OSError), near, socket.create_connection(self.target) as far:
            with self._lock:
                self._passing |= {near, far}
            try:
                with selectors.DefaultSelector() as waiting:
                    waiting.register(near, selectors.EVENT_READ, far)
                    waiting.register(far, selectors.EVENT_READ, near)
                    while all(self._carry(key) for key, _ in waiting.select()):
                        pass
            finally:
                with self._lock:
                    self._passing -= {near, far}

    @staticmethod
    def _carry(key: selectors.SelectorKey) -> bool:
        source, target = key.fileobj, key.data
        assert isinstance(source, socket.socket)
        piece = source.recv(PIECE)
        if piece:
            target.sendall(piece)
        return bool(piece)
