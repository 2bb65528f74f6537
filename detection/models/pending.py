"""Files that are being written ahead of the rows that will name them."""

from django.db import models
from django.utils import timezone


class PendingFiles(models.Model):
    """A note, made before files are written, and gone with the transaction that makes their rows.

    Where it stays, whoever wrote them was killed between the two: see `services.pending`.
    """

    # One name a line; one row for many files, as it is written and deleted with every image.
    names = models.TextField()
    # When it was made, or when its writer last said that it goes on.
    seen_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "pending files"

    def __str__(self) -> str:
        return f"{len(self.listed)} files"

    @property
    def listed(self) -> list[str]:
        """The names of the files, whether or not each was written yet."""
        return self.names.split("\n")
