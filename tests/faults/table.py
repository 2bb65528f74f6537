"""The table of faults: what is done in each, in the middle of images on their way."""

from tests.faults import away, clocks, deploys, killing, memory
from tests.faults.run import Fault

# On which ground they happen: servers and a folder, a bucket behind a gate, or a clock that lies.
BUCKET, CLOCK = "bucket", "clock"

FAULTS = (
    Fault(
        "inference worker killed", "SIGKILL while it holds images, twice", killing.inference_killed
    ),
    Fault(
        "inference worker gone", "SIGKILL; a worker of another name goes on", killing.inference_gone
    ),
    Fault(
        "inference worker killed before its commit",
        "SIGKILL after its heatmaps, before their rows",
        killing.inference_killed_before_commit,
    ),
    Fault("web server killed", "SIGKILL during uploads, three times", killing.web_killed),
    Fault(
        "web server killed before its commit",
        "SIGKILL after the files, before their rows",
        killing.web_killed_before_commit,
    ),
    Fault("errands worker killed", "SIGKILL while it unpacks, twice", killing.errands_killed),
    Fault("beat killed", "SIGKILL, 5 s away", killing.beat_killed),
    Fault("everything killed", "SIGKILL for all programs at once", killing.all_killed),
    Fault("Redis emptied", "SIGKILL, started without its data", away.redis_emptied),
    Fault("messages lost", "Redis emptied 20 times in 4 s", away.messages_lost),
    Fault("MariaDB killed", "SIGKILL, started on its files", away.mariadb_killed),
    Fault(
        "database and Redis away",
        f"both ended for {away.AWAY_SECONDS:.0f} s",
        away.both_away,
    ),
    Fault(
        "disk full",
        f"the media's file system is filled for {away.FULL_SECONDS:.0f} s",
        away.disk_full,
        away.no_small_disk,
    ),
    Fault(
        "out of memory on one image",
        "the kernel kills its worker three times",
        memory.out_of_memory,
    ),
    Fault("SIGTERM", "each program in turn, an upload half sent", deploys.drained),
    Fault(
        "deploy",
        "a migration, then all programs anew one by one, and back",
        deploys.deployed,
    ),
    Fault(
        "storage slow",
        f"each request to the bucket takes 2 s and more, for {away.SLOW_SECONDS:.0f} s",
        away.storage_slow,
        kind=BUCKET,
    ),
    Fault("storage away", "nobody reaches the bucket for 10 s", away.storage_away, kind=BUCKET),
    *(
        Fault(name, words, act, clocks.no_compiler, kind=CLOCK)
        for name, words, act in (
            ("workers ahead", "their clocks an hour ahead for 10 s", clocks.workers_ahead),
            ("workers behind", "their clocks an hour behind for 10 s", clocks.workers_behind),
            ("sweeper ahead", "its clock and beat's an hour ahead", clocks.sweeper_ahead),
            ("beat behind", "its clock an hour behind for 10 s", clocks.beat_behind),
            ("web server behind", "its clock an hour behind for 10 s", clocks.web_behind),
            ("clock stepped", "of all programs, an hour on and back after 10 s", clocks.stepped),
        )
    ),
)
