"""The fixtures of the fast tests; the portal's tests share them."""

from pathlib import Path

import pytest

from tests.credentials import trust_list_pem
from tests.fixtures import *  # noqa: F403 - pytest finds fixtures by name


@pytest.fixture(scope="session")
def trust_list(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The list that knows the signers of `tests.credentials`."""
    path = tmp_path_factory.mktemp("trust") / "list.pem"
    path.write_bytes(trust_list_pem())
    return path
