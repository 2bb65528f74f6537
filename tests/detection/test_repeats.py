"""An image is looked at again by the champion of today; the earlier verdict stays and is found."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from detection import tasks
from detection.models import Analysis, AuditEvent, ModelVersion, State, VerdictKind
from detection.services import sweeper
from detection.services.analysis import analysis_run
from detection.services.intake import images_delete
from detection.services.registry import version_promote
from detection.services.repeats import (
    RepeatRefused,
    analyses_repeat,
    analysis_repeat,
    repeat_all_ask,
)
from portal.models import User
from tests import images, sealed, work
from tests.fixtures import Committed, Queue

WHY = "For the tests of repeats."


@pytest.fixture
def successor(model: ModelVersion, tmp_path: Path) -> ModelVersion:
    """Takes red for blue; promoted where a test says so."""
    return sealed.version(tmp_path / "successor", strength=-3.0)


def promote(version: ModelVersion) -> None:
    version_promote(version=version, reason="For the tests.", override_reason=WHY)


def refused(analysis: Analysis, user: User) -> str:
    with pytest.raises(RepeatRefused) as caught:
        analysis_repeat(analysis=analysis, user=user)
    assert caught.value.sentence.endswith(".")
    return caught.value.code


def current(user: User) -> list[Analysis]:
    return list(Analysis.objects.visible_to(user).on_images().current())


def test_the_new_verdict_stands_and_the_earlier_is_kept(
    alice: User, successor: ModelVersion, committed: Committed, queue: Queue
) -> None:
    first = work.analysed(alice)
    promote(successor)
    work.delivered("background")
    with committed():
        repeat = analysis_repeat(analysis=first, user=alice)
    assert (queue(), work.delivered("background")) == ([], [repeat.pk])
    # Until it has finished, the earlier answer stands.
    assert current(alice) == [first]
    assert analysis_run(analysis_id=repeat.pk)
    repeat.refresh_from_db()
    assert (first.verdict, repeat.verdict) == (VerdictKind.LIKELY_AI, VerdictKind.LIKELY_REAL)
    assert first.model_version is not None
    assert (first.model_version.number, repeat.model_version) == (1, successor)
    assert current(alice) == [repeat]
    assert refused(repeat, alice) == "same_version"


def test_a_repeat_that_failed_takes_nothing_away(alice: User, successor: ModelVersion) -> None:
    first = work.analysed(alice)
    promote(successor)
    repeat = analysis_repeat(analysis=first, user=alice)
    (weights,) = successor.directory.glob("*.h5")
    weights.unlink()
    analysis_run(analysis_id=repeat.pk)
    repeat.refresh_from_db()
    assert repeat.state == State.FAILED
    assert current(alice) == [first]
    assert analysis_repeat(analysis=first, user=alice).pk > repeat.pk


def test_what_would_find_nothing_new_is_refused(alice: User, successor: ModelVersion) -> None:
    done, waiting = work.analysed(alice), work.queued(alice)
    assert refused(done, alice) == "same_version"
    assert refused(waiting, alice) == "not_finished"
    promote(successor)
    analysis_repeat(analysis=done, user=alice)
    assert refused(done, alice) == "under_way"


def test_without_a_champion_nobody_can_look(alice: User) -> None:
    examined = work.ended(work.queued(alice), findings=[{"code": "nothing_said"}])
    assert refused(examined, alice) == "no_champion"


@pytest.mark.parametrize("findings", [[], [{"code": "unknown_signer_ai"}], [{"code": "signed"}]])
def test_where_the_file_may_say_something_else_by_now_the_same_model_looks_again(
    as_alice: Client, alice: User, findings: list[dict[str, str]]
) -> None:
    photo = work.analysed(alice, images.image_file("JPEG", (300, 200)))
    Analysis.objects.filter(pk=photo.pk).update(findings=findings)
    photo.refresh_from_db()
    assert photo.may_be_examined_anew
    repeat = analysis_repeat(analysis=photo, user=alice)
    assert refused(photo, alice) == "under_way"
    assert analysis_run(analysis_id=repeat.pk)
    assert current(alice) == [repeat]
    repeat.refresh_from_db()
    assert repeat.findings
    assert AuditEvent.objects.filter(action="analysis_repeat").exists()


def test_the_page_of_a_signed_file_offers_another_look(as_alice: Client, alice: User) -> None:
    photo = work.analysed(alice, images.image_file("JPEG", (300, 200)))
    address = reverse("analysis_detail", args=[photo.public_id])
    assert "analyse-again" not in as_alice.get(address).text
    stored = {**photo.findings[0], "code": "unknown_signer_ai"}
    Analysis.objects.filter(pk=photo.pk).update(findings=[stored])
    text = as_alice.get(address).text
    assert "If the trust list has changed since" in text
    assert 'data-testid="analyse-again"' in text


def test_many_are_repeated_once_each(
    alice: User, charlie: User, admin: User, successor: ModelVersion, queue: Queue
) -> None:
    done = [work.analysed(alice), work.analysed(charlie, images.plain("blue"))]
    work.ended(work.queued(alice), state=State.FAILED, verdict="")
    everything = Analysis.objects.all()
    assert analyses_repeat(analyses=everything, user=admin) == 0
    promote(successor)
    work.delivered("background")
    assert analyses_repeat(analyses=everything.filter(pk=done[0].pk), user=admin) == 1
    assert analyses_repeat(analyses=everything, user=admin) == 1
    assert analyses_repeat(analyses=everything, user=admin) == 0
    waiting = work.delivered("background")
    assert len(waiting) == 2
    for pk in waiting:
        tasks.analyse_images([pk], "background")
    answered = [one for one in current(alice) if one.state == State.FINISHED]
    assert {one.model_version for one in answered} == {successor}
    assert AuditEvent.objects.filter(action="analyses_repeat", user=admin).count() == 2


def test_all_are_asked_for_at_once(alice: User, admin: User, successor: ModelVersion) -> None:
    work.analysed(alice)
    promote(successor)
    work.delivered("background")
    repeat_all_ask(user=admin)
    assert work.delivered("background") == [admin.pk]
    tasks.repeat_all(admin.pk)
    assert Analysis.objects.repeats().count() == 1
    assert len(work.delivered("background")) == 1


@pytest.mark.usefixtures("broker_is_away")
def test_what_the_broker_did_not_take_the_sweeper_brings_after_the_others(
    alice: User, admin: User, successor: ModelVersion, committed: Committed
) -> None:
    done = work.analysed(alice)
    promote(successor)
    with committed():
        repeat = analysis_repeat(analysis=done, user=alice)
    repeat.refresh_from_db()
    assert repeat.enqueued_at is None
    with pytest.raises(RepeatRefused) as caught:
        repeat_all_ask(user=admin)
    assert caught.value.code == "queue_away"


def test_the_sweeper_brings_first_looks_first(
    alice: User, successor: ModelVersion, queue: Queue
) -> None:
    done = work.analysed(alice)
    promote(successor)
    repeat = analysis_repeat(analysis=done, user=alice)
    fresh = work.queued(alice)
    long_ago = done.created_at.replace(year=2020)
    Analysis.objects.filter(pk__in=[repeat.pk, fresh.pk]).update(
        created_at=long_ago, enqueued_at=None
    )
    order = Analysis.objects.never_enqueued(done.created_at).oldest_first()
    assert list(order) == [fresh, repeat]
    queue()
    work.delivered("background")
    assert sweeper.sweep().enqueued == 2
    assert (queue(), work.delivered("background")) == ([fresh.pk], [repeat.pk])


def test_it_is_deleted_with_its_image(
    alice: User, successor: ModelVersion, committed: Committed
) -> None:
    first = work.analysed(alice)
    promote(successor)
    repeat = analysis_repeat(analysis=first, user=alice)
    analysis_run(analysis_id=repeat.pk)
    with committed():
        images_delete(images=alice.submissions.get().images.all())
    assert not Analysis.objects.exists()
    assert work.media_files() == set()


# -- the pages -------------------------------------------------------------------------------------


def test_the_verdict_page_offers_it_only_when_another_version_answers(
    alice: User, as_alice: Client, successor: ModelVersion
) -> None:
    first = work.analysed(alice)
    page = reverse("analysis_detail", args=[first.public_id])
    assert "Analyse again" not in as_alice.get(page).text
    promote(successor)
    text = as_alice.get(page).text
    assert "Analyse again" in text
    assert "colours 2 answers now" in text
    answer = as_alice.post(reverse("analysis_repeat", args=[first.public_id]))
    repeat = Analysis.objects.get(is_repeat=True)
    assert answer.headers["Location"] == reverse("analysis_detail", args=[repeat.public_id])
    text = as_alice.get(page).text
    assert "is being analysed again" in text
    assert "Analyse again" not in text


def test_both_verdicts_lead_to_each_other_and_lists_show_the_newer(
    alice: User, as_alice: Client, successor: ModelVersion
) -> None:
    first = work.analysed(alice)
    promote(successor)
    repeat = analysis_repeat(analysis=first, user=alice)
    older, newer = (reverse("analysis_detail", args=[one.public_id]) for one in (first, repeat))
    history, submission = reverse("history"), f"/submissions/{first.image.submission.public_id}/"
    for page in (history, submission, reverse("submission_new")):
        assert older in as_alice.get(page).text, page
        assert newer not in as_alice.get(page).text, page
    analysis_run(analysis_id=repeat.pk)
    for page in (history, submission, reverse("submission_new")):
        assert newer in as_alice.get(page).text, page
        assert older not in as_alice.get(page).text, page
    assert "1 of 1" not in as_alice.get(submission).text
    assert "This is an earlier verdict." in as_alice.get(older).text
    assert newer in as_alice.get(older).text
    assert older in as_alice.get(newer).text


def test_a_failed_repeat_is_run_again_from_its_own_page(
    alice: User, as_alice: Client, successor: ModelVersion
) -> None:
    first = work.analysed(alice)
    promote(successor)
    repeat = work.ended(analysis_repeat(analysis=first, user=alice), state=State.FAILED, verdict="")
    answer = as_alice.post(reverse("analysis_retry", args=[repeat.public_id]))
    assert answer.headers["Location"] == reverse("analysis_detail", args=[repeat.public_id])
    repeat.refresh_from_db()
    assert repeat.state == State.QUEUED


def test_it_is_no_business_of_others(
    alice: User, as_charlie: Client, as_admin: Client, successor: ModelVersion
) -> None:
    first = work.analysed(alice)
    promote(successor)
    path = reverse("analysis_repeat", args=[first.public_id])
    assert as_charlie.post(path).status_code == 404
    assert as_admin.post(path).status_code == 404
    assert Client().post(path).status_code == 302
    assert not Analysis.objects.repeats().exists()
