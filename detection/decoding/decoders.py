"""Starts the programs that decode, hands them files, and ends one that a file has harmed."""

import io
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from detection.decoding.wire import (
    MOST_INLINE,
    READY,
    Decoded,
    Garbled,
    Task,
    request_of,
    result_from,
)
from detection.image_files import CHUNK, ImageRejected

log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
PROGRAM = "detection.decoding.child"
# No variable of ours goes along. One thread each for arithmetic that is tiny, and one arena: every
# further one takes from the memory that it may address.
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
# Loading Python and the decoders takes 0.3 s, more on a cold or busy machine.
START_SECONDS = 30.0
# A program is renewed after so many files, or once it holds so much memory between two.
MOST_FILES = 2000
MOST_KEPT_MEGABYTES = 300
LOOK_EVERY = 16
PIECE = 1 << 18
ON_DISK = (io.FileIO, io.BufferedReader, io.BufferedRandom)
LARGE_PIXELS = 2_000_000
# What else than the codes of `image_files.inspect` a file is refused for.
CODES = ("undecodable", "decoding_too_slow")
PAGE = os.sysconf("SC_PAGE_SIZE")
# On a busy machine a file may take so many times the seconds, as long as it got less than half of
# them from a processor.
LONGEST = 3


@dataclass(frozen=True, slots=True)
class Terms:
    """What decoding may take: memory that a program may address, and seconds for a file."""

    megabytes: int
    seconds: float


class DecoderAway(Exception):
    """No program that decodes can be started, which is no fault of a file's."""


class _Gone(Exception):
    """The program ended before it was given anything."""


class Decoders:
    """Some programs that decode, started when they are needed and handed out in turn."""

    def __init__(self, terms: Terms, *, count: int = 2) -> None:
        self.terms = terms
        self._lock = threading.Lock()
        self._free: list[_Program | None] = [None] * count
        self._waiting: deque[SimpleQueue[_Program | None]] = deque()

    def decode(self, stream: IO[bytes], task: Task) -> Decoded:
        """Have a file decoded apart.

        Args:
            stream: Seekable. A file on the disk is handed on as it is, any other is copied into
                memory of its own; it is left at an unspecified place.
            task: What is wanted.

        Raises:
            ImageRejected: With the codes of `image_files.inspect` and with `CODES`.
            DecoderAway: No program could be started.
        """
        with _handed(stream, task.limits.max_bytes) as file:
            program, kept = self._take(), None
            try:
                program = self._running(program)
                result = _asked(program, file, task, self.terms.seconds)
                kept = program
            except _Gone:
                # It ended while it was idle: that was not this file.
                _end(program)
                program = self._running(None)
                result = _asked(program, file, task, self.terms.seconds)
                kept = program
            finally:
                if kept is None:
                    _end(program)
                self._give(_renewed(kept, result) if kept else None)
        if isinstance(result, ImageRejected):
            raise result
        return result

    def start(self) -> None:
        """Start one program now, so that the first file does not wait for it."""
        program = self._take()
        with suppress(OSError):
            program = program or _Program(self.terms)
        self._give(program)

    def close(self) -> None:
        """End the programs that are idle; they are started again when they are needed."""
        with self._lock:
            idle, self._free = self._free, [None] * len(self._free)
        for program in idle:
            _end(program)

    def _take(self) -> "_Program | None":
        """Return a program, or the right to start one; who came first gets the first."""
        with self._lock:
            if self._free:
                return self._free.pop()
            turn: SimpleQueue[_Program | None] = SimpleQueue()
            self._waiting.append(turn)
        return turn.get()

    def _give(self, program: "_Program | None") -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().put(program)
            elif program is None:
                self._free.insert(0, None)
            else:
                self._free.append(program)

    def _running(self, program: "_Program | None") -> "_Program":
        """Return a program that is ready, this one or a new one."""
        if program is not None and program.process.poll() is None:
            return program
        _end(program)
        try:
            return _Program(self.terms)
        except OSError as error:
            raise DecoderAway(f"it could not be started: {error}") from None


class _Program:
    """One running program, and our end of the socket to it."""

    def __init__(self, terms: Terms) -> None:
        self.channel, theirs = socket.socketpair()
        self.files = 0
        self.is_ready = False
        # As much as has come: a small answer comes whole, in one call.
        self._received = bytearray()
        with theirs:
            try:
                self.process = subprocess.Popen(
                    [
                        *(sys.executable, "-s", "-B", "-m", PROGRAM),
                        *(str(terms.megabytes), str(LONGEST * terms.seconds + 1)),
                    ],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=ROOT,
                    env=ENVIRONMENT,
                    # Ctrl-C is for us; when we end, the socket's end tells it.
                    start_new_session=True,
                )
            except OSError:
                self.channel.close()
                raise

    def send(self, task: Task, file: bytes | int) -> None:
        """Hand a file over, its bytes or a descriptor; raises `_Gone`."""
        try:
            if isinstance(file, bytes):
                self.channel.sendall(request_of(task, len(file)) + file)
            else:
                socket.send_fds(self.channel, [request_of(task, 0)], [file])
        except OSError:
            raise _Gone from None

    def receive(self, size: int, patience: "_Patience") -> bytes:
        """Return exactly so many bytes of its answer; raises `Garbled` or `OSError`."""
        while len(self._received) < size:
            self.channel.settimeout(patience.left())
            try:
                piece = self.channel.recv(PIECE)
            except TimeoutError:
                continue
            if not piece:
                raise Garbled
            self._received += piece
        content = bytes(self._received[:size])
        del self._received[:size]
        return content

    @property
    def is_silent(self) -> bool:
        """Whether it has said nothing beyond what it was asked."""
        return not self._received

    def processor_seconds(self) -> float:
        """How long it has computed in its life; as the kernel says, not as the program does."""
        try:
            # Linux has a clock for each process, whose number is made of the process's own.
            return time.clock_gettime(~self.process.pid << 3 | 2)
        except OSError:
            return 0.0

    def megabytes(self) -> float:
        """How much memory it holds."""
        try:
            pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0.0
        return int(pages) * PAGE / 1e6


class _Patience:
    """How long an answer may take: on a machine that gives it no turn, a few times as long."""

    def __init__(self, program: _Program, seconds: float) -> None:
        self._program = program
        self._seconds = seconds
        self._began = time.monotonic()
        self._before = program.processor_seconds()

    def left(self) -> float:
        """Return the seconds until it is to be asked again; raises `TimeoutError` at the end."""
        passed = time.monotonic() - self._began
        if passed < self._seconds:
            return self._seconds - passed
        spent = self._program.processor_seconds() - self._before
        if spent >= self._seconds / 2 or passed >= LONGEST * self._seconds:
            raise TimeoutError
        return min(0.5, LONGEST * self._seconds - passed)


def _asked(
    program: _Program, file: bytes | int, task: Task, seconds: float
) -> Decoded | ImageRejected:
    """Hand a file to a program and return what it says, whatever happens to it meanwhile."""
    if not program.is_ready:
        _ready_await(program)
    patience = _Patience(program, seconds)
    program.send(task, file)
    size = len(file) if isinstance(file, bytes) else os.fstat(file).st_size
    try:
        result = result_from(lambda most: program.receive(most, patience), task, byte_size=size)
        if not program.is_silent:
            raise Garbled
    except TimeoutError:
        log.warning("decoding took longer than %g s and was stopped", seconds)
        raise ImageRejected(
            "decoding_too_slow",
            f"Reading the image takes longer than {seconds:g} seconds, so it was stopped.",
        ) from None
    except (Garbled, OSError) as error:
        log.warning("the program that decodes %s", _ending(program, error))
        raise ImageRejected(
            "undecodable", "The program that reads images fell over this file."
        ) from None
    return result


def _ready_await(program: _Program) -> None:
    try:
        is_ready = program.receive(1, _Patience(program, START_SECONDS)) == READY
    except (Garbled, OSError):
        is_ready = False
    if not is_ready:
        raise DecoderAway("it did not start; is DECODER_MEGABYTES enough?")
    program.is_ready = True


def _ending(program: _Program, error: Exception) -> str:
    """Return how a program ended, for the log."""
    with suppress(subprocess.TimeoutExpired):
        status = program.process.wait(0.5)
        return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended: {status}"
    return f"gave no sound answer ({type(error).__name__})"


def _end(program: _Program | None) -> None:
    if program is not None:
        program.channel.close()
        program.process.kill()
        program.process.wait()


def _renewed(program: _Program, result: Decoded | ImageRejected) -> _Program | None:
    """Return the program, or nothing where a new one is better."""
    program.files += 1
    is_large = isinstance(result, ImageRejected) or result.width * result.height > LARGE_PIXELS
    if program.files >= MOST_FILES or (
        (is_large or program.files % LOOK_EVERY == 0) and program.megabytes() > MOST_KEPT_MEGABYTES
    ):
        _end(program)
        return None
    return program


@contextmanager
def _handed(stream: IO[bytes], max_bytes: int) -> Iterator[bytes | int]:
    """Yield a small file's bytes, or a descriptor: of a file on the disk, or of a copy."""
    stream.seek(0)
    file = _reopened(stream)
    if file is None:
        head = stream.read(MOST_INLINE + 1)
        if len(head) <= MOST_INLINE:
            yield head
            return
        file = _copied(head, stream, max_bytes)
    try:
        yield file
    finally:
        os.close(file)


def _reopened(stream: Any) -> int | None:
    """Return the file on the disk behind a stream, opened anew to be read alone, if there is one.

    Opened anew, so that neither side moves the other's place in it. Only what is on the disk
    already: a spooled file would be written there by being asked for its number.
    """
    while not isinstance(stream, ON_DISK) and hasattr(stream, "file"):
        stream = stream.file
    if not isinstance(stream, ON_DISK):
        return None
    try:
        file = os.open(f"/proc/self/fd/{stream.fileno()}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    return None


def _copied(head: bytes, stream: IO[bytes], max_bytes: int) -> int:
    """Return a copy of it in memory; of a file that is too large, as much as shows it."""
    try:
        file = os.memfd_create("image", os.MFD_CLOEXEC)
    except OSError as error:
        raise DecoderAway(f"no memory for a file: {error}") from None
    left = max_bytes + 1 - len(head)
    try:
        _write(file, head)
        while left > 0 and (chunk := stream.read(min(CHUNK, left))):
            left -= len(chunk)
            _write(file, chunk)
    except BaseException:
        os.close(file)
        raise
    return file


def _write(file: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    try:
        while view:
            view = view[os.write(file, view) :]
    except OSError as error:
        raise DecoderAway(f"no memory for a file: {error}") from None
