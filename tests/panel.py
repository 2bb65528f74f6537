"""Addresses of the panel's pages on models, and what they say."""

import re

from django.test import Client
from django.urls import reverse


def url(name: str, *args: object) -> str:
    """The address of a page or an act of the registry."""
    return reverse(f"admin:registry_{name}", args=args)


def text_of(client: Client, path: str) -> str:
    """A page's source, with every kind of space as one."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", answer.text)
