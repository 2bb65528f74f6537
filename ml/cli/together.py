"""Long commands: several processes at once, and a stop that keeps what was done."""

import argparse
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import FrameType

from ml.cli.terminal import tell
from ml.errors import MlError
from ml.quiet import import_tensorflow

ShouldStop = Callable[[], bool]
Work = Callable[[argparse.Namespace, ShouldStop], bool]

LOOK_SECONDS = 0.5


@contextmanager
def stoppable() -> Iterator[ShouldStop]:
    """Turn Ctrl-C and SIGTERM into a question that the work asks at safe places.

    A second Ctrl-C interrupts at once, as ever.
    """
    asked = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(number, previous[number])

    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in previous:
        signal.signal(number, note)
    try:
        yield lambda: asked
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def run_together(count: int, work: Work, options: argparse.Namespace) -> bool:
    """Let `count` processes work on one folder; return whether one of them saw it finished.

    Args:
        count: With 1 the work is done in this process.
        work: A function of a module, which the processes import; returns False after a stop.
        options: Handed to each.

    Raises:
        MlError: From the work, where it is done here; another process tells its own.
    """
    if count == 1:
        with stoppable() as should_stop:
            return work(options, should_stop)
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    processes = [context.Process(target=_work, args=(work, options, count)) for _ in range(count)]
    with stoppable() as should_stop:
        for process in processes:
            process.start()
        told = False
        while alive := [process.sentinel for process in processes if process.is_alive()]:
            wait(alive, LOOK_SECONDS)
            if should_stop() and not told:
                told = True
                for process in processes:
                    process.terminate()
    return any(process.exitcode == 0 for process in processes)


def _work(work: Work, options: argparse.Namespace, count: int) -> None:
    """Be one of `count` processes, with a fair share of the cores."""
    import_tensorflow()
    import tensorflow as tf

    share = max(1, (os.cpu_count() or 1) // count)
    tf.config.threading.set_intra_op_parallelism_threads(share)
    tf.config.threading.set_inter_op_parallelism_threads(share)
    try:
        with stoppable() as should_stop:
            finished = work(options, should_stop)
    except MlError as error:
        tell(f"{error.code}: {error.sentence}")
        finished = False
    raise SystemExit(0 if finished else 1)
