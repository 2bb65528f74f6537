"""The page of a challenger tells how it does beside the champion, and whether scores drift."""

from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from detection import tasks
from detection.models import Analysis, ModelVersion, ShadowAnswer
from detection.services.registry import challenger_set
from detection.services.shadow_report import WINDOW, shadow_report
from portal.models import User
from tests import images, sealed, work
from tests.panel import text_of, url


@pytest.fixture
def candidate(model: ModelVersion, tmp_path: Path) -> ModelVersion:
    """Takes red for blue."""
    return sealed.version(tmp_path / "candidate", strength=-3.0)


def test_the_shadow_is_entered_left_and_reported(
    as_admin: Client, alice: User, model: ModelVersion, candidate: ModelVersion
) -> None:
    answer = as_admin.post(url("challenger", candidate.pk), follow=True)
    assert "answers in the shadow from now on" in answer.text
    for colour in ("red", "blue", "grey"):
        tasks.answer_in_shadow(work.analysed(alice, images.plain(colour), name=f"{colour}.png").pk)
    text = text_of(as_admin, url("shadow", candidate.pk))
    assert "33.33 %" in text
    assert "red.png" in text
    assert "blue.png" in text
    assert "grey.png" not in text
    assert "3 answers so far; it takes 400" in text
    answer = as_admin.post(url("challenger", candidate.pk), {"stop": "yes"}, follow=True)
    assert "no longer" in answer.text
    answer = as_admin.post(url("challenger", model.pk), follow=True)
    assert "needs no shadow of itself" in answer.text


def test_drift_is_told_against_the_first_answers(
    alice: User, admin: User, model: ModelVersion, candidate: ModelVersion
) -> None:
    challenger_set(version=candidate, user=admin)
    analysis = work.analysed(alice)
    usual = [0.05 + 0.9 * (number % 20) / 20 for number in range(2 * WINDOW)]
    Analysis.objects.bulk_create(
        Analysis(
            image=analysis.image,
            owner=alice,
            model_version=model,
            state="finished",
            verdict="likely_ai",
            p_fake=p_fake,
            in_domain=True,
            created_at=timezone.now(),
        )
        for p_fake in [*usual[1:], *[0.97] * WINDOW]
    )
    rows = Analysis.objects.exclude(pk=analysis.pk).order_by("pk")[:50]
    ShadowAnswer.objects.bulk_create(
        ShadowAnswer(analysis=row, version=candidate, p_fake=row.p_fake or 0.0) for row in rows
    )
    report = shadow_report(version=candidate)
    champions, own = report.drifts
    assert [window.is_drift for window in champions.windows] == [False, True]
    assert champions.is_drift
    assert (own.count, own.windows) == (50, ())
    assert report.count == 50
    assert sum(report.champion_bins) == sum(report.challenger_bins) == 50


def test_before_any_answer_the_page_says_so(as_admin: Client, candidate: ModelVersion) -> None:
    assert "not answered for any image yet" in text_of(as_admin, url("shadow", candidate.pk))
