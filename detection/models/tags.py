"""What people write on their images: words to find them again by."""

from typing import Any, Self

from django.conf import settings
from django.db import models


class TagQuerySet(models.QuerySet["Tag"]):
    """Reads of tags."""

    def visible_to(self, user: Any) -> Self:
        """Only this user's own."""
        return self.filter(owner_id=user.pk)


class Tag(models.Model):
    """A word of one's own for images of one's own."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tags")
    name = models.CharField(max_length=40)
    images = models.ManyToManyField("SubmittedImage", related_name="tags")

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="tag_once")]

    def __str__(self) -> str:
        return self.name
