"""Accounts beyond allauth's own pages: my account, leaving, and the first administrator."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.core import ratelimit
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
from detection.services.intake import owner_purge
from detection.services.quotas import usage_of
from portal.environment import misconfigured
from portal.models import User
from portal.tokens import tokens_context

# No letters or digits that are mistaken for one another when typed from a terminal.
ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"
PASSWORD_LENGTH = 16


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
        user_purge(user)
        logout(request)
        messages.success(request, "Your account and everything in it has been deleted.")
        return redirect("home")
    count = SubmittedImage.objects.visible_to(user).count()
    context = {"form": form, "image_count": count}
    status = 422 if form.errors else 200
    return render(request, "account/delete.html", context, status=status)


def user_purge(user: User) -> None:
    """Delete a user with all images, verdicts and files, in one transaction."""
    with transaction.atomic():
        # Locked, the row lets nobody open a submission that would go without its files.
        User.objects.select_for_update().filter(pk=user.pk).first()
        owner_purge(owner=user)
        user.delete()


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
