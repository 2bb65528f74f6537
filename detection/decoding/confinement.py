"""What a process gives up for good before it looks at what strangers sent."""

import ctypes
import os
import resource
import signal
from collections.abc import Mapping

PR_SET_NO_NEW_PRIVS = 38
# The numbers of Landlock's calls are the same on every kind of machine.
CREATE_RULESET, RESTRICT_SELF = 444, 446
ASK_VERSION = 1
# What each version of it can forbid: the files' rights, in bits, then TCP, then signals.
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
TCP_SINCE, TCP = 4, 0b11
SCOPES_SINCE, SCOPES = 6, 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    )


def confine(limits: Mapping[int, int]) -> None:
    """Take limits on that nobody can lift again, and give up every path, TCP and other processes.

    Args:
        limits: Resource -> most of it, as `resource.setrlimit` names them.
    """
    fence()
    for kind, most in {**limits, resource.RLIMIT_CORE: 0}.items():
        resource.setrlimit(kind, (most, most))
    # The kernel ends the process at the alarm, even in the midst of native code.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def fence() -> bool:
    """Have the kernel refuse every path, TCP, and signals to others; False where it cannot.

    By Landlock, which Linux has had since 5.13 and a kernel may be built without. What is open
    stays open.
    """
    system = ctypes.CDLL(None, use_errno=True)
    version = system.syscall(CREATE_RULESET, None, 0, ASK_VERSION)
    if version < 1:
        return False
    rules = _Ruleset(
        files=(1 << FILE_RIGHTS.get(version, 16)) - 1,
        network=TCP if version >= TCP_SINCE else 0,
        scopes=SCOPES if version >= SCOPES_SINCE else 0,
    )
    # An older kernel takes a longer structure as long as what it does not know is zero.
    ruleset = system.syscall(CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    if ruleset < 0:
        return False
    try:
        is_bound = system.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        return is_bound and system.syscall(RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)
