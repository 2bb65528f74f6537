"""Who is asking: a token in the header, and nothing else; see decision 15.

A session's cookie is no way in, so no other site can make a signed-in browser act here, and no
form token is needed.
"""

import re
from datetime import timedelta
from hmac import compare_digest
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from knox.crypto import hash_token
from knox.models import get_token_model
from knox.settings import CONSTANTS
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

SCHEME = "Token"
# As knox makes them: a prefix of ours and hexadecimal digits.
SHAPE = re.compile(r"[A-Za-z0-9_]{20,200}")
# Asked for more often, "last used" would be a write with each read.
USE_IS_NOTED_EVERY = timedelta(minutes=1)


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Token vpx_…`, for somebody who may sign in to the pages as well."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Return the person and the token; `None` where no token was sent.

        Raises:
            AuthenticationFailed: `token_invalid`, `token_expired`, `user_inactive` or
                `email_unverified`.
        """
        scheme, _, sent = get_authorization_header(request).decode("latin-1").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != SCHEME.lower():
            raise AuthenticationFailed(
                "Send the token as 'Authorization: Token <token>'.", "token_invalid"
            )
        token = _found(sent.strip())
        if token is None:
            raise AuthenticationFailed(
                "This token is not known: it was mistyped, or revoked.", "token_invalid"
            )
        _check(token)
        _note_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """Return what `WWW-Authenticate` says."""
        return f'{SCHEME} realm="api"'


def _found(sent: str) -> Any | None:
    """Return the token of these letters, with whether its owner's address is verified."""
    if not SHAPE.fullmatch(sent):
        return None
    verified = EmailAddress.objects.filter(
        user=OuterRef("user"), email=OuterRef("user__email"), verified=True
    )
    tokens = get_token_model().objects.select_related("user").annotate(has_mail=Exists(verified))
    digest = hash_token(sent)
    for token in tokens.filter(token_key=sent[: CONSTANTS.TOKEN_KEY_LENGTH]):
        if compare_digest(digest, token.digest):
            return token
    return None


def _check(token: Any) -> None:
    if token.expiry is not None and token.expiry <= timezone.now():
        raise AuthenticationFailed(
            "This token has expired; make a new one on your account page.", "token_expired"
        )
    if not token.user.is_active:
        raise AuthenticationFailed("This account is not active.", "user_inactive")
    # What the installation asks for at the sign-in page is asked for here too.
    if settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory" and not token.has_mail:
        raise AuthenticationFailed(
            "The e-mail address of this account is not verified yet.", "email_unverified"
        )


def _note_use(token: Any) -> None:
    now = timezone.now()
    if token.last_used_at is not None and now - token.last_used_at < USE_IS_NOTED_EVERY:
        return
    # Of several requests at once, one writes.
    is_stale = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_IS_NOTED_EVERY)
    type(token).objects.filter(is_stale, pk=token.pk).update(last_used_at=now)
