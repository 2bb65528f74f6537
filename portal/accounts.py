"""Accounts beyond allauth's own pages: my account, leaving, and the first administrator."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.core import context, ratelimit
from allauth.usersessions.models import UserSession
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, logout
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import get_random_string

from detection.models import SubmittedImage, Webhook
from detection.services.quotas import usage_of
from portal.environment import misconfigured
from portal.factors import factors_told
from portal.leaving import backups_sentence, user_purge
from portal.models import User
from portal.tokens import tokens_context

# No letters or digits that are mistaken for one another when typed from a terminal.
ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"
PASSWORD_LENGTH = 16
# How to say once more who one is, as the pages call it.
WAYS = {
    "reauthenticate": "Use the password",
    "mfa_reauthenticate": "Use a code",
    "mfa_reauthenticate:webauthn": "Use a passkey",
}


class AccountAdapter(DefaultAccountAdapter):
    """allauth's behaviour, without the user name that our users do not have."""

    def populate_username(self, request: HttpRequest, user: User) -> None:
        """Do nothing: a user is an e-mail address."""

    def login(self, request: HttpRequest, user: User) -> None:
        """Sign in, and count that as proof of who it is, as the password given once more is.

        So nobody is asked for it a moment after signing in, or up; allauth says for how long.
        """
        super().login(request, user)
        record_authentication(request, user, method="sign_in", reauthenticated=True)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Return the ways to say once more who it is, the one that fits best first.

        Whoever signed in with a passkey alone goes on with it. Staff who owe a second factor get
        no password to try: it would lead them nowhere.
        """
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if getattr(user, "awaits_second_factor", False) and len(ways) > 1:
            ways = [way for way in ways if way["id"] != "reauthenticate"]
        records = get_authentication_records(context.request, user) if ways else []
        if any(record.get("passwordless") for record in records):
            ways.sort(key=lambda way: way["id"] != "mfa_reauthenticate:webauthn")
        for way in ways:
            way["description"] = WAYS[way["id"]]
        return ways


ALL_GONE = "Your account and everything in it has been deleted."
GOING = (
    "Your account is deleted. Your images are being deleted with everything that came of them; as "
    "there are many, that may take some minutes."
)


class AccountDeleteForm(forms.Form):
    """Asks for the password once more, as the act cannot be taken back."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        """Check the password against the signed-in user's."""
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError(
                "That is not your password, so nothing was deleted.", code="wrong_password"
            )
        return password


@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Show my account and what can be done with it."""
    context = {
        "usage": usage_of(request.user),
        "factors": factors_told(request.user),
        "session_count": UserSession.objects.filter(user_id=request.user.pk).count(),
        "webhook_count": Webhook.objects.visible_to(request.user).count(),
        **tokens_context(request.user),
    }
    return render(request, "account/profile.html", context)


@login_required
def account_delete(request: HttpRequest) -> HttpResponse:
    """Delete me, my images, verdicts and files, after asking for the password."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - login_required; tells the type checker
    is_sent = request.method == "POST"
    # As often as allauth lets anybody try the password of an account that is signed in.
    if is_sent and not ratelimit.consume(request, action="reauthenticate", user=user):
        return ratelimit.respond_429(request)
    form = AccountDeleteForm(request.POST if is_sent else None, user=user)
    if form.is_valid():
        is_all_gone = user_purge(user)
        logout(request)
        messages.success(request, ALL_GONE if is_all_gone else GOING)
        return redirect("home")
    count = SubmittedImage.objects.visible_to(user).count()
    context = {"form": form, "image_count": count, "backups": backups_sentence()}
    status = 422 if form.errors else 200
    return render(request, "account/delete.html", context, status=status)


def administrator_ensure() -> tuple[str, str] | None:
    """Create the first administrator of an installation that has none.

    Returns:
        The e-mail address and the random password, which is stored nowhere else; `None` when
        there is an administrator already.
    """
    users = get_user_model().objects
    email, password = settings.ADMIN_EMAIL, get_random_string(PASSWORD_LENGTH, ALPHABET)
    with transaction.atomic():
        if users.filter(is_superuser=True).exists():
            return None
        if users.filter(email=email).exists():
            # Whoever signed up with this address must not become administrator by it.
            misconfigured("ADMIN_EMAIL", f"must be nobody's yet, but {email} has signed up.")
        user = users.create_superuser(email, password)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return email, password
