"""Two hosts share database, queue and storage, and nothing else; one of them is cut off."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.data import drawn_image
from tests.hosts import Host, Network, network
from tests.installation import Installation, server_variables
from tests.servers import S3, mariadb_server, redis_server, s3_server
from tests.visitor import Visitor
from tests.waiting import wait_for

pytestmark = pytest.mark.services

SHARED = (
    *("DATABASE_URL", "REDIS_URL", "STORAGE_URL", "SECRET_KEY", "STATIC_ROOT"),
    *("ALLOWED_HOSTS", "EMAIL_URL", "HTTPS"),
)
ONE, TWO = "inference@one", "inference@two"
# Once in so many tries a host is caught in the middle of its work.
TRIES = 10


@pytest.fixture(scope="module")
def net() -> Iterator[Network]:
    """Two hosts and the address of this one."""
    with network(2) as made:
        yield made


@pytest.fixture(scope="module")
def s3_on_net(tmp_path_factory: pytest.TempPathFactory, net: Network) -> Iterator[S3]:
    """A storage that both reach."""
    with s3_server(tmp_path_factory.mktemp("net-s3"), net.home) as server:
        yield server


@pytest.fixture(scope="module")
def bucket(s3_on_net: S3) -> str:
    """An empty one."""
    return s3_on_net.new_bucket()


@pytest.fixture(scope="module")
def portal(
    tmp_path_factory: pytest.TempPathFactory,
    static_root: Path,
    net: Network,
    s3_on_net: S3,
    bucket: str,
) -> Iterator[Installation]:
    """Web and beat on this host; no worker."""
    folder = tmp_path_factory.mktemp("net-portal")
    with (
        mariadb_server(tmp_path_factory.mktemp("net-mariadb"), host=net.home) as mariadb,
        redis_server(tmp_path_factory.mktemp("net-redis"), net.home) as redis,
    ):
        variables = server_variables(folder, static_root, mariadb, redis)
        home = Installation(folder, {**variables, "STORAGE_URL": s3_on_net.url(bucket)})
        home.prepare()
        try:
            home.start("web", "beat")
            yield home
        finally:
            home.stop()


@pytest.fixture(scope="module")
def workers(
    tmp_path_factory: pytest.TempPathFactory, portal: Installation, net: Network
) -> Iterator[list[Installation]]:
    """An inference worker on each host, with an empty folder and the shared variables alone."""
    shared = {name: portal.environment[name] for name in SHARED}
    made = [
        Installation(tmp_path_factory.mktemp(f"net-{name}"), shared, host=host.prefix)
        for name, host in zip(("one", "two"), net.hosts, strict=True)
    ]
    try:
        for worker, name in zip(made, (ONE, TWO), strict=True):
            worker.start("inference", options=["-n", name])
        for worker in made:
            worker.wait_for_line("inference", "is loaded", timeout=90)
        yield made
    finally:
        for host in net.hosts:
            host.reconnect()
        for worker in made:
            worker.stop()


@pytest.fixture(scope="module")
def alice(portal: Installation) -> Visitor:
    """Who hands in."""
    return portal.visitor().sign_up("alice@example.org")


@pytest.fixture(scope="module")
def hand_in(alice: Visitor) -> Callable[[int], str]:
    """Hand in so many images that nobody has handed in before."""
    seeds = iter(range(10_000, 20_000))

    def act(count: int) -> str:
        return alice.submit(
            {f"{seed}.jpg": drawn_image((32, 32), seed=seed) for seed in islice(seeds, count)}
        )

    return act


def by_worker(portal: Installation, state: str) -> Counter[str]:
    """How many analyses in this state each worker holds or has ended."""
    rows = portal.rows("SELECT worker FROM detection_analysis WHERE state = %s", state)
    return Counter(worker for (worker,) in rows)


def test_both_hosts_take_work_from_one_queue(
    portal: Installation, workers: list[Installation], hand_in: Callable[[int], str]
) -> None:
    """Each has fetched the model that it answers with."""
    for worker in workers:
        assert worker.model_weights.is_file()
        assert "fetched from the storage" in worker.log("inference")

    def both_have_answered() -> bool:
        submission = hand_in(20)
        assert portal.wait_until_ended(submission) == ["finished"] * 20
        return set(by_worker(portal, "finished")) == {ONE, TWO}

    wait_for(both_have_answered, "answers by both", timeout=90)


def cut_off_in_the_middle(
    portal: Installation,
    host: Host,
    worker: Installation,
    hand_in: Callable[[int], str],
) -> list[str]:
    """Hand in and cut the host off while it holds images; the submissions until then."""
    submissions = []
    for _ in range(TRIES):
        submissions.append(hand_in(50))
        try:
            wait_for(lambda: by_worker(portal, "running")[ONE], "work of the first", timeout=2)
        except AssertionError:
            continue  # The other one was faster, or this one too fast to be seen.
        host.cut_off(worker)
        if by_worker(portal, "running")[ONE]:
            return submissions
        host.reconnect()
    raise AssertionError(f"in {TRIES} tries the host was never in the middle of something")


def test_a_host_that_is_cut_off_in_the_middle_leaves_every_image_with_one_verdict(
    portal: Installation,
    workers: list[Installation],
    net: Network,
    hand_in: Callable[[int], str],
    s3_on_net: S3,
    bucket: str,
) -> None:
    first, second = workers
    submissions = cut_off_in_the_middle(portal, net.hosts[0], first, hand_in)
    for submission in submissions:
        assert set(portal.wait_until_ended(submission, timeout=90)) == {"finished"}
    taken_over = portal.rows(
        "SELECT COUNT(*) FROM detection_analysis WHERE attempts > 1 AND worker = %s", TWO
    )
    assert taken_over[0][0] > 0
    net.hosts[0].reconnect()
    # It comes back by itself, and is the only one to take what comes now.
    second.stop("inference")
    late = hand_in(10)
    assert portal.wait_until_ended(late, timeout=120) == ["finished"] * 10
    assert by_worker(portal, "finished")[ONE] >= 10
    ends = portal.rows(
        "SELECT i.id, COUNT(a.id), MIN(a.verdict), MAX(a.error_code), MAX(a.state), MIN(a.state)"
        " FROM detection_submittedimage i LEFT JOIN detection_analysis a ON a.image_id = i.id"
        " GROUP BY i.id"
    )
    assert len(ends) >= 10 + 50 * len(submissions)
    for _, count, verdict, error_code, *states in ends:
        assert (count, error_code, states) == (1, "", ["finished"] * 2)
        assert verdict
    # What the host had drawn before it was overtaken is gone again.
    named = {name for (name,) in portal.rows("SELECT heatmap FROM detection_analysis") if name}
    wait_for(
        lambda: s3_on_net.names(bucket, "heatmaps/") == named,
        "no heatmap without a row",
        timeout=60,
    )
