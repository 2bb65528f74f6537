"""In the panel versions are judged, compared, promoted, rolled back, shadowed and carried."""

from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from detection import tasks
from detection.models import (
    AuditEvent,
    Dataset,
    Decision,
    Label,
    LabelReview,
    ModelVersion,
    Promotion,
    Role,
    Split,
    Track,
    TrainingRun,
)
from detection.services.datasets import dataset_delete
from detection.services.evaluations import evaluations_make
from detection.services.registry import version_promote
from portal.models import User
from tests import images, people, runs, sealed, work
from tests.fixtures import settled, signed_in
from tests.panel import text_of, url

WHY = "For the tests of the pages."
POSTS = ("promote", "judge", "challenger", "export")


@pytest.fixture
def candidate(model: ModelVersion, tmp_path: Path) -> ModelVersion:
    """Takes red for blue, and fails every gate."""
    return sealed.version(tmp_path / "candidate", strength=-3.0)


def page_of(version: ModelVersion) -> str:
    return reverse("admin:detection_modelversion_change", args=[version.pk])


def champion() -> ModelVersion | None:
    return ModelVersion.objects.champion_of(Track.THUMBNAIL)


# -- the version's page ----------------------------------------------------------------------------


def test_a_version_shows_its_standing_its_figures_and_its_gates(
    as_admin: Client, model: ModelVersion, candidate: ModelVersion
) -> None:
    sealed.dataset(wrong=2)
    evaluations_make(version=candidate)
    text = text_of(as_admin, page_of(candidate))
    for part in ("Candidate", "Signature fits", "accuracy on Sealed", "90.00 %", "False alarms"):
        assert part.lower() in text.lower(), part
    assert "colours 1</a> answers" in text
    assert "decided" in text.lower()
    assert "10.00 % of them right" in text
    text = text_of(as_admin, page_of(model))
    assert "Champion" in text
    assert 'data-testid="gates"' not in text
    assert 'data-testid="promote"' not in text


def test_a_version_that_is_not_whole_says_so(as_admin: Client, model: ModelVersion) -> None:
    (weights,) = model.directory.glob("*.h5")
    weights.write_bytes(b"nonsense")
    text = text_of(as_admin, page_of(model))
    assert "Not whole" in text
    assert "is not the one of its spec" in text


def test_accuracy_is_what_the_sealed_test_of_its_size_said(
    as_admin: Client, model: ModelVersion, candidate: ModelVersion
) -> None:
    """Where the spec tells none: on its page, on its model's and in the list."""
    pages = [
        page_of(candidate),
        reverse("admin:detection_registeredmodel_change", args=[candidate.model_id]),
        reverse("admin:detection_modelversion_changelist"),
    ]
    sealed.dataset(count=10, wrong=1)
    photographs = Dataset.objects.create(name="Photographs", role=Role.TEST)
    sealed.add(photographs, images.image_file("PNG", (64, 48)), Label.REAL)
    assert all("not measured" in text_of(as_admin, page) for page in pages)
    evaluations_make(version=candidate)
    counts = []
    for page in pages:
        with CaptureQueriesContext(connection) as caught:
            assert "10.00 % of 10 in Sealed" in text_of(as_admin, page)
        counts.append(len(caught))
    evaluations_make(version=candidate, again=True)
    for page, count in zip(pages, counts, strict=True):
        with CaptureQueriesContext(connection) as caught:
            text_of(as_admin, page)
        assert len(caught) == count


def test_judging_is_asked_for_done_and_told(
    as_admin: Client, model: ModelVersion, candidate: ModelVersion
) -> None:
    answer = as_admin.post(url("judge", candidate.pk), follow=True)
    assert "There is no sealed test" in answer.text
    sealed.dataset()
    work.delivered("background")
    answer = as_admin.post(url("judge", candidate.pk), follow=True)
    assert "is being judged" in answer.text
    assert "Asked for" in answer.text
    assert work.delivered("background") == [candidate.pk, False]
    tasks.judge_version(candidate.pk)
    assert "Judged now" in text_of(as_admin, page_of(candidate))
    as_admin.post(url("judge", candidate.pk), {"again": "yes"})
    assert work.delivered("background") == [candidate.pk, True]


def test_lineage_leads_from_the_version_to_images_and_reviewers(
    as_admin: Client, admin: User, model: ModelVersion, candidate: ModelVersion
) -> None:
    assert "It was not trained here" in text_of(as_admin, page_of(candidate))
    snapshot = runs.snapshot()
    run = TrainingRun.objects.create(
        snapshot=snapshot, architecture="tiny", base_version=model, version=candidate
    )
    line = snapshot.lines.order_by("pk")[0]
    assert line.item is not None
    LabelReview.objects.create(
        item=line.item, reviewer=admin, decision=Decision.ACCEPT, label=line.label
    )
    text = text_of(as_admin, page_of(candidate))
    made_of = list(snapshot.datasets.all())
    for shown in (run, snapshot, *made_of):
        name = shown._meta.model_name
        assert reverse(f"admin:detection_{name}_change", args=[shown.pk]) in text, name
    assert f"{admin.email} 1" in text
    snapshot.counts = {"datasets": [{"pk": one.pk, "name": one.name} for one in made_of]}
    snapshot.save()
    for one in made_of:
        question = text_of(as_admin, reverse("admin:detection_dataset_delete", args=[one.pk]))
        assert f"{candidate}: learnt from it" in question
        dataset_delete(dataset=one, user=admin)
        assert f"{one.name}: deleted since" in text_of(as_admin, page_of(candidate))


def test_what_a_snapshot_held_out_is_judged_and_is_no_gate(
    as_admin: Client, model: ModelVersion, candidate: ModelVersion
) -> None:
    snapshot = runs.snapshot()
    TrainingRun.objects.create(snapshot=snapshot, architecture="tiny", version=candidate)
    (evaluation,) = evaluations_make(version=candidate)
    assert (evaluation.dataset, evaluation.snapshot) == (None, snapshot)
    assert evaluation.record["n"] == snapshot.lines.filter(split=Split.TEST).count()
    text = text_of(as_admin, page_of(candidate))
    assert f"{snapshot}, held out" in text
    assert f"drop on {snapshot}" not in text
    assert f"{snapshot}, held out" in text_of(as_admin, compare(model, candidate))


# -- promotion -------------------------------------------------------------------------------------


def test_a_failing_version_needs_a_reason_on_the_page_too(
    as_admin: Client, admin: User, model: ModelVersion, candidate: ModelVersion
) -> None:
    sealed.dataset()
    evaluations_make(version=candidate)
    path = url("promote", candidate.pk)
    assert "Promote it all the same" in text_of(as_admin, path)
    answer = as_admin.post(path, {"reason": "<b>it</b>"})
    assert answer.status_code == 200
    assert "fails" in answer.text
    assert "&lt;b&gt;it&lt;/b&gt;" in answer.text
    assert answer.text.count('name="reason"') == 1
    assert champion() == model
    answer = as_admin.post(path, {"reason": WHY}, follow=True)
    assert "answers from now on" in answer.text
    assert champion() == candidate
    promotion = Promotion.objects.get(to_version=candidate)
    assert (promotion.user, promotion.reason, promotion.override_reason) == (admin, WHY, WHY)
    text = text_of(as_admin, reverse("admin:detection_promotion_changelist"))
    assert "Overridden" in text
    assert WHY in text


def test_rolling_back_is_one_click_and_a_confirmation(
    as_admin: Client, model: ModelVersion, candidate: ModelVersion
) -> None:
    version_promote(version=candidate, reason="A trial.", override_reason=WHY)
    text = text_of(
        as_admin, reverse("admin:detection_registeredmodel_change", args=[model.model_id])
    )
    assert f'href="{url("promote", model.pk)}"' in text
    assert "Roll back to colours 1" in text
    assert "no gates are asked" in text_of(as_admin, url("promote", model.pk))
    as_admin.post(url("promote", model.pk), {})
    assert champion() == model
    assert "No reason was written down." in Promotion.objects.newest_first()[0].reason
    answer = as_admin.post(url("promote", model.pk), {}, follow=True)
    assert "answers already" in answer.text
    row = Promotion.objects.newest_first()[1]
    shown = text_of(as_admin, reverse("admin:detection_promotion_change", args=[row.pk]))
    assert WHY in shown


# -- comparison ------------------------------------------------------------------------------------


def compare(first: ModelVersion, second: ModelVersion, rest: str = "") -> str:
    return f"{url('compare')}?first={first.pk}&second={second.pk}{rest}"


def test_two_versions_stand_side_by_side(
    as_admin: Client, model: ModelVersion, candidate: ModelVersion
) -> None:
    test = sealed.dataset(count=30, wrong=3)
    evaluations_make(version=candidate)
    text = text_of(as_admin, compare(model, candidate))
    assert "Surely worse, by 80.00 points" in text
    assert text.count("(better)") == 1
    assert "30 images" in text
    assert "KB" in text
    assert "3 newly right" in text
    assert "Accuracy on the decided" in text
    assert "27 newly wrong" in text
    wrong = test.items.exclude(file_name__in=["0.png", "1.png", "2.png"])
    for item in wrong:
        assert reverse("admin:detection_item_thumbnail", args=[item.public_id]) in text
    text = text_of(as_admin, compare(model, candidate, "&flips=right"))
    assert text.count("/thumbnail/") == 3
    text = text_of(as_admin, compare(candidate, model))
    assert "Surely better, by 80.00 points" in text


def test_like_versions_are_not_told_apart(
    as_admin: Client, model: ModelVersion, tmp_path: Path
) -> None:
    like = sealed.version(tmp_path / "like", strength=3.5)
    sealed.dataset()
    evaluations_make(version=like)
    text = text_of(as_admin, compare(model, like))
    assert "Both are right and wrong on the very same images." in text


def test_nothing_is_called_better_that_is_not_surely_so(
    as_admin: Client, model: ModelVersion, candidate: ModelVersion
) -> None:
    """1 of 3 against 2 of 3: figures differ in every row, and chance does as much."""
    sealed.dataset(count=3, wrong=1)
    evaluations_make(version=candidate)
    text = text_of(as_admin, compare(model, candidate))
    assert "Not surely different" in text
    assert "66.67" in text
    assert "reg-better" not in text
    assert "(better)" not in text


def test_flips_are_paged_and_cost_no_more_queries(
    as_admin: Client, model: ModelVersion, candidate: ModelVersion
) -> None:
    test = sealed.dataset(count=20)
    counts = []
    settled(as_admin)
    for more in (0, 60):
        for number in range(more):
            content = images.plain(f"rgb(0,{number + 1},200)")
            sealed.add(test, content, Label.REAL, f"more-{number}.png")
        evaluations_make(version=candidate)
        with CaptureQueriesContext(connection) as queries:
            text = text_of(as_admin, compare(model, candidate))
        counts.append(len(queries))
    assert "Page 1 of 2" in text
    assert text.count("/thumbnail/") == 48
    # The older evaluations on the smaller set are compared too: two rows more, no query each.
    assert counts[0] == counts[1]
    second = text_of(as_admin, compare(model, candidate, "&page=2"))
    assert "Page 2 of 2" in second


def test_what_cannot_be_compared_is_told(
    as_admin: Client, model: ModelVersion, candidate: ModelVersion
) -> None:
    text = text_of(as_admin, compare(model, candidate))
    assert "Have colours 2 judged on its page" in text
    assert "two different versions" in text_of(as_admin, compare(model, model))
    for odd in ("?first=x&second=", "?first=99999999999999999999&second=0", ""):
        text_of(as_admin, url("compare") + odd)


def test_the_pictures_are_for_those_who_may_see_them(
    model: ModelVersion, candidate: ModelVersion
) -> None:
    sealed.dataset()
    evaluations_make(version=candidate)
    bob = people.person("bob")
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename="view_modelversion"))
    text = text_of(signed_in(bob), compare(model, candidate))
    assert "Surely worse" in text
    assert "/thumbnail/" not in text


# -- who may ---------------------------------------------------------------------------------------


def test_only_those_with_the_right_act(
    as_charlie: Client, model: ModelVersion, candidate: ModelVersion
) -> None:
    bob = people.person("bob")
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename="view_modelversion"))
    as_bob = signed_in(bob)
    assert "Promote" not in text_of(as_bob, page_of(candidate)).replace("Promotions", "")
    for client, expected in ((as_bob, 403), (as_charlie, 302), (Client(), 302)):
        for name in POSTS:
            assert client.post(url(name, candidate.pk)).status_code == expected, name
        for name in ("import", "repeat_all"):
            assert client.post(url(name)).status_code == expected, name
    for client, expected in ((as_charlie, 302), (Client(), 302)):
        for path in (url("compare"), url("shadow", candidate.pk), url("promote", candidate.pk)):
            assert client.get(path).status_code == expected
    assert champion() == model
    assert not AuditEvent.objects.filter(user=bob).exists()


def test_acts_are_posts(as_admin: Client, candidate: ModelVersion) -> None:
    for name in ("judge", "challenger", "export"):
        assert as_admin.get(url(name, candidate.pk)).status_code == 405
    assert as_admin.post(url("judge", 0)).status_code == 404


def test_the_audit_is_read_and_never_written(as_admin: Client, model: ModelVersion) -> None:
    changelist = reverse("admin:detection_auditevent_changelist")
    text = text_of(as_admin, changelist)
    assert "version_promote" in text
    assert "the installation" in text
    event = AuditEvent.objects.get(action="version_promote")
    page = reverse("admin:detection_auditevent_change", args=[event.pk])
    assert "For the tests." in text_of(as_admin, page)
    assert as_admin.post(page, {"action": "nothing"}).status_code == 403
    delete = reverse("admin:detection_auditevent_delete", args=[event.pk])
    assert as_admin.post(delete, {"post": "yes"}).status_code == 403
    assert text_of(as_admin, f"{changelist}?q=version_register").count("version_register") > 1
