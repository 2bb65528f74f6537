"""The record of acts: each event is bound to the one before, and what is done to one shows."""

import io
import json
import os
import signal

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from detection.models import AuditEvent
from detection.services.audit import (
    ChainBroken,
    audit_record,
    audit_seal,
    audit_seal_again,
    audit_verify,
    digest_of,
    look_record,
)
from detection.tasks import check_audit
from detection.tasks.analyses import sweep
from portal.models import User


@pytest.fixture
def events(admin: User) -> list[AuditEvent]:
    """Five acts, sealed."""
    made = [
        audit_record(user=admin, action="version_promote", subject=f"v{n}", n=n, share=0.1 * n)
        for n in range(5)
    ]
    assert audit_seal() == 5
    return made


def test_the_sweep_seals_what_was_committed(admin: User) -> None:
    audit_record(user=admin, action="version_promote", subject="v1")
    assert audit_verify().unsealed == 1
    sweep.apply(throw=True)
    assert (audit_verify().unsealed, audit_verify().count) == (0, 1)


def test_a_chain_that_nobody_touched_is_whole(events: list[AuditEvent]) -> None:
    report = audit_verify()
    assert (report.is_whole, report.count, report.unsealed) == (True, 5, 0)
    assert report.head == AuditEvent.objects.get(number=5).digest
    assert len({event.digest for event in AuditEvent.objects.chain()}) == 5


CHANGES: dict[str, dict[str, object]] = {
    "what": {"action": "version_rollback"},
    "to what": {"subject": "v9"},
    "who": {"user_email": "somebody@example.org"},
    "how": {"details": {"n": 7}},
    "seal": {"digest": "0" * 64},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_event_is_named(events: list[AuditEvent], change: dict[str, object]) -> None:
    AuditEvent.objects.filter(number=3).update(**change)
    report = audit_verify()
    assert not report.is_whole
    assert report.breaks[0].startswith("Event 3 is not what was recorded")


def test_an_event_that_was_taken_out_is_missed(events: list[AuditEvent]) -> None:
    AuditEvent.objects.filter(number__in=[2, 3]).delete()
    assert audit_verify().breaks[0] == "Between 1 and 4 events are missing."


def test_whoever_closes_the_gap_is_found_too(events: list[AuditEvent]) -> None:
    AuditEvent.objects.filter(number=2).delete()
    for number in (3, 4, 5):
        AuditEvent.objects.filter(number=number).update(number=number - 1)
    assert audit_verify().breaks[0].startswith("Event 2 is not what was recorded")


def test_a_cut_end_is_found_by_a_digest_from_the_log(events: list[AuditEvent]) -> None:
    head = audit_verify().head
    AuditEvent.objects.filter(number=5).delete()
    assert audit_verify().is_whole, "by the chain alone nobody can tell"
    assert audit_verify(head=head).breaks == [
        "The digest that was given is not in the chain: its end was cut off."
    ]


def test_an_older_digest_stays_in_the_chain(admin: User, events: list[AuditEvent]) -> None:
    head = audit_verify().head
    audit_record(user=admin, action="version_promote", subject="v6")
    audit_seal()
    assert audit_verify(head=head).is_whole


def test_the_database_refuses_two_ends(events: list[AuditEvent], admin: User) -> None:
    late = audit_record(user=admin, action="version_promote", subject="v6")
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEvent.objects.filter(pk=late.pk).update(number=5)


def test_whoever_is_overtaken_while_sealing_leaves_it_for_the_next_time(
    events: list[AuditEvent], admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit_record(user=admin, action="version_promote", subject="v6")
    fifth = AuditEvent.objects.get(number=5)
    # As it looked to somebody who read the end before the fifth was sealed.
    AuditEvent.objects.filter(pk=fifth.pk).update(number=6)
    stale = AuditEvent.objects.chain().filter(number__lt=6)
    monkeypatch.setattr("detection.models.audit.AuditEventQuerySet.chain", lambda self: stale)
    monkeypatch.setattr("detection.services.audit.SEALED_AT_ONCE", 2)
    audit_record(user=admin, action="version_promote", subject="v7")
    assert audit_seal() == 0
    assert AuditEvent.objects.unsealed().count() == 2


def test_people_who_leave_break_no_chain_and_leave_no_address(alice: User, admin: User) -> None:
    for person in (alice, admin):
        audit_record(user=person, action="link_create", subject="analysis abc")
    audit_seal()
    number, address = alice.pk, alice.email
    alice.delete()
    admin.delete()
    assert audit_verify().is_whole
    who = set(AuditEvent.objects.values_list("user_email", flat=True))
    assert who == {f"user {number}", "admin@example.org"}
    assert address not in str(list(AuditEvent.objects.values()))


def test_after_the_key_has_changed_it_is_sealed_again_and_says_so(
    events: list[AuditEvent], settings: Settings
) -> None:
    before = settings.SECRET_KEY
    settings.SECRET_KEY = "another key of the tests with quite some letters"
    assert not audit_verify().is_whole
    with pytest.raises(ChainBroken):
        audit_seal_again()
    settings.SECRET_KEY_FALLBACKS = [before]
    assert audit_verify().is_whole, "by the key that is kept"
    assert audit_seal_again() == 6
    settings.SECRET_KEY_FALLBACKS = []
    assert audit_verify().is_whole
    assert AuditEvent.objects.get(action="audit_seal_again").number == 6


def test_with_a_wrong_key_nothing_is_sealed(
    events: list[AuditEvent], admin: User, settings: Settings
) -> None:
    before = settings.SECRET_KEY
    settings.SECRET_KEY = "a key that somebody put in by mistake, of many letters"
    audit_record(user=admin, action="version_promote", subject="v6")
    assert audit_seal() == 0
    settings.SECRET_KEY = before
    assert audit_seal() == 1
    assert audit_verify().is_whole


def test_a_broken_chain_is_sealed_again_only_by_somebodys_word(events: list[AuditEvent]) -> None:
    AuditEvent.objects.filter(number=3).update(subject="v9")
    with pytest.raises(CommandError, match="Event 3 is not what was recorded"):
        said("--seal-again")
    assert said("--seal-again", "--accept-breaks") == "6 events are sealed anew.\n"
    kept = AuditEvent.objects.get(action="audit_seal_again")
    assert kept.details["breaks"][0].startswith("Event 3 is not what was recorded")


def test_the_daily_look_logs_what_does_not_hold(
    events: list[AuditEvent], caplog: pytest.LogCaptureFixture
) -> None:
    check_audit.apply(throw=True)
    assert not caplog.records
    AuditEvent.objects.filter(number=3).update(subject="v9")
    check_audit.apply(throw=True)
    assert "the audit does not hold: Event 3" in caplog.text


def test_the_doctor_tells_it_too(events: list[AuditEvent]) -> None:
    AuditEvent.objects.filter(number=3).update(subject="v9")
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", "--json", stdout=out)
    assert "Event 3 is not what was recorded" in out.getvalue()


def test_the_digest_does_not_depend_on_how_the_database_gives_details_back(
    events: list[AuditEvent],
) -> None:
    event = AuditEvent.objects.get(number=2)
    turned = AuditEvent.objects.get(number=2)
    turned.details = dict(reversed(list(event.details.items())))
    assert digest_of(event, "x") == digest_of(turned, "x")


# -- the command and the panel -------------------------------------------------------------------


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("audit", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_says_that_all_is_well(events: list[AuditEvent]) -> None:
    head = audit_verify().head
    assert said() == f"5 events, none changed or missing. Head: {head}\n"
    assert said("--head", head) == said()


def test_the_command_fails_where_it_is_not(events: list[AuditEvent]) -> None:
    AuditEvent.objects.filter(number=1).update(subject="v9")
    with pytest.raises(CommandError, match=r"Event 1 is not what was recorded"):
        said()


def test_the_record_can_be_handed_on(events: list[AuditEvent]) -> None:
    lines = [json.loads(line) for line in said("--export").splitlines()]
    assert [line["number"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines[0]["who"] == "admin@example.org"
    assert said("--seal-again") == "6 events are sealed anew.\n"


def test_who_reads_only_the_first_lines_ends_the_export_alone(events: list[AuditEvent]) -> None:
    before = signal.getsignal(signal.SIGPIPE)
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as nobody_reads:
        call_command("audit", "--export", stdout=nobody_reads)
        nobody_reads.write("what else there is to say")
    assert signal.getsignal(signal.SIGPIPE) == before == signal.SIG_IGN


@pytest.mark.parametrize("act", ["change", "delete"])
def test_nobody_changes_or_deletes_an_event_in_the_panel(
    events: list[AuditEvent], as_admin: Client, act: str
) -> None:
    address = reverse(f"admin:detection_auditevent_{act}", args=[events[0].pk])
    answer = as_admin.post(address, {"subject": "v9", "action": "x", "post": "yes"})
    assert answer.status_code == 403
    assert audit_verify().is_whole


def test_many_cannot_be_deleted_at_once(events: list[AuditEvent], as_admin: Client) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [e.pk for e in events]}
    as_admin.post(reverse("admin:detection_auditevent_changelist"), {**chosen, "post": "yes"})
    assert AuditEvent.objects.count() >= 5
    assert audit_verify().is_whole


def test_the_panel_shows_the_place_in_the_chain(
    events: list[AuditEvent], as_admin: Client, alice: User
) -> None:
    page = as_admin.get(reverse("admin:detection_auditevent_change", args=[events[1].pk]))
    assert AuditEvent.objects.get(number=2).digest in page.content.decode()
    assert "holds" in page.content.decode()
    AuditEvent.objects.filter(number=1).update(subject="v9")
    page = as_admin.get(reverse("admin:detection_auditevent_change", args=[events[0].pk]))
    assert "DOES NOT HOLD" in page.content.decode()
    audit_record(user=alice, action="link_create", subject="analysis abc")
    page = as_admin.get(reverse("admin:detection_auditevent_changelist"))
    assert alice.email in page.content.decode()


def test_a_longer_list_costs_no_more_queries(
    events: list[AuditEvent], as_admin: Client, admin: User, alice: User
) -> None:
    as_admin.get(reverse("admin:detection_auditevent_changelist"))  # what is asked but once
    counts = []
    for person in (admin, alice):
        for _ in range(10):
            audit_record(user=person, action="link_create", subject="analysis abc")
        with CaptureQueriesContext(connection) as queries:
            as_admin.get(reverse("admin:detection_auditevent_changelist"))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_looks_at_pictures_hide_no_act_in_the_panel(as_admin: Client, admin: User) -> None:
    AuditEvent.objects.all().delete()
    audit_record(user=admin, action="promote", subject="v9")
    look_record(user=admin, subject="image abc")

    def shown(query: str) -> set[str]:
        page = as_admin.get(reverse("admin:detection_auditevent_changelist") + query)
        return {event.action for event in page.context["cl"].result_list}

    assert shown("") == {"promote"}
    assert shown("?looks=only") == shown("?q=abc") == {"look"}
    assert shown("?looks=too") == shown(f"?user_email={admin.email}") == {"promote", "look"}
    assert shown("?action=look") == {"look"}
