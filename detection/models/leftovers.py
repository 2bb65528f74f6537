"""Files that should be gone and are not yet, as the storage was away when they were deleted."""

from django.db import models


class Leftover(models.Model):
    """One file without a row, to be deleted once the storage answers again."""

    name = models.CharField(max_length=255, unique=True)
    created_at = models.DateTimeField("left over since", auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name
