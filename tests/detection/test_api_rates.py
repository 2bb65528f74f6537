"""How often one may ask: told with each answer, held by all processes together."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings
from redis.exceptions import RedisError

from detection.api import throttling
from portal.models import User
from tests.programs import error, program, with_token

ANALYSES, HEALTH = "/api/v1/analyses/", "/api/v1/health/"


class Clock:
    """Stands still unless it is set."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        """The moment."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Clock:
    """A clock at the beginning of a minute, and three requests in each."""
    settings.API_RATE_PER_MINUTE = 3
    clock = Clock()
    monkeypatch.setattr(throttling, "time", clock)
    return clock


def left(answer: Any) -> tuple[int, int, int]:
    """What the headers say: limit, remaining, seconds."""
    names = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
    return tuple(int(answer[name]) for name in names)  # type: ignore[return-value]


def test_each_answer_tells_how_many_are_left(alice: User, clock: Clock) -> None:
    client = program(alice)
    assert left(client.get(ANALYSES)) == (3, 2, 60)
    clock.now += 15.5
    # Errors count and tell as well.
    assert left(client.get(f"{ANALYSES}none/")) == (3, 1, 45)
    assert left(client.put(ANALYSES)) == (3, 0, 45)
    answer = client.get(ANALYSES)
    assert error(answer, 429)["code"] == "throttled"
    assert answer["Retry-After"] == "45"
    assert left(answer) == (3, 0, 45)
    clock.now += 45
    assert left(client.get(ANALYSES)) == (3, 2, 60)


def test_all_tokens_of_a_person_count_together_and_nobody_elses(
    alice: User, charlie: User, clock: Clock
) -> None:
    for _ in range(3):
        assert program(alice).get(ANALYSES).status_code == 200
    assert program(alice).get(ANALYSES).status_code == 429
    assert program(charlie).get(ANALYSES).status_code == 200


@pytest.mark.django_db
def test_whoever_is_not_known_counts_by_place(clock: Clock) -> None:
    guesses = [with_token(f"vpx_{'0' * 60}{n:04}").get(ANALYSES) for n in range(4)]
    assert [guess.status_code for guess in guesses] == [401, 401, 401, 429]
    assert Client().get(HEALTH).status_code == 429
    assert Client(REMOTE_ADDR="192.0.2.7").get(HEALTH).status_code == 200


def test_nobody_is_counted_while_the_cache_is_away(
    alice: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images are taken in then, and wait."""

    def away(*_: object, **__: object) -> None:
        raise RedisError("Connection refused")

    monkeypatch.setattr(cache, "add", away)
    client = program(alice)
    for _ in range(4):
        assert left(client.get(ANALYSES)) == (3, 3, 60)
