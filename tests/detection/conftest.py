"""The fixtures of the fast tests; the portal's tests share them."""

from tests.fixtures import *  # noqa: F403 - pytest finds fixtures by name
