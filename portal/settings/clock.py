"""What happens by the clock; the queues are in `portal.celery`."""

from celery.schedules import crontab

from portal.settings.base import env

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
