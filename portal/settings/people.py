"""Accounts: how people sign up and in, second factors, and the mail that is sent to them."""

from typing import Any

from django.urls import reverse_lazy

from portal.environment import misconfigured
from portal.settings.base import EMBEDDED, VAR_ROOT, env

AUTH_USER_MODEL = "portal.User"
KNOX_TOKEN_MODEL = "portal.ApiToken"  # noqa: S105 - the name of a model
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
# Length over rules about letters: what is long and not common is what is hard to guess.
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    *(
        {"NAME": f"django.contrib.auth.password_validation.{name}"}
        for name in (
            "UserAttributeSimilarityValidator",
            "CommonPasswordValidator",
            "NumericPasswordValidator",
        )
    ),
]
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = reverse_lazy("submission_new")
LOGOUT_REDIRECT_URL = reverse_lazy("home")
ACCOUNT_ADAPTER = "portal.accounts.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = env.choice(
    "EMAIL_VERIFICATION", ("mandatory", "optional", "none"), default="mandatory"
)
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Veripix] "
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_FORMS = {"signup": "portal.sign_up.SignUpForm"}
# Before what matters people say once more who they are; for so many seconds nobody asks again.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
# By where it comes from, and by the account it is for. Codes of a second factor count as sign-in
# that failed, by the account.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "signup": "20/m/ip",
    "signup_address": "5/h/key",
    "reset_password": "20/m/ip,5/10m/key",
    "reset_password_from_key": "20/m/ip",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
    "manage_email": "10/m/user",
}
MFA_ADAPTER = "portal.factors.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Veripix"
# A clock that is half a minute off, or a slow hand.
MFA_TOTP_TOLERANCE = 1
MFA_FORMS = {
    "activate_totp": "portal.factor_forms.AppForm",
    "add_webauthn": "portal.factor_forms.PasskeyForm",
    "login_webauthn": "portal.factor_forms.PasskeyLoginForm",
    "authenticate_webauthn": "portal.factor_forms.PasskeyUseForm",
    "reauthenticate_webauthn": "portal.factor_forms.PasskeyAgainForm",
    "authenticate": "portal.factor_forms.CodeForm",
    "reauthenticate": "portal.factor_forms.CodeAgainForm",
}
# Where nobody gets in without a confirmed address, one that waits to be confirmed is only a wish
# for a change, and no reason to refuse a second factor.
MFA_ALLOW_UNVERIFIED_EMAIL = ACCOUNT_EMAIL_VERIFICATION == "mandatory"
MFA_RATE_LIMITS = {"webauthn_login": "10/m/ip"}
# Staff have no rights, and no panel, until they have used a second factor.
STAFF_SECOND_FACTOR = env.flag("STAFF_SECOND_FACTOR", default=not EMBEDDED)

if env.has("EMAIL_URL"):
    vars().update(env.email("EMAIL_URL"))
    MAIL_IS_LOCAL = False
elif EMBEDDED:
    EMAIL_BACKEND = "portal.mail.TerminalAndFileBackend"
    EMAIL_FILE_PATH = env.folder("VERIPIX_MAIL", VAR_ROOT / "mail")
    MAIL_IS_LOCAL = True
else:
    misconfigured("EMAIL_URL", "is not set, and this installation needs it to send mail.")
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Veripix <veripix@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = 10
ADMIN_EMAIL = env.mailbox("ADMIN_EMAIL", "admin@localhost")
