"""Tells people that a run has ended: by mail, and in the panel until they have opened it."""

import logging
import smtplib
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.template.defaultfilters import pluralize
from django.utils import timezone

from detection.models import RunNotice, TrainingRun, Work

log = logging.getLogger(__name__)


def run_ended(*, run_id: int) -> int:
    """Leave a notice for everybody concerned, and send each a mail; how many that were.

    The one who asked is told; of a run that the schedule asked for, every superuser. Mail that
    cannot be sent is logged: the end of the run stands, and so does the notice in the panel.
    """
    run = TrainingRun.objects.select_related("requested_by", "version__model", "snapshot").get(
        pk=run_id
    )
    people = list(_concerned(run))
    RunNotice.objects.bulk_create(
        [RunNotice(run=run, user=person) for person in people], ignore_conflicts=True
    )
    for person in people:
        _mail(run, person)
    return len(people)


def notices_seen(*, run: TrainingRun, user: Any) -> int:
    """Note that a person has opened a run that ended."""
    return RunNotice.objects.unseen_by(user).filter(run=run).update(seen_at=timezone.now())


def _concerned(run: TrainingRun) -> Iterable[Any]:
    """Return whom a run's end concerns."""
    if run.is_scheduled or run.requested_by is None:
        return get_user_model().objects.filter(is_superuser=True, is_active=True)
    return [run.requested_by] if run.requested_by.is_active else []


def _mail(run: TrainingRun, person: Any) -> None:
    mail = EmailMessage(
        f"[Veripix] {run}: {run.get_state_display().lower()}", _text(run), to=[person.email]
    )
    try:
        mail.send()
    except (OSError, smtplib.SMTPException) as error:
        # Neither the address nor the server's words, which quote it.
        kind = type(error).__name__
        log.warning("the mail on the end of %s to user %s was not sent: %s", run, person.pk, kind)


def _text(run: TrainingRun) -> str:
    """Say in plain lines how a run ended."""
    lines = [_ending(run), "", f"Images: {run.snapshot}. Architecture: {run.architecture}."]
    if run.history:
        count = len(run.history)
        lines.append(f"It trained for {count} epoch{pluralize(count)}.")
    if run.is_scheduled:
        lines.append("The schedule had asked for it.")
    lines += ["", "Figures and log are in the administration, under Training runs."]
    return "\n".join(lines) + "\n"


def _ending(run: TrainingRun) -> str:
    match run.state:
        case Work.FINISHED:
            return (
                f"{run} is finished and made {run.version}. It answers nobody until somebody "
                "promotes it."
            )
        case Work.CANCELLED:
            return f"{run} was stopped."
        case _:
            return f"{run} failed: {run.error_sentence}"
