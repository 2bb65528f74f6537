"""Takes images in: inspected, stored, queued; and gives them up again, rows and files alike."""

from detection.services.intake.adding import (
    AT_ONCE,
    HandedIn,
    Within,
    image_add,
    images_add,
    submission_create,
    submission_open,
)
from detection.services.intake.drafts import Added
from detection.services.intake.removal import (
    images_delete,
    owner_purge,
    submissions_delete,
    submissions_delete_empty,
)

__all__ = [
    "AT_ONCE",
    "Added",
    "HandedIn",
    "Within",
    "image_add",
    "images_add",
    "images_delete",
    "owner_purge",
    "submission_create",
    "submission_open",
    "submissions_delete",
    "submissions_delete_empty",
]
