"""The health of the whole installation, for strangers: what works, and nothing of where it is."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from celery import current_app
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from detection.services.workers import Sign, worker_beat
from portal import health

HEALTH = "/health/"
ALL = {"database", "cache", "storage", "broker", "workers", "disk"}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_kept(settings: Settings) -> Iterator[None]:
    """Each test finds out by itself; an inference worker is alive, and there is a folder."""
    Path(settings.MEDIA_ROOT).mkdir()
    health._kept.clear()
    now = time.time()
    worker_beat(sign=Sign("inference@here", ["inference"], now, now, 1_000_000))
    yield
    cache.clear()
    health._kept.clear()


def parts(client: Client) -> dict[str, str]:
    """The answer for programs."""
    answer: dict[str, str] = client.get(HEALTH, headers={"Accept": "application/json"}).json()
    return answer


def test_every_part_answers(client: Client) -> None:
    assert parts(client) == dict.fromkeys(ALL, "OK")
    page = client.get(HEALTH, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "All is well" in page.text
    assert "no-store" in page["Cache-Control"]
    text = client.get(HEALTH, {"format": "text"})
    assert sorted(text.text.split("\n"))[1:] == sorted(f"{name}: OK" for name in ALL)


def test_a_database_that_is_away_is_named_without_its_address(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> NoReturn:
        raise OperationalError(2002, "Can't connect to server on '10.0.0.5' as 'veripix'")

    monkeypatch.setattr("health_check.checks.connections", {"default": Broken(gone)})
    answer = client.get(HEALTH, headers={"Accept": "application/json"})
    assert answer.status_code == 500
    assert answer.json()["database"] == "Unavailable: unreachable"
    page = client.get(HEALTH, headers={"Accept": "text/html"})
    assert page.status_code == 500
    assert "Something does not work" in page.text
    for word in ("10.0.0.5", "veripix'", "Can't connect"):
        assert word not in answer.text + page.text


class Broken:
    """A connection on which nothing succeeds."""

    def __init__(self, gone: object) -> None:
        self.ops = self
        self.compiler = gone


def test_what_else_may_be_missing_is_named(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(settings.MEDIA_ROOT).rmdir()
    cache.clear()
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(health, "LEAST_FREE_SHARE", 1.1)
    found = parts(client)
    assert found == {
        "database": "OK",
        "cache": "OK",
        "storage": "Unavailable: not writable",
        "broker": "Unavailable: unreachable",
        "workers": "Unavailable: nobody takes images up",
        "disk": "Unavailable: almost full",
    }


def test_asking_again_and_again_costs_nothing(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parts(client)["storage"] == "OK"
    Path(settings.MEDIA_ROOT).rmdir()
    assert parts(client)["storage"] == "OK", "the last answer counts for some seconds"
    monkeypatch.setattr(health, "KEPT_SECONDS", 0)
    assert parts(client)["storage"] == "Unavailable: not writable"


def test_it_comes_without_tls_and_asks_nobody_who_they_are(
    client: Client, settings: Settings
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = client.get(HEALTH, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert not answer.cookies
