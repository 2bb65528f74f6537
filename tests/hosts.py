"""Hosts of their own for tests: network namespaces on a bridge, each of which can be cut off.

That takes the right to make networks (root, `CAP_NET_ADMIN`) and `ip` of iproute2. Where one is
missing a host is a group of processes with a folder of its own, and cut off means frozen.
"""

import os
import signal
import subprocess
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.installation import Installation
from tests.servers import HOME


@dataclass
class Host:
    """One that is no other machine, but only processes of this one that can be frozen."""

    name: str
    frozen: list[psutil.Process] = field(default_factory=list)

    @property
    def prefix(self) -> Sequence[str]:
        """What starts a program there."""
        return ()

    def cut_off(self, programs: Installation) -> None:
        """Let it reach nobody."""
        for name in programs.running:
            first = psutil.Process(programs.pid(name))
            self.frozen += [first, *first.children(recursive=True)]
        for process in self.frozen:
            process.send_signal(signal.SIGSTOP)

    def reconnect(self) -> None:
        """Let it reach everybody again."""
        for process in self.frozen:
            process.send_signal(signal.SIGCONT)
        self.frozen.clear()


@dataclass
class Namespace(Host):
    """One with a network of its own, on a cable that can be pulled."""

    cable: str = ""

    @property
    def prefix(self) -> Sequence[str]:
        """What starts a program there."""
        return ("ip", "netns", "exec", self.name)

    def cut_off(self, programs: Installation) -> None:
        """Pull the cable; whatever runs there runs on and gets no answer."""
        _ip("link", "set", self.cable, "down")

    def reconnect(self) -> None:
        """Plug it in."""
        _ip("link", "set", self.cable, "up")


@dataclass
class Network:
    """Some hosts, and the address under which all of them reach this machine."""

    home: str
    hosts: list[Host]


@contextmanager
def network(count: int) -> Iterator[Network]:
    """Make so many hosts, in namespaces where that is permitted; all is gone afterwards."""
    if not may_make_networks():
        warnings.warn(
            "no network namespaces here (no iproute2, or CAP_NET_ADMIN is missing): the hosts are "
            "processes of this machine, and being cut off means being frozen",
            stacklevel=2,
        )
        yield Network(HOME, [Host(f"host-{number}") for number in range(1, count + 1)])
        return
    number = os.getpid() % 250 + 1
    mark, subnet = f"vpx{number}", f"10.213.{number}"
    with ExitStack() as made:
        _ip("link", "add", mark, "type", "bridge")
        made.callback(_ip, "link", "delete", mark)
        _ip("address", "add", f"{subnet}.1/24", "dev", mark)
        _ip("link", "set", mark, "up")
        hosts: list[Host] = []
        for place in range(1, count + 1):
            host = Namespace(f"{mark}-host{place}", cable=f"{mark}c{place}")
            _ip("netns", "add", host.name)
            made.callback(_ip, "netns", "delete", host.name)
            _ip(
                *("link", "add", host.cable, "type", "veth"),
                *("peer", "name", "eth0", "netns", host.name),
            )
            _ip("link", "set", host.cable, "master", mark, "up")
            inside = ("-n", host.name)
            _ip(*inside, "address", "add", f"{subnet}.{place + 1}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                _ip(*inside, "link", "set", device, "up")
            hosts.append(host)
        yield Network(f"{subnet}.1", hosts)


def may_make_networks() -> bool:
    """Tell whether a namespace can be made here, by making one."""
    name = f"veripix-probe-{os.getpid()}"
    try:
        _ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError):
        return False
    _ip("netns", "delete", name)
    return Path("/proc/self/ns/net").exists()


def _ip(*words: str) -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    subprocess.run(
        ["ip", *words], check=True, capture_output=True, env={**os.environ, "PATH": path}
    )
