"""Ctrl-C and SIGTERM ask a long piece of work to end in good order; a second one does not ask."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ml.cli.terminal import tell

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Give a `should_stop` that says yes from the first signal on."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        tell(f"{signal.Signals(number).name}: ending after this step; once more ends it at once")
        restore()

    def restore() -> None:
        for each, handler in before.items():
            signal.signal(each, handler)

    before = {each: signal.getsignal(each) for each in SIGNALS}
    for each in SIGNALS:
        signal.signal(each, note)
    try:
        yield lambda: bool(received)
    finally:
        restore()
