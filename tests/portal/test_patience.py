"""A sender who is slow, or stops, gives up a thread; others are not hurried."""

import io
import socket
from collections.abc import Iterator

import pytest

from portal.patience import TooSlow, Watch, WatchedBody
from tests.waiting import wait_for


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection."""
    near, far = socket.socketpair()
    yield near, far
    near.close()
    far.close()


def body_of(near: socket.socket, length: int, watch: Watch) -> WatchedBody:
    """A body of this length that comes through a connection."""
    return WatchedBody(near.makefile("rb"), near, length, watch)


def test_what_comes_is_read(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    far.sendall(b"first\nsecond")
    body = body_of(near, 12, Watch(busy=9))
    assert body.readline() == b"first\n"
    assert body.read(3) == b"sec"
    assert body.read() == b"ond"
    assert body.read() == body.read(5) == body.readline() == b""


def test_a_sender_who_drips_is_shut_out(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    far.sendall(b"x")
    with pytest.raises(TooSlow):
        body_of(near, 1000, Watch(busy=9, patience=0.3)).read(64)


def test_patience_is_short_where_hardly_a_thread_is_free(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    near, _ = pair
    watch = Watch(busy=1, patience=3600, hurry=0.3)
    with pytest.raises(TooSlow):
        body_of(near, 1000, watch).read(64)


def test_a_body_that_ends_early_is_no_whole_one() -> None:
    near, far = socket.socketpair()
    with near, far:
        body = WatchedBody(io.BytesIO(b"half"), near, 8, Watch(busy=9))
        with pytest.raises(TooSlow):
            body.read()


def test_a_head_that_does_not_come_is_given_up(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    with Watch(busy=9, patience=0.3).waiting(near):
        assert near.recv(100) == b""
    # Only reading is shut: an answer still goes out.
    near.sendall(b"408")
    assert far.recv(3) == b"408"


def test_what_is_not_waited_for_is_left_alone(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    watch = Watch(busy=9, patience=0.1)
    with watch.waiting(near):
        pass
    other, end = socket.socketpair()
    with other, end, watch.waiting(other):
        # By then the first would have been shut as well.
        wait_for(lambda: other.recv(1) == b"", "the other one to be shut")
    far.sendall(b"later")
    assert near.recv(5) == b"later"
