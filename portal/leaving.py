"""Leaving: everything of a person goes; at once where it is little, else step by step."""

import logging
import secrets
import smtplib
from functools import partial

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import QuerySet

from detection.models import SubmittedImage, Webhook
from detection.services.data_exports import exports_purge
from detection.services.intake import images_delete, owner_purge
from detection.services.queueing import task_send
from detection.services.traces import traces_clear_on_commit
from portal.models import ApiToken, User

log = logging.getLogger(__name__)

PURGE = "portal.tasks.purge_account"
# With more images than this nobody waits at a page until the last one is gone.
AT_ONCE = 500
STEP = 200
# What stands in place of the address of somebody whose images are still being deleted.
LEFT, NOWHERE = "deleted-", "@deleted.invalid"

# The one mail that goes out after everything else; nothing of it is kept here.
GOODBYE = """\
Your account on Veripix has been deleted, and with it your images and all that came of them. Where
there are many, the last of them go within minutes.

{backups}

If it was neither you nor somebody whom you asked, write to whoever runs the site.
This is the last mail from here.
"""


def user_purge(user: User) -> bool:
    """Delete a user with everything of theirs, for good.

    With many images they are gone as a person at once (address, sign-in, tokens, webhooks), and the
    images follow in the background.

    Returns:
        Whether everything is gone already.
    """
    few = SubmittedImage.objects.visible_to(user)[: AT_ONCE + 1].count() <= AT_ONCE
    with transaction.atomic():
        # Locked, the row lets nobody open a submission that would go without its files.
        User.objects.select_for_update().filter(pk=user.pk).first()
        # Asked for before they go; an address that nobody confirmed may be somebody else's.
        is_known = EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists()
        if is_known:
            transaction.on_commit(partial(_goodbye, user.email), robust=True)
        _identity_end(user)
        traces_clear_on_commit()
        if few:
            owner_purge(owner=user)
            user.delete()
            return True
        User.objects.filter(pk=user.pk).update(
            email=f"{LEFT}{secrets.token_hex(8)}{NOWHERE}",
            is_active=False,
            is_staff=False,
            is_superuser=False,
            password="!",  # noqa: S106 - none that could ever fit
            last_login=None,
        )
        # Robust: should the broker be away, the sweep finds the account.
        transaction.on_commit(lambda: task_send(PURGE, user.pk), robust=True)
    return False


def purge_run(*, user_id: int) -> bool:
    """Carry out what `user_purge` left for later, in steps. Done twice, it finds nothing.

    Returns:
        Whether there was such an account.
    """
    user = leaving().filter(pk=user_id).first()
    if user is None:
        return False
    while images := list(SubmittedImage.objects.visible_to(user).order_by("pk")[:STEP]):
        images_delete(images=images)
    with transaction.atomic():
        User.objects.select_for_update().filter(pk=user.pk).first()
        owner_purge(owner=user)
        user.delete()
        traces_clear_on_commit()
    return True


def leaving() -> QuerySet[User]:
    """Return the accounts whose images are still being deleted."""
    return User.objects.filter(is_active=False, email__startswith=LEFT, email__endswith=NOWHERE)


def _identity_end(user: User) -> None:
    """Delete what says who somebody is and lets them in, also where it hangs on no user's row."""
    keys = list(UserSession.objects.filter(user=user).values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    for model in (UserSession, EmailAddress, Authenticator, ApiToken):
        model._default_manager.filter(user=user).delete()
    Webhook.objects.filter(owner=user).delete()
    exports_purge(owner=user)
    _log_entries_scrub(user)


def _goodbye(address: str) -> None:
    """Confirm by mail that the account is gone; a mail that cannot be sent is given up."""
    text = GOODBYE.format(backups=backups_sentence())
    try:
        EmailMessage("[Veripix] Your account is deleted", text, to=[address]).send()
    except (OSError, smtplib.SMTPException) as error:
        # Neither the address nor what a server says about it.
        log.warning("the last mail to a deleted account was not sent: %s", type(error).__name__)


def backups_sentence() -> str:
    """Say how long what is deleted stays in backups, and what becomes of mail."""
    days = settings.BACKUP_DAYS
    if days is None:
        kept = "may stay in backups for some time more; the operator has not said for how long"
    else:
        kept = f"stays in backups for up to {days} day{'' if days == 1 else 's'} more"
    return f"What is deleted {kept}. Mail that was sent to you before stays in your mailbox."


def _log_entries_scrub(user: User) -> None:
    """Take the address out of the panel's own record of acts on this account and its images."""
    about = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk)
    )
    about.update(object_repr=f"user {user.pk}", change_message="")
    naming = LogEntry.objects.filter(object_repr__icontains=user.email)
    naming.update(object_repr="of a deleted account", change_message="")
