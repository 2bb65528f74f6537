"""The forms of second factors: allauth's, named in our words, and sure of what they are sent."""

import struct
from typing import Any

from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms

from portal.factors import FactorAdapter, code_is_new

# What a browser sends of a passkey is a tenth of it.
MOST_LETTERS = 20_000
# What the libraries raise over a credential that no browser has made.
MADE_UP = (LookupError, AttributeError, TypeError, ValueError, OverflowError, struct.error)


class _CodeForm(forms.Form):
    """Takes a code once only.

    allauth remembers a used code for 30 seconds; with a step of tolerance it is good for longer.
    """

    user: Any
    authenticator: Authenticator

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.label = "Code from your app, or a recovery code"
        field.widget.attrs.update(
            {"inputmode": "numeric", "autocapitalize": "off", "autofocus": True, "placeholder": ""}
        )

    def clean_code(self) -> str:
        """Check the code, and that it was not used before."""
        code = str(super().clean_code())  # type: ignore[misc] # of the form that this is mixed into
        if self.authenticator.type == Authenticator.Type.TOTP and not code_is_new(self.user, code):
            raise FactorAdapter().validation_error("incorrect_code")
        return code


class CodeForm(_CodeForm, AuthenticateForm):
    """Asks for a code at sign-in."""


class CodeAgainForm(_CodeForm, ReauthenticateForm):
    """Asks for a code before something that matters."""


class AppForm(ActivateTOTPForm):
    """Asks for the first code of an app."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.label = "Code"
        field.widget.attrs.update({"inputmode": "numeric", "placeholder": ""})


class CredentialField(forms.JSONField):
    """What a browser tells of a passkey, as JSON of a size and depth that can be read."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        """Read it.

        Raises:
            ValidationError: When it is too long, nested without end, or no JSON.
        """
        if isinstance(value, str) and len(value) > MOST_LETTERS:
            raise FactorAdapter().validation_error("incorrect_code")
        try:
            return super().to_python(value)
        except RecursionError:
            raise FactorAdapter().validation_error("incorrect_code") from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Show none of it again: each try makes a new one."""
        return initial


class _SureOfCredential(forms.Form):
    """Answers a made-up credential as it does a wrong one; allauth would fail over some."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["credential"] = CredentialField()

    def clean_credential(self) -> Any:
        """Check it, where the form checks it by itself."""
        check = getattr(super(), "clean_credential", None)
        try:
            return check() if check else self.cleaned_data["credential"]
        except MADE_UP:
            raise FactorAdapter().validation_error("incorrect_code") from None

    def clean(self) -> Any:
        """Check it, where the form checks it together with the rest."""
        try:
            return super().clean()
        except MADE_UP:
            raise FactorAdapter().validation_error("incorrect_code") from None


class PasskeyForm(_SureOfCredential, AddWebAuthnForm):
    """Asks what a passkey shall be called, and whether it shall do without the password."""

    passwordless = forms.BooleanField(
        label="It also signs me in without the password",
        required=False,
        initial=True,
        help_text="It then asks for your finger, face or PIN each time.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = "Name"
        self.fields["name"].widget.attrs["maxlength"] = 60

    def clean_name(self) -> str:
        """Cut a name that no page has room for."""
        return str(super().clean_name())[:60]


class PasskeyLoginForm(_SureOfCredential, LoginWebAuthnForm):
    """Takes a passkey in place of the password."""


class PasskeyUseForm(_SureOfCredential, AuthenticateWebAuthnForm):
    """Takes a passkey beside the password."""


class PasskeyAgainForm(_SureOfCredential, ReauthenticateWebAuthnForm):
    """Takes a passkey before something that matters."""
