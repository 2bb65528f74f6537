"""Hostile files through the running portal: each is answered by a code, and nothing is lost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.hostile.cases import TAKEN, Cases
from tests.hostile.corpus import corpus
from tests.hostile.doors import Answer, Doors
from tests.hostile.watch import Watch
from tests.images import image_file
from tests.installation import Installation

pytestmark = pytest.mark.services

MOST_SECONDS = 10.0
AT_ONCE = 3
MOST_MEGABYTES = 700


@pytest.fixture(scope="module")
def cases() -> Cases:
    """The corpus."""
    return corpus()


@pytest.fixture(scope="module")
def watch(attacked: Installation, doors: Doors) -> Iterator[Watch]:
    """The portal, watched from before the first file on."""
    submission = doors.visitor.submit({"before.png": image_file("PNG", (32, 32))})
    assert attacked.wait_until_ended(submission) == ["finished"]
    with Watch(attacked) as watch:
        yield watch


def wrong(cases: Cases, answers: dict[str, Answer]) -> list[str]:
    """Those that were answered otherwise than is right, or too late."""
    return [
        f"{name}: {answer.status} {answer.code} in {answer.seconds:.1f} s, not {cases[name].codes}"
        for name, answer in answers.items()
        if answer.status >= 500
        or answer.code not in cases[name].codes
        or answer.seconds > MOST_SECONDS
    ]


def test_the_corpus_is_large_and_each_file_is_another(cases: Cases) -> None:
    assert len(cases) >= 200
    assert len({(one.content, one.file_name) for one in cases.values()}) == len(cases)


def test_each_is_answered_by_the_script(cases: Cases, doors: Doors, watch: Watch) -> None:
    def send(item: tuple[int, str]) -> Answer:
        number, name = item
        return doors.by_script(submissions[number // 40], cases[name])

    submissions = [doors.visitor.open_submission() for _ in range(0, len(cases), 40)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = dict(zip(cases, pool.map(send, enumerate(cases)), strict=True))
    assert wrong(cases, answers) == []
    count = (
        "SELECT count(*) FROM detection_submittedimage i JOIN detection_submission s"
        " ON s.id = i.submission_id WHERE s.public_id = %s"
    )
    rows = sum(watch.portal.rows(count, public_id)[0][0] for public_id in submissions)
    assert rows == sum(answer.code == TAKEN for answer in answers.values())


def test_each_is_answered_by_the_interface(cases: Cases, doors: Doors, watch: Watch) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sent = pool.map(doors.by_api, cases.values())
        answers = dict(zip(cases, sent, strict=True))
    assert wrong(cases, answers) == []
    assert watch.portal.is_ready()


def test_nothing_is_lost(doors: Doors, watch: Watch) -> None:
    states = watch.wait_until_ended(timeout=300)
    assert set(states) == {"finished"}
    watch.check_processes(most_megabytes=MOST_MEGABYTES)
    watch.check_logs()
    watch.check_files()
    submission = doors.visitor.submit({"after.png": image_file("PNG", (32, 32), seed=9)})
    assert watch.portal.wait_until_ended(submission) == ["finished"]
