"""An analysis that cannot be answered fails with a reason, and can be run again."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone

from detection import ml_gateway
from detection.models import Analysis, ModelVersion, State
from detection.services.analysis import RetryRefused, analysis_retry, analysis_run
from detection.tasks import analyse_images
from portal.models import User
from tests import images, work
from tests.fixtures import Committed, Queue


@pytest.fixture(autouse=True)
def nothing_is_loaded() -> None:
    """Forget models that earlier tests have loaded, as a worker that has just started."""
    ml_gateway.detector_of.cache_clear()


def failed(alice: User, content: bytes | None = None) -> Analysis:
    analysis = work.analysed(alice, content)
    assert analysis.state == State.FAILED
    assert analysis.verdict == ""
    assert analysis.error_sentence.endswith(".")
    assert analysis.finished_at is not None
    return analysis


def test_without_a_model_it_says_who_has_to_act(alice: User) -> None:
    analysis = failed(alice)
    assert analysis.error_code == "no_champion"
    assert "administrator" in analysis.error_sentence


def test_missing_weights(alice: User, model: ModelVersion) -> None:
    (weights,) = model.directory.glob("*.h5")
    weights.unlink()
    assert failed(alice).error_code == "missing_weights"


def test_weights_that_were_tampered_with(alice: User, model: ModelVersion) -> None:
    (weights,) = model.directory.glob("*.h5")
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert failed(alice).error_code == "hash_mismatch"


def test_a_missing_folder(alice: User, model: ModelVersion) -> None:
    shutil.rmtree(model.directory)
    assert failed(alice).error_code == "missing_spec"


def test_weights_of_another_version(
    alice: User, model: ModelVersion, other_model: Callable[[Path], None]
) -> None:
    shutil.rmtree(model.directory)
    other_model(model.directory)
    assert failed(alice).error_code == "wrong_model"


def test_another_spec_beside_the_same_weights(alice: User, model: ModelVersion) -> None:
    spec = model.directory / "spec.json"
    text = spec.read_text()
    assert '"temperature": 1.0' in text
    spec.write_text(text.replace('"temperature": 1.0', '"temperature": 100.0'))
    assert failed(alice).error_code == "wrong_model"


def test_a_stored_image_that_is_gone(alice: User, model: ModelVersion) -> None:
    analysis = work.queued(alice)
    Path(analysis.image.original.path).unlink()
    analysis_run(analysis_id=analysis.pk)
    analysis.refresh_from_db()
    assert (analysis.state, analysis.error_code) == (State.FAILED, "file_missing")


@pytest.mark.parametrize(
    ("kept", "length", "code"),
    [(0, 0, "file_missing"), (400, 400, "file_missing"), (400, None, "damaged_image")],
)
def test_a_stored_image_that_was_damaged(
    alice: User, model: ModelVersion, kept: int, length: int | None, code: str
) -> None:
    """Shorter than it was, it is lost; as long as it was, the decoder tells."""
    content = images.image_file("PNG")
    analysis = work.queued(alice, content)
    damaged = content[:kept].ljust(len(content), b"x")[:length]
    Path(analysis.image.original.path).write_bytes(damaged)
    analysis_run(analysis_id=analysis.pk)
    analysis.refresh_from_db()
    assert (analysis.state, analysis.error_code) == (State.FAILED, code)


def test_once_the_weights_are_back_it_runs_again(
    alice: User, model: ModelVersion, committed: Committed, queue: Queue
) -> None:
    (weights,) = model.directory.glob("*.h5")
    kept = weights.rename(weights.with_suffix(".kept"))
    analysis = failed(alice)
    kept.rename(weights)
    with committed():
        analysis_retry(analysis=analysis)
    assert queue() == [analysis.pk]
    analysis.refresh_from_db()
    assert (analysis.state, analysis.error_code, analysis.error_sentence) == ("queued", "", "")
    assert analysis.finished_at is None
    assert analysis_run(analysis_id=analysis.pk)
    analysis.refresh_from_db()
    assert (analysis.state, analysis.attempts) == (State.FINISHED, 1)


@pytest.mark.parametrize("state", [State.FINISHED, State.RUNNING, State.QUEUED])
def test_what_has_not_failed_is_not_run_again(alice: User, state: State, queue: Queue) -> None:
    analysis = work.ended(work.queued(alice), state=state, enqueued_at=timezone.now())
    with pytest.raises(RetryRefused) as caught:
        analysis_retry(analysis=analysis)
    assert caught.value.sentence.endswith(".")
    assert queue() == []


def test_of_two_retries_one_counts(alice: User, committed: Committed, queue: Queue) -> None:
    analysis = failed(alice)
    twin = Analysis.objects.get(pk=analysis.pk)
    with committed():
        analysis_retry(analysis=analysis)
        with pytest.raises(RetryRefused):
            analysis_retry(analysis=twin)
    assert queue() == [analysis.pk]


def test_a_retry_while_the_broker_is_away_waits(
    alice: User, committed: Committed, broker_is_away: None
) -> None:
    analysis = failed(alice)
    with committed():
        analysis_retry(analysis=analysis)
    analysis.refresh_from_db()
    assert (analysis.state, analysis.enqueued_at) == (State.QUEUED, None)


def test_the_task_runs_the_analysis(alice: User, model: ModelVersion) -> None:
    analysis = work.queued(alice)
    analyse_images.apply(args=[[analysis.pk], "inference"])
    analysis.refresh_from_db()
    assert analysis.state == State.FINISHED


def test_what_nobody_foresaw_ends_one_analysis_with_a_reference(
    alice: User,
    model: ModelVersion,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def surprising(*_: object, **__: object) -> None:
        raise RuntimeError("/secret/path is on fire")

    monkeypatch.setattr(ml_gateway, "answers", surprising)
    analysis = work.queued(alice)
    analyse_images.apply(args=[[analysis.pk], "inference"])
    analysis.refresh_from_db()
    assert (analysis.state, analysis.error_code) == (State.FAILED, "internal")
    assert "/secret/path" not in analysis.error_sentence
    reference = analysis.error_sentence.split("reference ")[1].rstrip(").")
    assert any(reference in record.getMessage() for record in caplog.records)
    assert analysis.can_retry


def test_a_long_reason_is_cut_to_what_the_column_holds(
    alice: User, monkeypatch: pytest.MonkeyPatch, model: ModelVersion
) -> None:
    def verbose(*_: object, **__: object) -> None:
        raise ml_gateway.GatewayError("verbose", "word " * 400)

    monkeypatch.setattr(ml_gateway, "answers", verbose)
    assert len(work.analysed(alice).error_sentence) == 500
