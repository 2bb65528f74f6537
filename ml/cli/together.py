"""Several processes on one piece of work, which they share through its folder."""

import argparse
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import wait

from ml.cli.interruption import interruptible
from ml.cli.terminal import tell
from ml.errors import MlError
from ml.quiet import import_tensorflow

ShouldStop = Callable[[], bool]
Work = Callable[[argparse.Namespace, ShouldStop], bool]

LOOK_SECONDS = 0.5
INTERRUPTED = 130  # as a shell tells of a program that Ctrl-C ended


def run_together(count: int, work: Work, options: argparse.Namespace) -> int:
    """Let `count` processes work; return 0 when one of them saw the work finished.

    A process that dies costs no more than what it was doing: the others do that again.

    Args:
        count: With 1 the work is done in this process.
        work: A function of a module, which the processes import; returns False after a stop.
        options: Handed to each.

    Returns:
        An exit status: 0, `INTERRUPTED` after a stop, 1 when every process failed.

    Raises:
        MlError: From the work, where it is done here; another process tells its own.
    """
    if count <= 1:
        with interruptible() as should_stop:
            return 0 if work(options, should_stop) else INTERRUPTED
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    arguments = (work, options, count, os.getpid())
    processes = [context.Process(target=_member, args=arguments, daemon=True) for _ in range(count)]
    with interruptible() as should_stop:
        for process in processes:
            process.start()
        told = False
        while alive := [process for process in processes if process.is_alive()]:
            wait([process.sentinel for process in alive], LOOK_SECONDS)
            if should_stop() and not told:
                told = True
                for process in alive:
                    process.terminate()
    codes = {process.exitcode for process in processes}
    if not codes & {0, 1, INTERRUPTED}:
        tell("Every process was killed. The same command goes on from there.")
    return next((code for code in (0, INTERRUPTED) if code in codes), 1)


def _member(work: Work, options: argparse.Namespace, count: int, parent: int) -> None:
    """Be one of `count` processes, with a fair share of the cores."""
    # The terminal's Ctrl-C goes to the parent alone, which asks each member once.
    os.setpgrp()
    with interruptible() as asked:
        import_tensorflow()
        import tensorflow as tf

        share = max(1, (os.cpu_count() or 1) // count)
        tf.config.threading.set_intra_op_parallelism_threads(share)
        tf.config.threading.set_inter_op_parallelism_threads(share)
        try:
            finished = work(options, lambda: asked() or os.getppid() != parent)
        except MlError as error:
            tell(f"{error.code}: {error.sentence}")
            raise SystemExit(1) from None
    raise SystemExit(0 if finished else INTERRUPTED)
