"""Second factors: how their secrets are kept, what they are called, and whether one was used."""

import base64
import functools
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import yield_hotp_counters_from_time
from allauth.usersessions.models import UserSession
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction
from django.http import HttpRequest
from django.template.loader import render_to_string
from qrcode import QRCode
from qrcode.image.svg import SvgPathImage

from detection.services.audit import audit_record
from portal.models import User

# Recovery codes alone are no factor: they stand in for one.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
MOST_PASSKEYS = 20


class FactorUnreadable(ValidationError):
    """A secret that was encrypted with another `SECRET_KEY`; it lets nobody in."""

    def __init__(self) -> None:
        super().__init__(
            "What is kept of this second factor cannot be read any more. Use another one, or ask "
            "an administrator to take it away.",
            code="factor_unreadable",
        )


@functools.lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    """Return the cipher of these secret keys; the first one encrypts."""
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"veripix second factors")
    return base64.urlsafe_b64encode(kdf.derive(key.encode()))


def cipher() -> MultiFernet:
    """Return what encrypts the secrets of second factors in the database."""
    return _cipher((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


class FactorAdapter(DefaultMFAAdapter):
    """allauth's second factors, with secrets that a copy of the database does not tell."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "That did not match. A code is good for a minute, and only once.",
        "unverified_email": "Confirm your email address first; then you can set this up.",
        "cannot_generate_recovery_codes": "Recovery codes stand in for a second factor: set up an "
        "app or a passkey first.",
        "cannot_delete_authenticator": "This second factor cannot be removed.",
    }

    def encrypt(self, text: str) -> str:
        """Return the text as it is kept."""
        return cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the text that was kept.

        Raises:
            FactorUnreadable: When it was encrypted with a key that is not known any more.
        """
        try:
            return cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            raise FactorUnreadable from None

    def build_totp_svg(self, url: str) -> str:
        """Return the picture that an app photographs, to be written into the page."""
        code = QRCode(border=2)
        code.add_data(url)
        return str(code.make_image(image_factory=SvgPathImage).to_string(encoding="unicode"))

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:  # noqa: A002
        """Return the name that a passkey has until its owner gives it another."""
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return "Passkey" if count == 0 else f"Passkey {count + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return whom a passkey is for: the host that the browser asked."""
        host = context.request.get_host().rpartition(":")
        return {"id": host[0] if host[1] and host[2].isdigit() else host[2], "name": "Veripix"}


def has_factor(user: Any) -> bool:
    """Tell whether somebody has an app or a passkey set up."""
    return Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).exists()


def factor_was_used(request: HttpRequest, user: Any) -> bool:
    """Tell whether this session was opened, or confirmed since, with a factor that still is one."""
    records = get_authentication_records(request, user)
    return any(record.get("method") == "mfa" for record in records) and has_factor(user)


def code_is_new(user: Any, code: str) -> bool:
    """Note that a code of an app was used; false if it was before."""
    key = f"portal.factors.code.{user.pk}.{''.join(code.split())}"
    steps = len(list(yield_hotp_counters_from_time()))
    return cache.add(key, True, timeout=30 * (steps + 1))


def factors_told(user: Any) -> str:
    """Return what somebody has set up, in a few words."""
    types = list(Authenticator.objects.filter(user_id=user.pk).values_list("type", flat=True))
    keys = types.count(Authenticator.Type.WEBAUTHN)
    told = ["app"] if Authenticator.Type.TOTP in types else []
    told += [f"{keys} passkey{'' if keys == 1 else 's'}"] if keys else []
    return " and ".join(told) or "none"


def factors_remove(*, user: User, by: User | None, reason: str) -> str:
    """Take all second factors of somebody away who lost them, and end all of their sessions.

    Returns:
        What was taken away, in a few words; "none" when there was nothing.
    """
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        told = factors_told(user)
        Authenticator.objects.filter(user=user).delete()
        audit_record(
            user=by,
            action="factors_remove",
            subject=f"user {user.pk}",
            taken=told,
            reason=reason[:300],
        )
    # Whoever holds the lost factor may hold an open session as well.
    for session in UserSession.objects.filter(user=user):
        session.end()
    _tell(user, told)
    return told


def _tell(user: User, told: str) -> None:
    """Send the mail by hand: allauth's way needs a request, which a command has not."""
    subject, text = (
        render_to_string(f"mfa/email/factors_removed_{part}.txt", {"taken": told})
        for part in ("subject", "message")
    )
    send_mail(settings.ACCOUNT_EMAIL_SUBJECT_PREFIX + subject.strip(), text, None, [user.email])
