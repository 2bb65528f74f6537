"""Hostile files through the running portal: each is answered by a code, and nothing is lost."""

import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.hostile.cases import SOUND, TAKEN, Cases
from tests.hostile.corpus import corpus
from tests.hostile.doors import Answer, Doors
from tests.hostile.watch import MOST_MEGABYTES, Watch
from tests.images import image_file
from tests.installation import Installation

pytestmark = pytest.mark.services

MOST_SECONDS = 10.0
AT_ONCE = 3
# By the plain form.
TOGETHER = 10


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
    odd = wrong(cases, answers)
    assert not odd, "\n".join(odd)
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
    odd = wrong(cases, answers)
    assert not odd, "\n".join(odd)
    assert watch.portal.is_ready()


def test_each_is_answered_by_the_plain_form(cases: Cases, doors: Doors, watch: Watch) -> None:
    """Several at a time, those that take long and those that have no name aside."""
    small = [
        one
        for name, one in cases.items()
        if not name.startswith("bomb: ") and not one.codes & {"no_file", "malformed"}
    ]
    count = (
        "SELECT (SELECT count(*) FROM detection_submittedimage WHERE submission_id = s.id)"
        " + (SELECT count(*) FROM detection_refusal WHERE submission_id = s.id)"
        " FROM detection_submission s WHERE s.public_id = %s"
    )
    for at in range(0, len(small), TOGETHER):
        group = small[at : at + TOGETHER]
        answer = doors.by_form(group)
        assert answer.seconds < MOST_SECONDS
        if answer.status == 422:
            assert not any(one.codes == SOUND for one in group)
            continue
        assert answer.status == 303
        public_id = answer.location.rstrip("/").rpartition("/")[2]
        assert watch.portal.rows(count, public_id) == [(len(group),)]


def test_names_are_shown_and_do_nothing(cases: Cases, doors: Doors, watch: Watch) -> None:
    named = [
        one for one in cases.values() if one.codes == SOUND and one.content.startswith(b"\x89")
    ]
    chosen = [one for one in named if one.file_name != "image.jpg"][:50]
    answer = doors.by_form(chosen)
    assert answer.status == 303
    public_id = answer.location.rstrip("/").rpartition("/")[2]
    watch.portal.wait_until_ended(public_id, timeout=300)
    shown = doors.visitor.get(answer.location).text
    links = doors.visitor.analysis_links(public_id)
    assert len(links) == len(chosen)
    assert not any(markup in shown for markup in ("<img src=x", "<svg onload", "onerror=alert(1)>"))
    assert not any(unicodedata.category(letter) == "Cf" for letter in shown)
    for link in links[::3]:
        assert doors.visitor.get(link).status_code == 200
        report = doors.visitor.get(f"{link}report.json")
        assert report.status_code == 200
        assert "stolen" not in str(report.headers)
    assert doors.visitor.get(f"{links[-1]}report.pdf").content.startswith(b"%PDF")
    table = doors.visitor.get(f"{answer.location}export.csv").text
    assert not any(line.startswith(("=", "-", "+", "@")) for line in table.splitlines())


def test_nothing_is_lost(doors: Doors, watch: Watch) -> None:
    states = watch.wait_until_ended(timeout=300)
    assert set(states) == {"finished"}
    watch.check_processes(most_megabytes=MOST_MEGABYTES)
    watch.check_logs()
    watch.check_files()
    submission = doors.visitor.submit({"after.png": image_file("PNG", (32, 32), seed=9)})
    assert watch.portal.wait_until_ended(submission) == ["finished"]
