"""Fixtures of the fast tests: folders that are thrown away, people, a model, a queue."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from kombu import Connection, pools
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from detection.models import ModelVersion
from detection.services.registry import version_promote, version_register
from portal.celery import app
from portal.models import User
from tests import colours, people, work

Committed = Callable[[], AbstractContextManager[Any]]
Queue = Callable[[], list[int]]
NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, settings: Settings) -> None:
    """Keep the files of each test apart, and forget what the last one was throttled for."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MODELS_ROOT = tmp_path / "models"
    settings.RUNS_ROOT = tmp_path / "runs"
    settings.SHIPPED_MODELS = tmp_path / "shipped"
    settings.DATASETS_ROOT = tmp_path / "datasets"
    cache.clear()


@pytest.fixture
def alice(db: None) -> User:
    """The owner."""
    return people.person("alice")


@pytest.fixture
def charlie(db: None) -> User:
    """Somebody who must see nothing of Alice's."""
    return people.person("charlie")


@pytest.fixture
def admin(db: None) -> User:
    """The administrator."""
    return people.administrator()


@pytest.fixture
def as_alice(alice: User) -> Client:
    """Alice's browser."""
    return signed_in(alice)


@pytest.fixture
def as_charlie(charlie: User) -> Client:
    """Charlie's browser."""
    return signed_in(charlie)


@pytest.fixture
def as_admin(admin: User) -> Client:
    """The administrator's browser."""
    return signed_in(admin, lately=True)


def signed_in(user: User, *, lately: bool = False) -> Client:
    """A browser in which this user is signed in; `lately`: so that nothing asks who it is."""
    client = Client()
    client.force_login(user)
    if lately:
        session = client.session
        session["account_authentication_methods"] = [
            {"method": "password", "at": time.time(), "reauthenticated": True}
        ]
        session["account_authentication_methods_user"] = str(user.pk)
        session.save()
    return client


def settled(client: Client) -> Client:
    """A browser that has asked for something already: a session's first request notes more."""
    client.get("/guide/")
    return client


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored model, real and tiny; tests that change its files work on a copy."""
    folder = tmp_path_factory.mktemp("model") / "colours"
    colours.store(folder)
    return folder


@pytest.fixture
def model(db: None, model_folder: Path) -> ModelVersion:
    """The registered model version that answers."""
    version, _ = version_register(directory=model_folder)
    version_promote(version=version, reason="For the tests.")
    return version


@pytest.fixture
def other_model() -> Callable[[Path], None]:
    """Store, in a folder, a model with the same name and other weights."""

    def store(folder: Path) -> None:
        colours.store(folder, strength=2.0)

    return store


@pytest.fixture
def committed(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> Committed:
    """A context at whose end that happens which waits for the commit."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def queue() -> Iterator[Queue]:
    """What has been enqueued since the last call: ids of analyses."""
    work.delivered()
    yield work.delivered
    work.delivered()


@pytest.fixture
def pictures() -> Iterator[Queue]:
    """The same of the queue `pictures`: ids of views and explanations."""
    work.delivered("pictures")
    yield lambda: work.delivered("pictures")
    work.delivered("pictures")


@pytest.fixture
def broker_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tasks go to a port where nobody listens."""
    away = pools.producers[Connection(NOBODY_LISTENS, transport_options={"max_retries": 0})]
    monkeypatch.setattr(app.amqp, "_producer_pool", away)
