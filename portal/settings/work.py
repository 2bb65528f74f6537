"""Handing in, judging and telling others: limits, leases, and what people may ask for."""

from portal.settings.base import VAR_ROOT, env

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

# A worker that has held an analysis this long without an answer is taken to be dead.
ANALYSIS_LEASE_SECONDS = env.number("ANALYSIS_LEASE_SECONDS", default=120, least=5)
ANALYSIS_MAX_ATTEMPTS = env.number("ANALYSIS_MAX_ATTEMPTS", default=3, most=20)

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
