"""Whatever goes wrong below /api/ is told in one form."""

import pytest
from django.test import Client

from tests.programs import error


@pytest.mark.django_db
def test_an_unknown_address_is_told_in_the_one_form() -> None:
    for path in ("/api/", "/api/v1/", "/api/v2/health/", "/api/v1/no/such/", "/api/v1/health"):
        told = error(Client().get(path), 404)
        assert told["code"] == "not_found"
        assert error(Client().post(path), 404)["code"] == "not_found"
