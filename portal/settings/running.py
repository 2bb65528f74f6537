"""Start-up checks, logs and metrics."""

from portal import logs
from portal.environment import misconfigured
from portal.logs import LOG_FORMATS
from portal.settings.base import VAR_ROOT, env

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
