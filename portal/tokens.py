"""API tokens on my account: made, shown once, listed, revoked."""

from datetime import timedelta
from typing import Any

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from portal.models import ApiToken, Scope, User

# For how many days a token may be good.
LIFETIMES = (7, 30, 90, 365)
MOST_TOKENS = 20


class TokenRefused(Exception):
    """A token that is not made; `code` is for programs, `sentence` for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class TokenForm(forms.Form):
    """What the token is called, what it may do, and until when."""

    name = forms.CharField(
        label="Name",
        max_length=100,
        help_text="So that you know it again, such as the program or machine that uses it.",
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=Scope.choices,
        initial=[Scope.READ],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one thing that it may do."},
    )
    days = forms.TypedChoiceField(
        label="Good for",
        coerce=int,
        choices=[(days, f"{days} days") for days in LIFETIMES],
        initial=30,
    )


def token_create(*, user: User, name: str, scopes: list[str], days: int) -> tuple[ApiToken, str]:
    """Make a token.

    Returns:
        The row, and the token itself, of which only the hash is kept.

    Raises:
        TokenRefused: `too_many_tokens`, `unknown_scope` or `unknown_lifetime`.
    """
    if not scopes or set(scopes) - set(Scope.values):
        raise TokenRefused("unknown_scope", "There is no such thing that a token may do.")
    if days not in LIFETIMES:
        raise TokenRefused("unknown_lifetime", "A token is good for 7, 30, 90 or 365 days.")
    with transaction.atomic():
        # Locked, so that of many at once no more are made than there may be.
        User.objects.select_for_update().filter(pk=user.pk).first()
        if ApiToken.objects.filter(user=user).count() >= MOST_TOKENS:
            raise TokenRefused(
                "too_many_tokens", f"You have {MOST_TOKENS} tokens; revoke one that you do not use."
            )
        row, token = ApiToken.objects.create(
            user=user, expiry=timedelta(days=days), name=name, scopes=scopes
        )
    return row, token


def token_revoke(*, user: User, public_id: str) -> bool:
    """Make a token good for nothing, at once; of an expired one only the row goes.

    Returns:
        Whether the user had such a token.
    """
    count, _ = ApiToken.objects.filter(user=user, public_id=public_id).delete()
    return bool(count)


def tokens_context(user: Any) -> dict[str, Any]:
    """Return what the account page shows of tokens."""
    return {"tokens": ApiToken.objects.filter(user=user)}


@never_cache
@login_required
@reauthentication_required
def token_new(request: HttpRequest) -> HttpResponse:
    """Ask what the token shall be, then show it, this once."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - login_required; tells the type checker
    form = TokenForm(request.POST or None)
    if form.is_valid():
        try:
            row, token = token_create(user=user, **form.cleaned_data)
        except TokenRefused as refused:
            form.add_error(None, refused.sentence)
        else:
            context = {"row": row, "token": token}
            return render(request, "account/token_made.html", context, status=201)
    status = 422 if form.errors else 200
    return render(request, "account/token_new.html", {"form": form}, status=status)


@login_required
@require_POST
def token_end(request: HttpRequest, public_id: str) -> HttpResponse:
    """Revoke a token of one's own."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - login_required; tells the type checker
    row = ApiToken.objects.filter(user=user, public_id=public_id).first()
    if row is not None and token_revoke(user=user, public_id=public_id):
        sentence = "The token is revoked: whoever has it gets no answer any more."
        messages.success(request, "The token is removed." if row.has_expired else sentence)
    return redirect(reverse("account") + "#tokens")
