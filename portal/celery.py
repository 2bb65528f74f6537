"""The Celery app: its queues, what is asked of a task, and what happens by the clock."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

from portal import broker
from portal import metrics as metrics  # its signals
from portal import tracing as tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
broker.install()

app = Celery("veripix")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_default_queue="inference",
    task_routes={
        "detection.tasks.train_*": {"queue": "training"},
        # What somebody looks at once the verdict is there: slow ones hold up no verdict.
        "detection.tasks.draw_views": {"queue": "pictures"},
        "detection.tasks.explain_analysis": {"queue": "pictures"},
        # Beside the images, of which thousands may wait: who looks after them must not wait behind.
        "detection.tasks.sweep*": {"queue": "upkeep"},
        # What people wait for and what may take its time: unpacking, fetching, telling others.
        "detection.tasks.errands.*": {"queue": "errands"},
        "portal.tasks.purge_account": {"queue": "errands"},
        "portal.tasks.sweep_accounts": {"queue": "upkeep"},
        # Whatever nobody waits for at a page: imports, freezing, shadow answers, evaluations.
        "detection.tasks.background.*": {"queue": "background"},
        "portal.tasks.forget_sessions": {"queue": "background"},
    },
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    # An inference task is claimed in the database, so running it twice is harmless; being
    # acknowledged only at its end, it is delivered again when its worker is killed.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # One more try finds a broker that has come back; beyond that the sweeper is the retry.
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_max": 0.1},
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    beat_scheduler="portal.steady_beat:SteadyScheduler",
    beat_max_loop_interval=5,
)
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Leave logging as the settings made it; Celery would replace the root handlers."""
    from logging.config import dictConfig

    dictConfig(settings.LOGGING)
