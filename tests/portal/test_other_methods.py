"""What others send to Alice's pages changes no row, and no method changes one that no page has."""

import pytest
from django.test import Client
from django.urls import reverse

from detection.models import Analysis, IssuedReport
from portal.models import User
from tests import doors
from tests.fixtures import signed_in
from tests.portal import test_access
from tests.portal.test_access import OPEN, POST, Access, address

# Some hundred requests each, on a machine that may do much else.
pytestmark = pytest.mark.timeout(1200)
# Beside the interface's own table: what is open to people and programs alike.
GET = {"api_schema": OPEN, "api_docs": OPEN, "api_nothing": Access(404, 404, 404, 404)}
analysis = test_access.analysis
people = test_access.people
# Of one's own things these make some, whoever it is.
MAKES = ("submission_open", "data_export_ask", "mfa_generate_recovery_codes")
METHODS = ("put", "patch", "delete", "options", "head")


@pytest.mark.parametrize("name", GET)
def test_what_is_open_beside_the_interface(
    name: str, analysis: Analysis, people: dict[str, Client]
) -> None:
    path = reverse(name)
    answers = {who: client.get(path).status_code for who, client in people.items()}
    assert Access(**answers) == GET[name]


def test_what_others_post_changes_nothing(analysis: Analysis, charlie: User, admin: User) -> None:
    others = (Client(), signed_in(charlie, lately=True), signed_in(admin, lately=True))
    before = doors.state()
    for name in POST:
        if name in MAKES:
            continue
        path = address(name, analysis)
        for client in others:
            client.post(path)
        assert doors.state() == before, name


def test_other_methods_change_nothing(analysis: Analysis, alice: User) -> None:
    client = signed_in(alice, lately=True)
    # HEAD is GET without a body: a report that is asked for is issued once.
    before = doors.state(but=(IssuedReport,))
    for name in test_access.GET:
        if name == "account_logout":
            continue
        path = address(name, analysis)
        for method in METHODS:
            answer = getattr(client, method)(path)
            assert answer.status_code < 500 or name == "health", (name, method)
    assert doors.state(but=(IssuedReport,)) == before
