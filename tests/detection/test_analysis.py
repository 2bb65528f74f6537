"""An analysis is claimed once, answered by the champion, and stored by whoever holds it."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import NoReturn

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from PIL import Image

from detection import ml_gateway
from detection.models import Analysis, ModelVersion, State, SubmittedImage
from detection.services.analysis import (
    analyses_requeue,
    analysis_claim,
    analysis_fail,
    analysis_retry,
    analysis_run,
)
from detection.services.sweeper import worker_gives_back
from portal.models import User
from tests import colours, images, work

Answers = list[ml_gateway.Answer | ml_gateway.GatewayError]


@pytest.mark.parametrize(
    ("colour", "verdict", "word"),
    [
        (work.RED, "likely_ai", "AI-generated"),
        (work.BLUE, "likely_real", "real photographs"),
        (work.GREY, "inconclusive", "wrong too often"),
    ],
)
def test_the_champion_answers(
    alice: User, model: ModelVersion, colour: str, verdict: str, word: str
) -> None:
    analysis = work.analysed(alice, images.plain(colour))
    assert analysis.state == State.FINISHED
    assert (analysis.verdict, analysis.in_domain) == (verdict, True)
    assert word in analysis.summary
    assert analysis.model_version == model
    assert analysis.p_fake is not None
    assert (analysis.p_fake >= 0.8, analysis.p_fake <= 0.2) == (
        verdict == "likely_ai",
        verdict == "likely_real",
    )
    assert analysis.attempts == 1
    assert analysis.milliseconds is not None
    assert analysis.started_at is not None
    assert analysis.finished_at is not None
    assert analysis.finished_at >= analysis.started_at


def test_an_image_of_another_size_is_inconclusive_whatever_the_number(
    alice: User, model: ModelVersion
) -> None:
    analysis = work.analysed(alice, images.plain(work.RED, (9, 8)))
    assert (analysis.verdict, analysis.in_domain) == ("inconclusive", False)
    assert analysis.p_fake is not None
    assert analysis.p_fake > 0.8
    assert colours.SENTENCE in [reason["sentence"] for reason in analysis.reasons]


def test_the_heatmap_has_the_proportions_of_the_image(alice: User, model: ModelVersion) -> None:
    analysis = work.analysed(alice, images.image_file("JPEG", (100, 50)))
    with analysis.heatmap.open("rb") as file, Image.open(file) as heatmap:
        assert (heatmap.format, heatmap.mode, heatmap.size) == ("PNG", "P", (256, 128))
    assert analysis.heatmap_method.startswith("Grad-CAM")


def test_delivered_twice_it_runs_once(alice: User, model: ModelVersion) -> None:
    analysis = work.analysed(alice)
    files = work.media_files()
    assert not analysis_run(analysis_id=analysis.pk, worker="other")
    before = analysis.finished_at
    analysis.refresh_from_db()
    assert (analysis.worker, analysis.finished_at) == ("tester", before)
    assert work.media_files() == files


def test_of_two_workers_one_gets_it(alice: User) -> None:
    analysis = work.queued(alice)
    first = analysis_claim(analysis_id=analysis.pk, worker="one")
    second = analysis_claim(analysis_id=analysis.pk, worker="two")
    assert first is not None
    assert second is None
    analysis.refresh_from_db()
    assert (analysis.state, analysis.worker, analysis.attempts) == (State.RUNNING, "one", 1)


def test_a_deleted_analysis_is_no_error(alice: User, model: ModelVersion) -> None:
    analysis = work.queued(alice)
    pk = analysis.pk
    analysis.delete()
    assert not analysis_run(analysis_id=pk)


def overtaken_by(claim: Analysis) -> Analysis:
    """Another worker's claim on an analysis that had been given back meanwhile."""
    analyses_requeue(analyses=Analysis.objects.filter(pk=claim.pk))
    other = analysis_claim(analysis_id=claim.pk, worker="other")
    assert other is not None
    return other


def test_a_late_answer_stores_nothing_and_leaves_no_heatmap(
    alice: User, model: ModelVersion, overtaken: Callable[[Analysis], None]
) -> None:
    analysis = work.queued(alice)
    files = work.media_files()
    overtaken(analysis)
    assert not analysis_run(analysis_id=analysis.pk, worker="late")
    analysis.refresh_from_db()
    assert (analysis.state, analysis.worker, analysis.verdict) == (State.RUNNING, "other", "")
    assert work.media_files() == files


@pytest.fixture
def overtaken(monkeypatch: pytest.MonkeyPatch) -> Callable[[Analysis], None]:
    """Let another worker claim an analysis while the first one looks at the image."""

    def arrange(analysis: Analysis) -> None:
        answers = ml_gateway.answers

        def slow_answer(*args: object, **options: object) -> Answers:
            overtaken_by(Analysis.objects.get(pk=analysis.pk))
            return answers(*args, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(ml_gateway, "answers", slow_answer)

    return arrange


def test_a_late_failure_stores_nothing(alice: User) -> None:
    claim = analysis_claim(analysis_id=work.queued(alice).pk, worker="late")
    assert claim is not None
    overtaken_by(claim)
    assert not analysis_fail(claim=claim, code="late", sentence="Too late.")
    claim.refresh_from_db()
    assert (claim.state, claim.worker, claim.error_code) == (State.RUNNING, "other", "")


def test_a_claim_from_before_a_retry_is_late_too(alice: User) -> None:
    late = analysis_claim(analysis_id=work.queued(alice).pk, worker="late")
    assert late is not None
    other = overtaken_by(late)
    analysis_fail(claim=other, code="broken", sentence="It broke.")
    failed = Analysis.objects.get(pk=late.pk)
    analysis_retry(analysis=failed)
    newest = analysis_claim(analysis_id=late.pk, worker="newest")
    assert newest is not None
    assert newest.attempts == late.attempts
    assert not analysis_fail(claim=late, code="late", sentence="Too late.")
    newest.refresh_from_db()
    assert (newest.state, newest.worker) == (State.RUNNING, "newest")


def test_an_image_deleted_meanwhile_leaves_no_heatmap(
    alice: User, model: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysis = work.queued(alice)
    answers = ml_gateway.answers

    def slow_answer(*args: object, **options: object) -> Answers:
        analysis.image.delete()
        return answers(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ml_gateway, "answers", slow_answer)
    assert not analysis_run(analysis_id=analysis.pk)
    assert not [path for path in work.media_files() if "heatmaps" in path.parts]


def test_a_database_that_goes_away_at_the_end_leaves_no_heatmap(
    alice: User, model: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysis = work.queued(alice)
    answers = ml_gateway.answers

    def gone(*_: object) -> NoReturn:
        raise OperationalError("server has gone away")

    with ExitStack() as outage:

        def last_answer(*args: object, **options: object) -> Answers:
            result = answers(*args, **options)  # type: ignore[arg-type]
            outage.enter_context(connection.execute_wrapper(gone))
            return result

        monkeypatch.setattr(ml_gateway, "answers", last_answer)
        with pytest.raises(OperationalError):
            analysis_run(analysis_id=analysis.pk)
    # Whether it was stored nobody knows at that moment; who gives the claim back finds out.
    worker_gives_back(worker="")
    assert not [path for path in work.media_files() if "heatmaps" in path.parts]


@pytest.mark.parametrize(
    ("p_fake", "fake", "real"),
    [
        (0.0, 0.1, 99.9),
        (0.00049, 0.1, 99.9),
        (0.5, 50.0, 50.0),
        (0.9736, 97.4, 2.6),
        (1.0, 99.9, 0.1),
    ],
)
def test_percentages_never_promise_certainty(p_fake: float, fake: float, real: float) -> None:
    analysis = Analysis(p_fake=p_fake)
    assert (analysis.percent_fake, analysis.percent_real) == (fake, real)


def test_an_analysis_is_stuck_when_it_has_waited_for_minutes() -> None:
    now = timezone.now()
    waiting = Analysis(
        image=SubmittedImage(original="originals/a.bin"),
        state=State.QUEUED,
        created_at=now - timedelta(hours=1),
    )
    assert waiting.can_retry
    waiting.enqueued_at = now
    assert not waiting.can_retry
