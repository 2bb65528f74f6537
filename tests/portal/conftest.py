"""The fixtures of the fast tests; the tests of the work share them."""

from tests.fixtures import *  # noqa: F403 - pytest finds fixtures by name
