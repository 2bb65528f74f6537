"""Every setting, read from the environment; docs/configuration.md lists the variables.

Without `DATABASE_URL` this is the embedded installation: SQLite, Celery over the file system,
files and mail below `var/`, and no server to install. With it, nothing is assumed any more:
`REDIS_URL`, `SECRET_KEY` and `ALLOWED_HOSTS` are demanded too.
"""

import os
from pathlib import Path
from typing import Any

from celery.schedules import crontab
from django.urls import reverse_lazy

from portal import logs
from portal.abilities import POLICY
from portal.environment import (
    Environment,
    celery_address,
    certificate_files,
    kept_secret,
    misconfigured,
)
from portal.interface import REST_FRAMEWORK, REST_KNOX, SPECTACULAR_SETTINGS  # noqa: F401
from portal.logs import LOG_FORMATS
from portal.panel import UNFOLD  # noqa: F401 - read by django-unfold
from portal.storage_address import object_address, public_endpoint

BASE_DIR = Path(__file__).resolve().parent.parent
# As in pyproject.toml, which no image of the portal holds; reports tell it.
VERSION = "0.1.0"
env = Environment()

EMBEDDED = not env.has("DATABASE_URL")
DEBUG = env.flag("DEBUG", default=False)
VAR_ROOT = env.folder("VERIPIX_VAR", BASE_DIR / "var")
SECRET_KEY = (
    kept_secret(VAR_ROOT / "secret-key")
    if EMBEDDED and not env.has("SECRET_KEY")
    else env.text("SECRET_KEY")
)
# Former keys, with which what they protect can still be read while people come and go.
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS", default=[])

# -- The site ---------------------------------------------------------------------------------

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", default=LOCAL_HOSTS if EMBEDDED else None)
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "django_celery_beat",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "health_check",
    "detection",
    # Last, as it takes some of the others' admin pages away again.
    "portal",
]
MIDDLEWARE = [
    "portal.tracing.Tracing",
    "portal.headers.Headers",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.staff_gate.StaffGate",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.sessions.SessionsSeen",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.away.StorageAway",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.site",
            ],
        },
    }
]
LANGUAGE_CODE = "en"
USE_I18N = False
FORMAT_MODULE_PATH = ["portal.formats"]
USE_TZ = True
TIME_ZONE = env.time_zone("TIME_ZONE", "UTC")

STATIC_URL = "/static/"
STATIC_ROOT = env.folder("STATIC_ROOT", VAR_ROOT / "static", is_private=False)
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "portal.storage.UsedFinder",
]
MEDIA_ROOT = env.folder("MEDIA_ROOT", VAR_ROOT / "media")
# User files are only ever reached through a view that asks who is asking, on this machine too.
MEDIA_URL = "/no-public-media/"
# Where files are kept: in the folder, or, where this is set, in a bucket of an object storage.
BUCKET = object_address(env, "STORAGE_URL")
STORAGE_PUBLIC_URL = public_endpoint(env, "STORAGE_PUBLIC_URL")
# How a file gets to a browser once it is known who asks: through the web process, by a signed
# address in the bucket, or by the proxy in front, which reads it from the folder.
MEDIA_DELIVERY = env.choice("MEDIA_DELIVERY", ("stream", "redirect", "accel"), default="stream")
MEDIA_ADDRESS_SECONDS = env.number("MEDIA_ADDRESS_SECONDS", default=60, least=5, most=3600)
if ("redirect" if BUCKET is None else "accel") == MEDIA_DELIVERY:
    misconfigured(
        "MEDIA_DELIVERY", "may be redirect only with STORAGE_URL, and accel only without it."
    )
# What encrypts stored files; the name keeps it off the pages that show settings.
MEDIA_KEYS = None
if env.has("MEDIA_KEYS"):
    # Only then the library is loaded.
    from portal.encryption import media_keys

    MEDIA_KEYS = media_keys(env, "MEDIA_KEYS")
    if MEDIA_DELIVERY != "stream":
        misconfigured(
            "MEDIA_DELIVERY",
            "must be stream with MEDIA_KEYS: neither a bucket nor a proxy can decrypt.",
        )
STORAGES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "portal.encrypted_storage.EncryptedStorage",
        "OPTIONS": {
            "keys": MEDIA_KEYS,
            "backend": "portal.folder_storage.FolderStorage",
            "options": {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
        }
        if BUCKET is None
        else {
            "keys": MEDIA_KEYS,
            "backend": "portal.object_storage.ObjectStorage",
            "options": BUCKET.options(public=STORAGE_PUBLIC_URL, seconds=MEDIA_ADDRESS_SECONDS),
        },
    },
    "staticfiles": {"BACKEND": "portal.storage.StaticStorage"},
}
# Model versions are then kept there too, and fetched by whoever needs one.
IS_STORAGE_REMOTE = BUCKET is not None
MEDIA_ORIGINS = (
    [BUCKET.origin(STORAGE_PUBLIC_URL)] if BUCKET and MEDIA_DELIVERY == "redirect" else []
)

# -- Data: database, cache, broker ------------------------------------------------------------

SQLITE_OPTIONS = {
    # A writer takes its lock at the start of a transaction and waits for it, so that two
    # processes queue up where they would otherwise fail with "database is locked".
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8000; "
    # What is deleted is overwritten, and not only forgotten where it lies.
    "PRAGMA secure_delete=ON;",
}
MYSQL_OPTIONS = {
    "charset": "utf8mb4",
    "init_command": "SET sql_mode='TRADITIONAL,ONLY_FULL_GROUP_BY'",
    "isolation_level": "read committed",
    "connect_timeout": 5,
}


def database() -> dict[str, Any]:
    """Return the one database, with the options that its engine needs to be strict."""
    if EMBEDDED:
        config: dict[str, Any] = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": VAR_ROOT / "veripix.sqlite3",
        }
    else:
        config = env.database("DATABASE_URL")
    is_sqlite = config["ENGINE"].endswith("sqlite3")
    options = SQLITE_OPTIONS if is_sqlite else MYSQL_OPTIONS
    config["OPTIONS"] = {**options, **config.get("OPTIONS", {})}
    config["CONN_MAX_AGE"] = 60
    config["CONN_HEALTH_CHECKS"] = True
    return config


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

HAS_REDIS = not EMBEDDED or env.has("REDIS_URL")
REDIS_URL = env.url("REDIS_URL", ("redis", "rediss", "unix")) if HAS_REDIS else ""
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 5},
    }
    if HAS_REDIS
    else {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": VAR_ROOT / "cache",
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
# The doctor and the status page warn before one of them ends.
TLS_CERTIFICATES = certificate_files(DATABASES["default"], REDIS_URL, os.environ.get("WEB_TLS", ""))

# -- Celery: how tasks travel (queues and schedule are in portal/celery.py) --------------------

BROKER_FOLDER = VAR_ROOT / "broker"
if HAS_REDIS:
    CELERY_BROKER_URL = celery_address(REDIS_URL)
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        # Longer than the longest task, else Redis hands a running one to a second worker.
        "visibility_timeout": 3600,
        # A broker that is away is told within seconds; the sweeper enqueues later.
        "socket_connect_timeout": 2,
        "socket_timeout": 10,
        "max_retries": 0,
    }
else:
    CELERY_BROKER_URL = "filesystem://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": env.folder("VERIPIX_BROKER", BROKER_FOLDER),
        "data_folder_out": env.folder("VERIPIX_BROKER", BROKER_FOLDER),
        "control_folder": env.folder("VERIPIX_BROKER_CONTROL", VAR_ROOT / "broker-control"),
        "polling_interval": 0.05,
    }

# -- People -----------------------------------------------------------------------------------

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

# -- Transport security -----------------------------------------------------------------------

HTTPS = env.flag("HTTPS", default=not EMBEDDED)
SECURE_SSL_REDIRECT = HTTPS
# Probes come from inside, without TLS, and carry nothing.
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
# With HTTPS browsers are told to take these cookies from this very host alone, by their names.
_COOKIE_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{_COOKIE_PREFIX}veripix_session"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = f"{_COOKIE_PREFIX}csrftoken"
# Scripts read the token from the form that they send.
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "portal.headers.Messages"
MESSAGES_COOKIE_NAME = f"{_COOKIE_PREFIX}veripix_messages"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_REFERRER_POLICY = "same-origin"
PERMISSIONS_POLICY = POLICY
CSRF_FAILURE_VIEW = "portal.views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        # Also for what has no line of its own here: objects, frames, workers, manifests, media.
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        # Of the panel.
        "font-src": ["'self'"],
        "img-src": ["'self'", *MEDIA_ORIGINS],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        **({"upgrade-insecure-requests": True} if HTTPS else {}),
    },
}
TRUST_PROXY = env.flag("TRUST_PROXY", default=False)
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # Sign-in is throttled by the address that the proxy saw; its own would lock out everybody.
    ALLAUTH_TRUSTED_PROXY_COUNT = 1

# -- The work: limits and models --------------------------------------------------------------

MAX_UPLOAD_BYTES = env.number("MAX_UPLOAD_MEGABYTES", default=20, most=500) * 1_000_000
# Pillow by itself refuses more than 178 megapixels.
MAX_PIXELS = env.number("MAX_MEGAPIXELS", default=50, most=150) * 1_000_000
# What a program that decodes may address, and how long for a file; see `detection.decoding`.
DECODER_MEGABYTES = env.number(
    "DECODER_MEGABYTES", default=600 + 24 * MAX_PIXELS // 1_000_000, least=300, most=100_000
)
DECODER_SECONDS = env.number("DECODER_SECONDS", default=3, least=1, most=300)
MAX_FILES = env.number("MAX_FILES", default=50, most=5000)
# What one person may hand in on one day (UTC); see `detection.services.quotas`.
QUOTA_IMAGES_PER_DAY = env.quotas("QUOTA_IMAGES_PER_DAY")
QUOTA_MEGABYTES_PER_DAY = env.quotas("QUOTA_MEGABYTES_PER_DAY")
# Where requests may go to addresses that people named; see `detection.outbound`.
OUTBOUND_PORTS = env.ports("OUTBOUND_PORTS", frozenset({80, 443}))
OUTBOUND_ALLOW_NETWORKS = env.networks("OUTBOUND_ALLOW_NETWORKS")
# Whether images may be handed in by their address, which a worker then opens.
URL_FETCH = env.flag("URL_FETCH", default=False)
URL_FETCH_SECONDS = env.number("URL_FETCH_SECONDS", default=20, most=300)
URL_FETCH_ATTEMPTS = env.number("URL_FETCH_ATTEMPTS", default=3, most=10)
WEBHOOK_SECONDS = env.number("WEBHOOK_SECONDS", default=10, most=60)
WEBHOOK_ATTEMPTS = env.number("WEBHOOK_ATTEMPTS", default=8, most=20)
# Before the second attempt; each further wait is four times as long, up to six hours.
WEBHOOK_RETRY_SECONDS = env.number("WEBHOOK_RETRY_SECONDS", default=30, most=3600)
# A webhook that took nothing for so long is switched off.
WEBHOOK_OFF_DAYS = env.number("WEBHOOK_OFF_DAYS", default=3, most=365)
WEBHOOK_LOG_DAYS = env.number("WEBHOOK_LOG_DAYS", default=30, most=3650)
FILE_UPLOAD_HANDLERS = [
    "detection.uploads.BoundedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
DATA_UPLOAD_MAX_NUMBER_FILES = MAX_FILES + 50  # a few too many get a sentence, not a bare 400
DATA_UPLOAD_MAX_NUMBER_FIELDS = MAX_FILES + 1000
# A batch comes as one zip, in pieces, and is unpacked by the background worker.
BATCH_MAX_FILES = env.number("BATCH_MAX_FILES", default=5000, most=50_000)
BATCH_MAX_UPLOAD_BYTES = (
    env.number("BATCH_MAX_UPLOAD_MEGABYTES", default=2000, most=100_000) * 1_000_000
)
BATCH_MAX_UNPACKED_BYTES = (
    env.number("BATCH_MAX_UNPACKED_MEGABYTES", default=5000, most=1_000_000) * 1_000_000
)
MODELS_ROOT = env.folder("MODELS_ROOT", VAR_ROOT / "models")
SHIPPED_MODELS = BASE_DIR / "ml" / "pretrained"
# From here staff import in the admin panel; whoever has a shell imports from anywhere.
DATASETS_ROOT = env.folder("DATASETS_ROOT", VAR_ROOT / "datasets")
IMPORT_MAX_UPLOAD_BYTES = (
    env.number("IMPORT_MAX_UPLOAD_MEGABYTES", default=2000, most=100_000) * 1_000_000
)
IMPORT_MAX_UNPACKED_BYTES = (
    env.number("IMPORT_MAX_UNPACKED_MEGABYTES", default=50000, most=10_000_000) * 1_000_000
)
IMPORT_MAX_FILES = env.number("IMPORT_MAX_FILES", default=500000, most=10_000_000)
# With fewer images, or fewer of one kind, a model learns the labels and not the images.
SNAPSHOT_MIN_IMAGES = env.number("SNAPSHOT_MIN_IMAGES", default=40, least=10)
SNAPSHOT_MIN_CLASS_SHARE = env.decimal("SNAPSHOT_MIN_CLASS_SHARE", default=0.2, least=0, most=0.5)
# A worker that has held an analysis this long without an answer is taken to be dead.
ANALYSIS_LEASE_SECONDS = env.number("ANALYSIS_LEASE_SECONDS", default=120, least=5)
ANALYSIS_MAX_ATTEMPTS = env.number("ANALYSIS_MAX_ATTEMPTS", default=3, most=20)
SWEEP_SECONDS = env.number("SWEEP_SECONDS", default=15, most=3600)
# By the clock of whoever takes it up, which may differ from beat's: then none would ever be made.
SWEEP_EXPIRES = 2 * 3600
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "detection.tasks.sweep",
        "schedule": float(SWEEP_SECONDS),
        # Of those that wait while no worker runs, what is older is worthless.
        "options": {"expires": SWEEP_EXPIRES},
    },
    "sweep runs": {
        "task": "detection.tasks.sweep_runs",
        "schedule": float(SWEEP_SECONDS),
        "options": {"expires": SWEEP_EXPIRES},
    },
    "sweep batches": {
        "task": "detection.tasks.sweep_batches",
        "schedule": float(SWEEP_SECONDS),
        "options": {"expires": SWEEP_EXPIRES},
    },
    "sweep pieces of uploads": {
        "task": "detection.tasks.sweep_pieces",
        "schedule": crontab(minute="35"),
        "options": {"expires": 3000},
    },
    "sweep outgoing": {
        "task": "detection.tasks.sweep_outgoing",
        "schedule": float(SWEEP_SECONDS),
        "options": {"expires": SWEEP_EXPIRES},
    },
    # It looks for itself whether this is the hour that was chosen in the panel.
    "retrain at night": {
        "task": "detection.tasks.background.retrain_at_night",
        "schedule": crontab(minute="5"),
        "options": {"expires": 3000},
    },
    "forget answers of programs": {
        "task": "detection.tasks.background.forget_idempotent_requests",
        "schedule": crontab(minute="20"),
        "options": {"expires": 3000},
    },
    "check the audit": {
        "task": "detection.tasks.background.check_audit",
        "schedule": crontab(hour="4", minute="40"),
        "options": {"expires": 3000},
    },
    "forget images": {
        "task": "detection.tasks.background.forget_images",
        "schedule": crontab(minute="*/10"),
        "options": {"expires": 600},
    },
    "sweep accounts that leave": {
        "task": "portal.tasks.sweep_accounts",
        "schedule": crontab(minute="*/10"),
        "options": {"expires": 600},
    },
    "sweep data exports": {
        "task": "detection.tasks.sweep_data_exports",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "forget sessions": {
        "task": "portal.tasks.forget_sessions",
        "schedule": 24 * 3600.0,
        "options": {"expires": 24 * 3600},
    },
}
# More threads than this gain nothing on images this small.
INFERENCE_THREADS = env.number("INFERENCE_THREADS", default=min(os.cpu_count() or 1, 4), most=256)
RUNS_ROOT = env.folder("RUNS_ROOT", VAR_ROOT / "runs")
# Verdicts go first: training is nice to them, and may be kept to fewer cores.
TRAINING_THREADS = env.number("TRAINING_THREADS", default=os.cpu_count() or 1, most=256)
TRAINING_NICE = env.number("TRAINING_NICE", default=19, least=0, most=19)
# A training worker that has given no sign of life this long is taken to be dead.
TRAINING_LEASE_SECONDS = env.number("TRAINING_LEASE_SECONDS", default=120, least=5)
TRAINING_MAX_ATTEMPTS = env.number("TRAINING_MAX_ATTEMPTS", default=3, most=20)
# Fewer images of a class to learn from than this are no ground for a model.
TRAINING_MIN_IMAGES = env.number("TRAINING_MIN_IMAGES", default=50)
# Fewer photographs of a class are no ground to fit on, nor to tell what a fit is worth.
PHOTO_LEAST_IMAGES = env.number("PHOTO_LEAST_IMAGES", default=20, least=20)
PHOTO_FALSE_ALARMS = env.decimal("PHOTO_FALSE_ALARMS", default=0.05, least=0.01, most=0.5)
# What a version has to reach before it may answer without somebody's written reason.
GATE_MIN_ACCURACY = env.decimal("GATE_MIN_ACCURACY", default=0.9, least=0, most=1)
GATE_MAX_DROP = env.decimal("GATE_MAX_DROP", default=0.01, least=0, most=1)
GATE_MAX_COVERAGE_DROP = env.decimal("GATE_MAX_COVERAGE_DROP", default=0.1, least=0, most=1)
GATE_MAX_ECE = env.decimal("GATE_MAX_ECE", default=0.05, least=0, most=1)
# Some hundred photographs tell a calibration less sharply than thousands of thumbnails.
GATE_PHOTO_MAX_ECE = env.decimal("GATE_PHOTO_MAX_ECE", default=0.08, least=0, most=1)
GATE_MAX_SLOWDOWN = env.decimal("GATE_MAX_SLOWDOWN", default=2.0, least=0.1, most=1000)
GATE_MAX_MEGABYTES = env.number("GATE_MAX_MEGABYTES", default=250, most=10_000)
# Signs registered versions; without one of its own the key is derived from SECRET_KEY.
MODEL_SIGNING_KEY = env.text("MODEL_SIGNING_KEY", "")
# Public keys of age that backups are encrypted for; who makes one need not be able to read it.
BACKUP_RECIPIENTS = env.age_keys("BACKUP_RECIPIENT")
# How many reviewers have to agree on a label.
LABEL_REVIEWERS = env.number("LABEL_REVIEWERS", default=1, most=2)
HISTORY_PAGE_SIZE = env.number("HISTORY_PAGE_SIZE", default=24, most=200)
# What one person's programs may ask for, all tokens together.
API_RATE_PER_MINUTE = env.number("API_RATE_PER_MINUTE", default=600, most=1_000_000)
API_MAX_JSON_BYTES = env.number("API_MAX_JSON_KILOBYTES", default=100, most=2000) * 1000

# At most this share of real images may be called AI-generated, as measured on validation images.
MAX_FALSE_ALARMS = env.decimal("MAX_FALSE_ALARMS", default=0.01, least=0.0001, most=0.5)
# Who is trusted to sign Content Credentials: certificates as PEM. Without the file nobody is.
C2PA_TRUST_LIST = env.path("C2PA_TRUST_LIST", VAR_ROOT / "trust" / "c2pa-trust-list.pem")
# Where "seen before" looks: among the owner's images alone, or among all of the installation.
SEEN_BEFORE = env.choice("SEEN_BEFORE", ("own", "installation"), default="own")
# Whether people may make links with which others read a verdict without signing in.
SHARE_LINKS = env.flag("SHARE_LINKS", default=True)
SHARE_MAX_DAYS = env.number("SHARE_MAX_DAYS", default=30, most=3650)
# For how many days images are kept; `None`: until people delete them. See `services.retention`.
RETENTION_DAYS = (
    env.number("RETENTION_DAYS", most=36_500, default=1) if env.has("RETENTION_DAYS") else None
)
# Whether verdicts outlast the images, or go with them.
RETENTION_KEEPS_VERDICTS = env.flag("RETENTION_KEEPS_VERDICTS", default=True)
# For how many days the zip with everything of a person's own is kept once it is made.
DATA_EXPORT_DAYS = env.number("DATA_EXPORT_DAYS", default=7, most=90)
# Who runs this installation, for the privacy page, which says so where it is not filled in.
OPERATOR_NAME = env.text("OPERATOR_NAME", "")
OPERATOR_ADDRESS = env.text("OPERATOR_ADDRESS", "")
OPERATOR_EMAIL = env.mailbox("OPERATOR_EMAIL", "") if env.has("OPERATOR_EMAIL") else ""
# Where data is kept, such as "Frankfurt, Germany, on machines of Example Hosting", and for how
# many days backups are.
OPERATOR_DATA_PLACE = env.text("OPERATOR_DATA_PLACE", "")
BACKUP_DAYS = env.number("BACKUP_DAYS", default=30, most=3650) if env.has("BACKUP_DAYS") else None

# -- Start-up checks and logging --------------------------------------------------------------

# allauth's conditional unique constraints are skipped by MySQL: User.email is unique by itself, and
# second factors are set up under a lock (`portal.factor_views`).
SILENCED_SYSTEM_CHECKS = ["models.W036"]

LOG_LEVEL = env.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO")
# One line an event: for people, or one JSON object for programs.
LOG_FORMAT = env.choice("LOG_FORMAT", LOG_FORMATS, default="line")
# A line for each request and each task that ended; gunicorn's own would name addresses and people.
ACCESS_LOG = env.flag("ACCESS_LOG", default=False)
# Metrics for Prometheus, for whoever brings this token; without one nothing is measured.
METRICS_TOKEN = env.text("METRICS_TOKEN", "")
if METRICS_TOKEN and len(METRICS_TOKEN) < 16:
    misconfigured("METRICS_TOKEN", "must have at least 16 characters.")
# Where the processes of one machine write what they measure.
METRICS_ROOT = env.folder("METRICS_ROOT", VAR_ROOT / "metrics")
# Where workers have a machine without a web process they answer themselves, on this port.
METRICS_PORT = env.number("METRICS_PORT", default=0, least=0, most=65535)
# For Flower; each task costs some messages more.
CELERY_WORKER_SEND_TASK_EVENTS = env.flag("TASK_EVENTS", default=False)
CELERY_TASK_SEND_SENT_EVENT = CELERY_WORKER_SEND_TASK_EVENTS
LOGGING = logs.configuration(form=LOG_FORMAT, level=LOG_LEVEL)
