"""Each address of the panel as six people ask for it and post to it; none can be forgotten."""

from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Model
from django.test import Client

from detection.models import AuditEvent, Item
from portal.models import User
from tests import doors
from tests.fixtures import signed_in
from tests.portal.panel_table import ACTS, GET, POST, REFUSED, Panel, Posted

ROUTES = {route.removeprefix("admin/"): pattern for route, pattern in doors.panel_routes().items()}
Things = dict[type[Model], Any]


@pytest.fixture
def things(alice: User, tmp_path: Path) -> Things:
    """One of each kind."""
    return doors.panel_filled(alice, tmp_path / "panel")


@pytest.fixture
def people(alice: User, charlie: User, admin: User) -> dict[str, Client]:
    """Their browsers."""
    users = {"charlie": charlie, "alice": alice, "clerk": doors.clerk()}
    users |= {"reviewer": doors.reviewer(), "admin": admin}
    # Lately: so that no dangerous act is held up by the question for the password, but by rights.
    clients = {name: signed_in(user, lately=True) for name, user in users.items()}
    return {"anonymous": Client(), **clients}


def address(route: str, things: Things) -> str:
    return doors.panel_address(f"admin/{route}", ROUTES[route], things)


def body(route: str, things: Things) -> dict[str, Any]:
    """A form that acts, wherever it may: confirmed, with a reason, and a choice of everything."""
    kinds = {f"{m._meta.app_label}/{m._meta.model_name}": thing for m, thing in things.items()}
    thing = kinds.get("/".join(route.split("/")[:2]))
    is_grid = route.endswith("images/delete/")
    password = "another-horse-battery-8"
    return {
        "post": "yes",
        "confirmed": "yes",
        "reason": "Because it has to be.",
        "action": "delete_selected",
        "_selected_action": thing.pk if thing else "",
        "decision": "accept",
        "item": things[Item].public_id if is_grid else things[Item].pk,
        "name": "Another name",
        "role": "training",
        "description": "",
        "email": "another@example.org",
        "password1": password,
        "password2": password,
        "usable_password": "true",
        "is_active": "on",
        "is_superuser": "on",
        "is_staff": "on",
        "emailaddress_set-TOTAL_FORMS": "0",
        "emailaddress_set-INITIAL_FORMS": "0",
        "is_on": "on",
        "hour": "3",
        "least_new": "1",
        "start": "tiny",
        "batch_size": "8",
    }


def test_no_address_is_forgotten() -> None:
    assert set(ROUTES) == set(GET)
    assert set(POST) <= set(GET)
    assert set(ACTS) <= set(GET)


def test_who_may_get_it(things: Things, people: dict[str, Client]) -> None:
    before = doors.state(but=(AuditEvent,))
    wrong = {}
    for route, expected in GET.items():
        path = address(route, things)
        statuses = {who: client.get(path).status_code for who, client in people.items()}
        if Panel(**statuses) != expected:
            wrong[route] = (expected, Panel(**statuses))
        for who, status in statuses.items():
            # To the sign-in, and not to anything that is the panel's.
            if status == 302 and who in ("anonymous", "charlie", "alice") and route != "logout/":
                target = people[who].get(path)["Location"]
                assert target.startswith(("/admin/login/", "/accounts/login/")), (route, who)
    assert wrong == {}
    # Whatever is fetched: nothing is changed by it, beside the record of who looked.
    assert doors.state(but=(AuditEvent,)) == before


def test_who_may_post_to_it(things: Things, people: dict[str, Client]) -> None:
    wrong = {}
    for route in GET:
        if route == "logout/":
            continue
        path, form = address(route, things), body(route, things)
        may_act = route.startswith("detection/labelreview/queue/")
        before = doors.state(but=(AuditEvent,))
        statuses = {}
        for who in Posted._fields:
            with transaction.atomic():
                statuses[who] = people[who].post(path, form).status_code
                if who == "reviewer" and may_act:
                    transaction.set_rollback(True)
        if Posted(**statuses) != POST.get(route, REFUSED):
            wrong[route] = (POST.get(route, REFUSED), Posted(**statuses))
        assert doors.state(but=(AuditEvent,)) == before, route
    assert wrong == {}


def test_the_administrator_acts_by_the_same_forms(
    things: Things, people: dict[str, Client]
) -> None:
    idle = []
    for route in ACTS:
        before = doors.state(but=(AuditEvent,))
        with transaction.atomic():
            people["admin"].post(address(route, things), body(route, things))
            if doors.state(but=(AuditEvent,)) == before:
                idle.append(route)
            transaction.set_rollback(True)
    assert not idle, idle


def test_other_methods_act_nowhere(things: Things, people: dict[str, Client]) -> None:
    before = doors.state(but=(AuditEvent,))
    for route in GET:
        path = address(route, things)
        for method in ("put", "patch", "delete", "options", "head"):
            answer = getattr(people["admin"], method)(path)
            assert answer.status_code < 500, (route, method)
        if route == "logout/":
            break
    assert doors.state(but=(AuditEvent,)) == before


def test_forms_are_checked_for_a_token(things: Things, admin: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in(admin, lately=True).cookies
    before = doors.state(but=(AuditEvent,))
    for route in GET:
        answer = strict.post(address(route, things), body(route, things))
        assert answer.status_code in (302, 403, 404, 405), route
    assert doors.state(but=(AuditEvent,)) == before
