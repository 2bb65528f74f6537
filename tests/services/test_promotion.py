"""While images come in all the time, the champion moves back and forth, and no verdict is lost."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.data import ROOT, drawn_image
from tests.installation import Installation, running_installation, server_variables
from tests.servers import MariaDB, Redis
from tests.visitor import Visitor
from tests.waiting import wait_for

pytestmark = pytest.mark.services
SHIPPED = ROOT / "ml" / "pretrained" / "cifake-residual"
# The same weights under another name and temperature: every answer tells which version gave it.
RIVAL = {'"name": "cifake-residual"': '"name": "rival"', '"temperature": ': '"temperature": 9'}
WITHIN_SECONDS = 10


@pytest.fixture(scope="module", params=["embedded", "servers"])
def portal(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, static_root: Path
) -> Iterator[Installation]:
    """A portal of its own, in either shape, with a second model that waits for its promotion."""
    folder = tmp_path_factory.mktemp(f"promotion-{request.param}")
    variables = {"STATIC_ROOT": str(static_root)}
    if request.param == "servers":
        mariadb: MariaDB = request.getfixturevalue("mariadb")
        redis: Redis = request.getfixturevalue("shared_redis")
        variables = server_variables(folder, static_root, mariadb, redis)
    rival = Path(shutil.copytree(SHIPPED, folder / "rival"))
    text = (rival / "spec.json").read_text()
    for old, new in RIVAL.items():
        assert old in text
        text = text.replace(old, new, 1)
    (rival / "spec.json").write_text(text)
    with running_installation(folder, variables) as installation:
        run(
            installation,
            f"from pathlib import Path; version_register(directory=Path({str(rival)!r}))",
        )
        yield installation


def run(portal: Installation, code: str) -> None:
    portal.manage("shell", "-c", f"from detection.services.registry import *; {code}")


def promote(portal: Installation, name: str) -> None:
    """Promote as another process, as the panel's is."""
    run(
        portal,
        f"version = ModelVersion.objects.get(model__name={name!r}); "
        "version_promote(version=version, reason='A trial.', override_reason='It is a test.')",
    )


@contextmanager
def handing_in(person: Visitor, image: bytes) -> Iterator[list[str]]:
    """Hand the image in again and again until the block ends; the submissions so far."""
    is_over, submissions, trouble = Event(), [], []

    def hand_in() -> None:
        try:
            while not is_over.is_set():
                submissions.append(person.submit({"image.jpg": image}))
        except AssertionError as error:
            trouble.append(error)

    thread = Thread(target=hand_in, daemon=True)
    thread.start()
    try:
        yield submissions
    finally:
        is_over.set()
        thread.join(timeout=60)
    assert trouble == []


def finished(portal: Installation) -> list[tuple[str, float]]:
    """Model and p_fake of every finished analysis, the newest last."""
    rows = portal.rows(
        "SELECT m.name, a.p_fake FROM detection_analysis a"
        " JOIN detection_modelversion v ON v.id = a.model_version_id"
        " JOIN detection_registeredmodel m ON m.id = v.model_id"
        " WHERE a.state = 'finished' AND a.track <> 'face' ORDER BY a.id"
    )
    return [(name, p_fake) for name, p_fake in rows]


def errors(portal: Installation) -> list[tuple[str, str]]:
    """Code and sentence of every analysis that failed."""
    statement = "SELECT error_code, error_sentence FROM detection_analysis WHERE state = 'failed'"
    return [(code, sentence) for code, sentence in portal.rows(statement)]


def test_no_verdict_is_lost_or_mixed_while_the_champion_moves(portal: Installation) -> None:
    alice = portal.visitor().sign_up("alice@example.org")
    with handing_in(alice, drawn_image((32, 32))) as submissions:
        wait_for(lambda: len(finished(portal)) > 5, "the first verdicts", timeout=60)
        for name in ("rival", "cifake-residual", "rival", "cifake-residual"):
            promote(portal, name)
            wait_for(
                lambda name=name: finished(portal)[-1][0] == name,  # type: ignore[misc]
                f"a verdict by {name}",
                timeout=WITHIN_SECONDS,
            )
    for submission in submissions:
        states = portal.wait_until_ended(submission)
        assert states == ["finished"], f"{errors(portal)}\n{portal.log('inference')[-3000:]}"
    answers = finished(portal)
    assert len(answers) == len(submissions)
    names = [name for name, _ in answers]
    # It moved four times, and at each move for good: no worker fell back to the one before.
    moves = [new for old, new in pairwise(names) if new != old]
    assert moves == ["rival", "cifake-residual", "rival", "cifake-residual"]
    # The same image has one probability by each: none was judged by one and stored for the other.
    assert len({(name, round(p_fake, 5)) for name, p_fake in answers}) == 2


def test_the_background_worker_judges_shadows_and_looks_again(
    portal: Installation, tmp_path: Path
) -> None:
    for label in ("REAL", "FAKE"):
        for number in range(10):
            file = tmp_path / "sealed" / label / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(drawn_image((32, 32), seed=number + 50 * (label == "FAKE")))
    portal.manage("import_dataset", "Sealed", str(tmp_path / "sealed"), "--role", "test")
    portal.start("background")
    rival = "ModelVersion.objects.get(model__name='rival')"
    services = "from detection.services import evaluations, repeats; "
    run(portal, f"{services}evaluations.evaluations_ask(version={rival}, user=None)")
    judged = "SELECT COUNT(*) FROM detection_evaluation"
    wait_for(lambda: portal.rows(judged) == [(2,)], "both versions to be judged", timeout=90)

    run(portal, f"challenger_set(version={rival}, user=None)")
    bob = portal.visitor().sign_up("bob@example.org")
    portal.wait_until_ended(bob.submit({"image.jpg": drawn_image((32, 32), seed=7)}))
    shadows = "SELECT COUNT(*) FROM detection_shadowanswer"
    wait_for(lambda: portal.rows(shadows) == [(1,)], "an answer in the shadow")

    before = finished(portal)
    promote(portal, "rival")
    earlier = [name for name, _ in before].count("cifake-residual")
    repeat = "repeats.analyses_repeat(analyses=repeats.Analysis.objects.all(), user=None)"
    run(portal, f"{services}{repeat}")
    wait_for(
        lambda: [name for name, _ in finished(portal)][len(before) :] == ["rival"] * earlier,
        "another look at every image that the other model had judged",
        timeout=120,
    )
    assert finished(portal)[: len(before)] == before
