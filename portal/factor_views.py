"""Setting up second factors: allauth's pages, one at a time for each person, and leading back."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.base.views import IndexView
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import (
    DownloadRecoveryCodesView,
    GenerateRecoveryCodesView,
    ViewRecoveryCodesView,
)
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from portal.factors import MOST_PASSKEYS, FactorUnreadable, code_is_new
from portal.models import User
from portal.staff_gate import BACK_TO

View = Callable[..., HttpResponseBase]


def told_when_unreadable(view: View) -> View:
    """Say it in a sentence where codes cannot be read, which nobody can make good by trying."""

    @wraps(view)
    def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except FactorUnreadable as unreadable:
            messages.error(request, unreadable.messages[0])
            return redirect("mfa_index")

    return told


@method_decorator(never_cache, name="dispatch")
class Overview(IndexView):
    """What is set up, and what else there is."""


class _SetsUp:
    """A page that sets a factor up.

    The row of the user is locked meanwhile: MySQL leaves out the constraint by which allauth keeps
    to one app and one set of recovery codes a person.
    """

    request: HttpRequest
    kind: Authenticator.Type
    most: int
    did_generate_recovery_codes: bool

    def form_valid(self, form: Any) -> HttpResponse:
        """Set it up, and count that as having used it: the person has just shown that it works."""
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101 - login_required; tells the type checker
        own = Authenticator.objects.filter(user=user, type=self.kind)
        with transaction.atomic():
            User.objects.select_for_update().get(pk=user.pk)
            if own.count() >= self.most:
                messages.error(self.request, "There are no more of these to be had.")
                return redirect("mfa_index")
            response: HttpResponse = super().form_valid(form)  # type: ignore[misc]
        factor = own.latest("pk")
        record_authentication(self.request, user, "mfa", id=factor.pk, type=factor.type)
        return response

    def get_success_url(self) -> str:
        """Go on to the new recovery codes, or back to where somebody came from."""
        back = self.request.session.get(BACK_TO)
        if back and not self.did_generate_recovery_codes:
            return str(back)
        return str(super().get_success_url())  # type: ignore[misc]


@method_decorator(never_cache, name="dispatch")
class AppAdd(_SetsUp, ActivateTOTPView):
    """Shows a secret to an app, and takes the app's first code."""

    kind = Authenticator.Type.TOTP
    most = 1

    def form_valid(self, form: Any) -> HttpResponse:
        """Note the code as used, so that nobody who looked on signs in with it."""
        code_is_new(self.request.user, form.cleaned_data["code"])
        return super().form_valid(form)


@method_decorator(never_cache, name="dispatch")
class PasskeyAdd(_SetsUp, AddWebAuthnView):
    """Has the browser make a passkey."""

    kind = Authenticator.Type.WEBAUTHN
    most = MOST_PASSKEYS


@method_decorator(never_cache, name="dispatch")
@method_decorator(told_when_unreadable, name="dispatch")
class Codes(ViewRecoveryCodesView):
    """Shows the recovery codes that were not used."""


@method_decorator(told_when_unreadable, name="dispatch")
class CodesNew(GenerateRecoveryCodesView):
    """Makes new ones, after which the old ones are good for nothing."""


@method_decorator(told_when_unreadable, name="dispatch")
class CodesFile(DownloadRecoveryCodesView):
    """Hands them out as a file."""


CODES = [
    path("", Codes.as_view(), name="mfa_view_recovery_codes"),
    path("generate/", CodesNew.as_view(), name="mfa_generate_recovery_codes"),
    path("download/", CodesFile.as_view(), name="mfa_download_recovery_codes"),
]
