"""Signs of life go on while something else takes long, and one that fails is not the last."""

import threading

import pytest
from django.db import OperationalError

from detection.services import beating as module
from detection.services.beating import beating


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for fifteen seconds."""
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.01)


def test_it_goes_on_after_a_sign_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    signs = iter(range(100_000))
    third = threading.Event()

    def beat() -> None:
        number = next(signs)
        if number == 0:
            raise OperationalError("server has gone away")
        if number == 2:
            third.set()

    with beating(beat, what="a zip"):
        assert third.wait(30)
    assert "no sign of life of a zip: server has gone away" in caplog.text
    assert not [one for one in threading.enumerate() if one.name == "heartbeat of a zip"]


def test_it_ends_with_what_went_wrong() -> None:
    with pytest.raises(ValueError, match="broken"), beating(lambda: None, what="a zip"):
        raise ValueError("broken")
    assert not [one for one in threading.enumerate() if one.name == "heartbeat of a zip"]
