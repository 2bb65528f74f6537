"""Leaving: everything of a person goes; at once where it is little, else step by step."""

import logging
import secrets

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet

from detection.models import SubmittedImage, Webhook
from detection.services.data_exports import exports_purge
from detection.services.intake import images_delete, owner_purge
from detection.services.queueing import task_send
from portal.models import ApiToken, User

log = logging.getLogger(__name__)

PURGE = "portal.tasks.purge_account"
# With more images than this nobody waits at a page until the last one is gone.
AT_ONCE = 500
STEP = 200
# What stands in place of the address of somebody whose images are still being deleted.
LEFT, NOWHERE = "deleted-", "@deleted.invalid"


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
        _identity_end(user)
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


def _log_entries_scrub(user: User) -> None:
    """Take the address out of the panel's own record of acts on this account and its images."""
    about = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk)
    )
    about.update(object_repr=f"user {user.pk}", change_message="")
    naming = LogEntry.objects.filter(object_repr__icontains=user.email)
    naming.update(object_repr="of a deleted account", change_message="")
