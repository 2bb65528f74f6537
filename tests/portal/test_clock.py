"""What happens by the clock has a task that exists, and does what it says."""

from datetime import timedelta

import pytest
from celery import current_app
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from portal.steady_beat import SteadyScheduler
from portal.tasks import forget_sessions


def test_every_entry_has_its_task() -> None:
    current_app.loader.import_default_modules()
    entries = current_app.conf.beat_schedule.values()
    assert {entry["task"] for entry in entries} <= set(current_app.tasks)
    assert len(entries) == 12


def test_nothing_by_the_clock_waits_among_images_or_for_ever() -> None:
    router = current_app.amqp.router
    for entry in current_app.conf.beat_schedule.values():
        assert router.route({}, entry["task"])["queue"].name in {"upkeep", "background"}
        assert entry["options"]["expires"]


@pytest.mark.django_db
def test_sessions_that_have_run_out_are_forgotten() -> None:
    for days in (-1, 1):
        session = SessionStore()
        session["days"] = days
        session.set_expiry(timezone.now() + timedelta(days=days))
        session.save()
    forget_sessions.apply()
    assert [session.get_decoded()["days"] for session in Session.objects.all()] == [1]


@pytest.mark.django_db
def test_beat_goes_on_when_its_clock_was_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DatabaseScheduler, "tick", lambda *_, **__: 1.0)
    SteadyScheduler(app=current_app)
    hour = timedelta(hours=1)
    PeriodicTask.objects.filter(name="sweep").update(last_run_at=timezone.now() + hour)
    started_again = SteadyScheduler(app=current_app)
    assert started_again.tick() == 1.0
    entry = started_again.schedule["sweep"]
    assert entry.last_run_at <= timezone.now()
    assert entry.is_due().next <= entry.schedule.run_every.total_seconds()
