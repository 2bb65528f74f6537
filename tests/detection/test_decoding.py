"""No file that is sent can crash, hang or swell a process of ours: another one decodes it."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryFile

import psutil
import pytest
from django.core.files.base import File
from pytest_django import Settings

from detection.decoding import DecoderAway, Decoders, Task, Terms, Work
from detection.decoding import decoders as programs_of
from detection.decoding.pictures import decoded
from detection.image_files import ImageRejected, Limits
from detection.services import intake
from detection.services.storage import StorageUnavailable
from portal.models import User
from tests import bombs, images, work
from tests.data import ROOT
from tests.waiting import wait_for, wait_until_gone

PREVIEWS = Task(Work.PREVIEWS, Limits(20_000_000, 50_000_000), 1280)
GOOD = images.plain("teal")
MEGABYTES = 1800
# A busy machine gives a program three times its seconds, and starts a new one slowly.
AT_MOST_SECONDS = 30
# Programs of this process that other tests have started.
OTHERS: set[int] = set()


@pytest.fixture(scope="module")
def bomb() -> bytes:
    return bombs.scan_bomb()


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    yield from opened(Terms(MEGABYTES, 10))


@pytest.fixture
def impatient() -> Iterator[Decoders]:
    yield from opened(Terms(MEGABYTES, 1))


def opened(terms: Terms) -> Iterator[Decoders]:
    OTHERS.update(one.pid for one in psutil.Process().children())
    made = Decoders(terms)
    yield made
    made.close()


def programs() -> list[psutil.Process]:
    """What this test has started."""
    return [one for one in psutil.Process().children() if one.pid not in OTHERS]


def refused(decoders: Decoders, content: bytes) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        decoders.decode(io.BytesIO(content), PREVIEWS)
    return caught.value


def test_what_comes_back_is_what_decoding_here_would_give(decoders: Decoders) -> None:
    """Pillow loads parts of itself as it goes, which the program cannot: all must be there."""
    samples = {
        **{name: images.image_file(name) for name in images.FORMATS},
        **{f"large {name}": images.image_file(name, (300, 400)) for name in images.FORMATS},
        **{f"turned {name}": images.with_metadata(name, orientation=6) for name in ("JPEG", "PNG")},
        **{f"mutated {seed}": images.mutated(images.image_file(), seed) for seed in range(20)},
        **images.unusual_modes(),
    }
    for work_of in Work:
        task = Task(work_of, PREVIEWS.limits, 256)
        for name, content in samples.items():
            outcomes: list[object] = []
            for decode in (decoded, decoders.decode):
                try:
                    outcomes.append(decode(io.BytesIO(content), task))
                except ImageRejected as rejected:
                    outcomes.append((rejected.code, rejected.sentence))
            assert outcomes[0] == outcomes[1], name


def test_a_file_on_the_disk_is_handed_on_and_stays_as_it_is(decoders: Decoders) -> None:
    content = images.image_file("TIFF", (300, 300))
    with TemporaryFile() as file:
        file.write(content)
        assert decoders.decode(file, PREVIEWS).byte_size == len(content)
        file.seek(0)
        assert file.read() == content


def test_what_is_kept_in_memory_is_not_written_to_the_disk(decoders: Decoders) -> None:
    """Such as what an encrypted storage hands out."""
    content = images.image_file("PNG", (300, 300))
    with SpooledTemporaryFile(max_size=10**7) as file:
        file.write(content)
        assert decoders.decode(File(file), PREVIEWS).byte_size == len(content)
        assert not file._rolled  # type: ignore[attr-defined]


def test_a_file_that_is_too_large_is_not_copied_whole(decoders: Decoders) -> None:
    task = Task(Work.PREVIEWS, Limits(100_000, 10**6), 1280)
    with pytest.raises(ImageRejected) as caught:
        decoders.decode(io.BytesIO(GOOD + bytes(5_000_000)), task)
    assert caught.value.code == "file_too_large"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS])
def test_a_program_that_falls_refuses_one_file(
    decoders: Decoders, bomb: bytes, number: signal.Signals
) -> None:
    decoders.decode(io.BytesIO(GOOD), PREVIEWS)
    (program,) = programs()
    spent = program.cpu_times().user
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(refused, decoders, bomb)
        wait_for(lambda: program.cpu_times().user > spent + 0.1, "the file is being decoded")
        program.send_signal(number)
        assert asked.result(AT_MOST_SECONDS).code == "undecodable"
    assert decoders.decode(io.BytesIO(GOOD), PREVIEWS).format == "PNG"
    assert program.pid not in {one.pid for one in programs()}


def test_a_program_that_fell_while_it_was_idle_costs_no_file(decoders: Decoders) -> None:
    decoders.decode(io.BytesIO(GOOD), PREVIEWS)
    (program,) = programs()
    program.kill()
    wait_until_gone(program.pid)
    assert decoders.decode(io.BytesIO(GOOD), PREVIEWS).format == "PNG"


def test_what_takes_too_long_is_stopped(impatient: Decoders, bomb: bytes) -> None:
    assert len(bomb) < PREVIEWS.limits.max_bytes
    impatient.decode(io.BytesIO(GOOD), PREVIEWS)
    began = time.monotonic()
    rejected = refused(impatient, bomb)
    assert rejected.code == "decoding_too_slow"
    assert "longer than 1 seconds" in rejected.sentence
    assert time.monotonic() - began < AT_MOST_SECONDS
    assert impatient.decode(io.BytesIO(GOOD), PREVIEWS).format == "PNG"


def test_what_needs_too_much_memory_is_refused() -> None:
    narrow = Decoders(Terms(300, 20))
    try:
        assert refused(narrow, bombs.large_png()).code == "too_many_pixels"
        assert narrow.decode(io.BytesIO(GOOD), PREVIEWS).format == "PNG"
    finally:
        narrow.close()


def test_200_files_leave_nothing_behind(impatient: Decoders, bomb: bytes) -> None:
    kinds = [GOOD, images.image_file("PNG", (300, 300)), b"no image", b"", images.png_bomb()]
    impatient.decode(io.BytesIO(GOOD), PREVIEWS)
    here = psutil.Process()
    files, memory = here.num_fds(), here.memory_info().rss
    codes = set()
    for number in range(200):
        content = bomb if number in (50, 150) else kinds[number % len(kinds)]
        try:
            impatient.decode(io.BytesIO(content), PREVIEWS)
        except ImageRejected as rejected:
            codes.add(rejected.code)
    assert codes == {"decoding_too_slow", "unsupported_format", "empty_file", "too_many_pixels"}
    assert here.num_fds() == files
    assert here.memory_info().rss - memory < 20_000_000
    assert len(programs()) == 1


def test_a_program_holds_no_secret_and_nothing_open(decoders: Decoders) -> None:
    decoders.decode(io.BytesIO(GOOD), PREVIEWS)
    (program,) = programs()
    assert set(program.environ()) == {"OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX"}
    assert sorted(path.name for path in Path(f"/proc/{program.pid}/fd").iterdir()) == list("012")
    assert os.getsid(program.pid) == program.pid
    limits = {
        psutil.RLIMIT_AS: MEGABYTES * 1_000_000,
        psutil.RLIMIT_FSIZE: 0,
        psutil.RLIMIT_CORE: 0,
        psutil.RLIMIT_NOFILE: 4,
    }
    assert {kind: program.rlimit(kind) for kind in limits} == {
        kind: (most, most) for kind, most in limits.items()
    }


def test_it_can_reach_no_path_no_host_and_no_process() -> None:
    """Where the kernel has Landlock, which it tells by returning True."""
    program = """
import os, signal, socket
from detection.decoding.confinement import fence
if not fence():
    print("no Landlock")
    raise SystemExit
for name, act in {
    "read": lambda: open("/etc/hostname"),
    "list": lambda: os.listdir("/"),
    "write": lambda: open("/tmp/veripix-none", "w"),
    "run": lambda: os.execv("/bin/true", ["true"]),
    "connect": lambda: socket.create_connection(("127.0.0.1", 9)),
    "signal": lambda: os.kill(os.getppid(), signal.SIGCONT),
}.items():
    try:
        act()
    except PermissionError:
        print(name)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    said = done.stdout.splitlines()
    assert said in (["no Landlock"], ["read", "list", "write", "run", "connect", "signal"])


ORPHANS = """
import io, sys, threading
from pathlib import Path
from detection.decoding import Decoders, Task, Terms, Work
from detection.image_files import Limits
decoders, task = Decoders(Terms(1800, 1)), Task(Work.SHAPE, Limits(10**9, 10**9), 64)
decoders.start()
decoders.decode(io.BytesIO(Path(sys.argv[1]).read_bytes()), task)
print("ready", flush=True)
decoders.decode(io.BytesIO(Path(sys.argv[2]).read_bytes()), task)
threading.Event().wait()
"""


@pytest.mark.parametrize("is_busy", [False, True])
def test_no_program_outlives_who_started_it(tmp_path: Path, bomb: bytes, is_busy: bool) -> None:
    good, second = tmp_path / "good", tmp_path / "second"
    good.write_bytes(GOOD)
    second.write_bytes(bomb if is_busy else GOOD)
    command = [sys.executable, "-c", ORPHANS, str(good), str(second)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        (program,) = psutil.Process(parent.pid).children()
        if is_busy:
            spent = program.cpu_times().user
            wait_for(lambda: program.cpu_times().user > spent + 0.05, "it is at the second file")
        parent.kill()
    wait_until_gone(program.pid)


def test_who_waits_first_comes_first(bomb: bytes) -> None:
    one = Decoders(Terms(MEGABYTES, 1), count=1)
    order: list[int] = []

    def ask(number: int) -> None:
        one.decode(io.BytesIO(GOOD), PREVIEWS)
        order.append(number)

    def waiting(count: int) -> bool:
        return len(one._waiting) == count

    with ThreadPoolExecutor(6) as threads:
        slow = threads.submit(refused, one, bomb)
        wait_for(lambda: not one._free, "the slow one is at it")
        for number in range(5):
            threads.submit(ask, number)
            wait_for(partial(waiting, number + 1), "it waits")
        assert slow.result(AT_MOST_SECONDS).code == "decoding_too_slow"
    one.close()
    assert order == sorted(order)
    assert len(order) == 5


def test_two_files_are_decoded_at_a_time(decoders: Decoders) -> None:
    together = threading.Barrier(6)

    def ask(_: int) -> int:
        together.wait()
        return decoders.decode(io.BytesIO(images.image_file("PNG", (500, 500))), PREVIEWS).width

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(ask, range(6))) == {500}
    assert len(programs()) <= 2


def test_a_program_that_cannot_start_is_no_fault_of_the_file(
    alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs_of, "PROGRAM", "detection.decoding.nothing_there")
    with pytest.raises(DecoderAway):
        Decoders(Terms(MEGABYTES, 1)).decode(io.BytesIO(GOOD), PREVIEWS)
    settings.DECODER_MEGABYTES += 1  # These terms have no program yet.
    submission = intake.submission_open(owner=alice)
    with pytest.raises(StorageUnavailable) as caught:
        intake.image_add(submission=submission, file=work.upload(GOOD))
    assert caught.value.code == "decoder_unavailable"
    assert not submission.images.exists()
    assert not submission.refusals.exists()


def test_a_bomb_among_others_is_refused_by_name(
    alice: User, settings: Settings, bomb: bytes
) -> None:
    settings.DECODER_SECONDS = 1
    files = [work.upload(GOOD, "a.png"), work.upload(bomb, "b.jpg"), work.upload(GOOD, "c.png")]
    submission = intake.submission_create(owner=alice, files=files).submission
    assert [image.file_name for image in submission.images.all()] == ["a.png", "c.png"]
    assert [(one.file_name, one.code) for one in submission.refusals.all()] == [
        ("b.jpg", "decoding_too_slow")
    ]
