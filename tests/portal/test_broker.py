"""Tasks on the file system arrive whole, once and in order, or the sender is told."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection
from kombu.exceptions import ChannelError

from portal import broker


@pytest.fixture
def address(tmp_path: Path) -> dict[str, Any]:
    """Options of a connection below a folder of the test's own."""
    broker.install()
    # The queues that this process has declared; in another folder they are to be declared anew.
    broker.Transport.global_state.clear()
    folders = {name: tmp_path / name for name in ("messages", "control")}
    for folder in folders.values():
        folder.mkdir()
    return {
        "data_folder_in": folders["messages"],
        "data_folder_out": folders["messages"],
        "control_folder": folders["control"],
    }


def connect(options: dict[str, Any]) -> Connection:
    return Connection("filesystem://", transport_options=options)


def send(options: dict[str, Any], *bodies: object) -> None:
    with connect(options) as connection:
        queue = connection.SimpleQueue("tasks")
        for body in bodies:
            queue.put(body)
        queue.close()


def received(options: dict[str, Any]) -> list[object]:
    bodies = []
    with connect(options) as connection:
        queue = connection.SimpleQueue("tasks")
        while queue.qsize():
            message = queue.get(timeout=5)
            message.ack()
            bodies.append(message.payload)
        queue.close()
    return bodies


def test_messages_arrive_once_and_in_order(address: dict[str, Any]) -> None:
    bodies = [{"number": number} for number in range(30)]
    send(address, *bodies)
    assert received(address) == bodies
    assert received(address) == []


def test_senders_do_not_disturb_one_another(address: dict[str, Any]) -> None:
    def sender(name: int) -> None:
        send(address, *[{"sender": name, "number": number} for number in range(10)])

    senders = [threading.Thread(target=sender, args=[name]) for name in range(4)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    bodies: list[Any] = received(address)
    assert len(bodies) == 40
    for name in range(4):
        mine = [body["number"] for body in bodies if body["sender"] == name]
        assert mine == list(range(10))


def test_routes_are_whole_while_others_are_being_bound(address: dict[str, Any]) -> None:
    with connect(address) as connection:
        channel = connection.channel()
        done = threading.Event()

        def binder() -> None:
            for number in range(200):
                channel._queue_bind("tasks", f"key-{number}", "", f"queue-{number}")
            done.set()

        thread = threading.Thread(target=binder)
        thread.start()
        sizes = []
        while not done.is_set():
            sizes.append(len(channel.get_table("tasks")))
        thread.join()
        sizes.append(len(channel.get_table("tasks")))
    assert sizes == sorted(sizes)
    assert sizes[-1] == 200


def test_a_message_that_is_still_being_written_is_not_seen(address: dict[str, Any]) -> None:
    send(address, {"whole": True})
    folder = Path(address["data_folder_out"])
    (folder / "00000000000000000001_half.draft").write_text('{"half')
    assert received(address) == [{"whole": True}]


def test_what_is_written_is_json(address: dict[str, Any]) -> None:
    send(address, {"id": 7})
    (message,) = Path(address["data_folder_out"]).iterdir()
    assert message.name.endswith(".tasks.msg")
    assert json.loads(message.read_text())


def test_a_folder_that_cannot_be_written_is_told(address: dict[str, Any]) -> None:
    folder = Path(address["data_folder_out"])
    with connect(address) as connection:
        queue = connection.SimpleQueue("tasks")
        folder.rmdir()
        with pytest.raises(ChannelError, match="No such file or directory"):
            queue.put({"id": 7})
        queue.close()
