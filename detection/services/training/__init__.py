"""Training runs: asked for, carried out in a worker, found again when that was lost."""

from detection.services.training.estimates import (
    measurement_request,
    measurement_run,
    seconds_estimated,
)
from detection.services.training.execution import run_execute, run_fail
from detection.services.training.fit_material import (
    Material,
    fit_seconds,
    material_frozen,
    material_of,
)
from detection.services.training.fit_requests import DEFAULT_NAME, fit_request
from detection.services.training.recovery import runs_sweep, training_worker_started
from detection.services.training.requests import (
    RunRefused,
    run_cancel,
    run_defaults,
    run_enqueue,
    run_request,
)
from detection.services.training.schedule import new_items, retrain_if_due, schedule_change

__all__ = [
    "DEFAULT_NAME",
    "Material",
    "RunRefused",
    "fit_request",
    "fit_seconds",
    "material_frozen",
    "material_of",
    "measurement_request",
    "measurement_run",
    "new_items",
    "retrain_if_due",
    "run_cancel",
    "run_defaults",
    "run_enqueue",
    "run_execute",
    "run_fail",
    "run_request",
    "runs_sweep",
    "schedule_change",
    "seconds_estimated",
    "training_worker_started",
]
