"""The probes tell whether the process lives and can take work, for which it needs no broker."""

from pathlib import Path
from typing import NoReturn

import pytest
from celery import current_app
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings

LIVE, READY = "/health/live/", "/health/ready/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media_folder(tmp_path: Path, settings: Settings) -> Path:
    """The folder that settings make at the start."""
    folder = Path(settings.MEDIA_ROOT)
    folder.mkdir()
    return folder


def test_all_is_well(client: Client) -> None:
    assert client.get(LIVE).json() == {"status": "alive"}
    answer = client.get(READY)
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "database": "ok", "media": "ok", "broker": "ok"}


def test_nobody_keeps_an_old_answer(client: Client) -> None:
    for path in (LIVE, READY):
        assert "no-store" in client.get(path)["Cache-Control"]


def test_without_a_database_it_lives_and_is_not_ready(client: Client) -> None:
    def gone(*_: object) -> NoReturn:
        raise OperationalError("connection refused by mysql://user:secret@host")

    with connection.execute_wrapper(gone):
        assert client.get(LIVE).status_code == 200
        answer = client.get(READY)
    assert (answer.status_code, answer.json()["database"]) == (503, "unreachable")
    assert "secret" not in answer.text


def test_without_a_place_for_files_it_is_not_ready(client: Client, media_folder: Path) -> None:
    media_folder.rmdir()
    answer = client.get(READY)
    assert (answer.status_code, answer.json()["media"]) == (503, "not writable")


def test_without_a_broker_it_takes_uploads_all_the_same(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    answer = client.get(READY)
    assert (answer.status_code, answer.json()["broker"]) == (200, "unreachable")


def test_probes_come_without_tls(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(LIVE).status_code == 200
    assert client.get("/guide/").status_code == 301
