"""Signing up looks and lasts the same, whether or not the address has an account."""

from typing import Any

from allauth.account.forms import SignupForm
from allauth.core import ratelimit
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest


class SignUpForm(SignupForm):
    """allauth's form, as slow for a taken address, and with a limit to the mail that one gets."""

    def try_save(self, request: HttpRequest) -> tuple[Any, Any]:
        """Make the account, or send its owner a mail that there is one."""
        address = self.cleaned_data["email"].lower()
        if not ratelimit.consume(request, action="signup_address", key=address):
            return None, ratelimit.respond_429(request)
        if self.account_already_exists:
            # A new account has its password hashed, which takes by far the most time.
            make_password(self.cleaned_data["password1"])
        saved: tuple[Any, Any] = super().try_save(request)
        return saved
