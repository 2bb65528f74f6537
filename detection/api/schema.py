"""How the interface describes itself: each endpoint with what it may refuse."""

from drf_spectacular.openapi import AutoSchema


class Described(AutoSchema):
    """Adds to each operation the answers that any of them may give."""
