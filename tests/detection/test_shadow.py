"""A challenger answers beside the champion, after it, and is never in its way."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from detection import tasks
from detection.models import Analysis, ModelVersion, ShadowAnswer, State
from detection.services.analysis import analysis_run
from detection.services.registry import challenger_set, version_promote
from detection.services.repeats import analysis_repeat
from detection.services.shadow import shadow_run
from portal.models import User
from tests import images, sealed, work
from tests.fixtures import Queue


@pytest.fixture
def challenger(model: ModelVersion, tmp_path: Path, admin: User) -> ModelVersion:
    """Takes red for blue, in the shadow."""
    version = sealed.version(tmp_path / "challenger", strength=-3.0)
    challenger_set(version=version, user=admin)
    work.delivered("background")
    return version


def test_it_answers_after_the_verdict_and_is_not_shown(
    alice: User, as_alice: Client, challenger: ModelVersion
) -> None:
    analysis = work.analysed(alice)
    assert work.delivered("background") == [analysis.pk]
    tasks.answer_in_shadow(analysis.pk)
    answer = ShadowAnswer.objects.get()
    assert (answer.analysis, answer.version) == (analysis, challenger)
    assert analysis.p_fake is not None
    assert answer.p_fake == pytest.approx(1 - analysis.p_fake, abs=0.01)
    page = as_alice.get(reverse("analysis_detail", args=[analysis.public_id])).text
    assert "colours 1" in page
    assert "colours 2" not in page


def test_delivered_twice_it_answers_once(alice: User, challenger: ModelVersion) -> None:
    analysis = work.analysed(alice)
    assert [shadow_run(analysis_id=analysis.pk) for _ in range(2)] == [1, 0]
    assert ShadowAnswer.objects.count() == 1


def test_without_a_challenger_nothing_is_sent(alice: User, model: ModelVersion) -> None:
    work.delivered("background")
    analysis = work.analysed(alice)
    assert work.delivered("background") == []
    assert shadow_run(analysis_id=analysis.pk) == 0


def test_a_repeat_has_no_shadow(alice: User, challenger: ModelVersion, tmp_path: Path) -> None:
    first = work.analysed(alice)
    third = sealed.version(tmp_path / "third", strength=2.0)
    version_promote(version=third, reason="Next.", override_reason="For the tests of it.")
    repeat = analysis_repeat(analysis=first, user=alice)
    work.delivered("background")
    assert analysis_run(analysis_id=repeat.pk)
    assert work.delivered("background") == []


@pytest.mark.usefixtures("broker_is_away")
def test_a_broker_that_is_away_costs_the_shadow_only(alice: User, challenger: ModelVersion) -> None:
    assert work.analysed(alice).state == State.FINISHED


def test_a_broken_challenger_fails_no_verdict(
    alice: User, challenger: ModelVersion, queue: Queue
) -> None:
    (weights,) = challenger.directory.glob("*.h5")
    weights.unlink()
    analysis = work.analysed(alice)
    tasks.answer_in_shadow(analysis.pk)
    analysis.refresh_from_db()
    assert analysis.state == State.FINISHED
    assert not ShadowAnswer.objects.exists()


def test_an_image_that_was_deleted_meanwhile_is_no_trouble(
    alice: User, challenger: ModelVersion
) -> None:
    analysis = work.analysed(alice)
    Analysis.objects.all().delete()
    assert shadow_run(analysis_id=analysis.pk) == 0
    gone = work.analysed(alice, images.plain("blue"))
    Path(gone.image.original.path).unlink()
    assert shadow_run(analysis_id=gone.pk) == 0
