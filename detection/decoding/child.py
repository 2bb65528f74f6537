"""The program that decodes: it runs apart, knows no secret, and reads one file after the other.

`decoders.py` starts it with a socket as standard input, from which each request comes with an open
file. Whatever a file does to it, the process that started it goes on.
"""

import io
import os
import resource
import signal
import socket
import sys
from importlib import import_module
from typing import BinaryIO

from PIL import Image

from detection.decoding import pictures
from detection.decoding.confinement import confine
from detection.decoding.wire import (
    READY,
    REQUEST,
    Decoded,
    Task,
    Work,
    answer_of,
    task_of,
)
from detection.image_files import DECODERS, ImageRejected, Limits

MEGABYTE = 1_000_000
# What Pillow imports inside of its functions.
LATE = (
    *("ImageChops", "ImageCms", "ImageColor", "ImageFilter", "ImagePalette", "ImageSequence"),
    *("ExifTags", "MpoImagePlugin", "TiffImagePlugin", "TiffTags"),
)
# Standard input, output and errors, and one file; no number is left for another one.
MOST_FILES = 4
# In its whole life; the parent renews it long before.
MOST_PROCESSOR_SECONDS = 1800


def warm_up() -> None:
    """Load every decoder and what Pillow loads as it goes, as nothing can be loaded later."""
    for module in LATE:
        import_module(f"PIL.{module}")
    for name in DECODERS:
        sample = io.BytesIO()
        Image.new("RGB", (16, 16)).save(sample, name)
        pictures.decoded(sample, Task(Work.PREVIEWS, Limits(MEGABYTE, MEGABYTE), 8))


def serve(channel: socket.socket, seconds: float) -> bool:
    """Answer one request; whether there was one."""
    request, files, _, _ = socket.recv_fds(channel, REQUEST.size, 1)
    if not request:
        return False
    task, following = task_of(request)
    # The parent ends what takes too long; this is for when it is no longer there.
    signal.setitimer(signal.ITIMER_REAL, seconds)
    with _file(channel, files, following) as stream:
        channel.sendall(answer_of(result_of(stream, task)))
    signal.setitimer(signal.ITIMER_REAL, 0)
    return True


def _file(channel: socket.socket, files: list[int], following: int) -> BinaryIO:
    if files:
        return open(files[0], "rb")  # noqa: PTH123 - a descriptor; who asked closes it
    content = bytearray()
    while len(content) < following and (piece := channel.recv(following - len(content))):
        content += piece
    return io.BytesIO(content)


def result_of(stream: BinaryIO, task: Task) -> Decoded | ImageRejected:
    """Return what became of a file; any other trouble ends the program, and the parent says so."""
    try:
        return pictures.decoded(stream, task)
    except ImageRejected as rejected:
        return rejected


def main() -> None:
    """Arguments: megabytes of memory at most, seconds after which it ends by itself."""
    megabytes, seconds = int(sys.argv[1]), float(sys.argv[2])
    channel = socket.socket(fileno=0)
    warm_up()
    confine(
        {
            resource.RLIMIT_AS: megabytes * MEGABYTE,
            resource.RLIMIT_CPU: MOST_PROCESSOR_SECONDS,
            resource.RLIMIT_FSIZE: 0,
            resource.RLIMIT_NOFILE: MOST_FILES,
        }
    )
    channel.sendall(READY)
    while serve(channel, seconds):
        pass
    # Without Python's own tidying up, which nobody waits for.
    os._exit(0)


if __name__ == "__main__":
    main()
