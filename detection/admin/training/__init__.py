"""Training runs in the admin panel: asked for, watched, stopped, and asked for at night."""

from detection.admin.training.runs import (
    TrainingRunAdmin,
    may_ask,
    may_schedule,
    may_see_runs,
    unseen_badge,
)

__all__ = ["TrainingRunAdmin", "may_ask", "may_schedule", "may_see_runs", "unseen_badge"]
