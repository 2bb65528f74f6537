"""What people write on their images: words to find them again by."""

import unicodedata
from typing import Any, Self

from django.conf import settings
from django.db import models

from detection.models.submissions import SubmittedImage

TAG_LENGTH = 40


def tag_name(text: str) -> str:
    """Return a tag as it is kept: folded to small letters, one space between words, no comma.

    What cannot be seen goes: two tags that look alike would be two. It may come out empty.
    """
    seen = "".join(letter for letter in text if letter.isprintable() or letter.isspace())
    return " ".join(unicodedata.normalize("NFC", seen.replace(",", " ").casefold()).split())


class TagQuerySet(models.QuerySet["Tag"]):
    """Reads of tags."""

    def visible_to(self, user: Any) -> Self:
        """Only this user's own."""
        return self.filter(owner_id=user.pk)

    def most_used_first(self) -> Self:
        """Those on most images first; their counts are kept, as counting grows with the images."""
        return self.order_by("-image_count", "name")

    def with_text(self, text: str) -> Self:
        """Those with this text in their name."""
        return self.filter(name__icontains=" ".join(text.casefold().split()))

    def unused(self) -> Self:
        """Those that no image has."""
        return self.filter(images=None)


class Tag(models.Model):
    """A word of one's own for images of one's own."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tags")
    name = models.CharField(max_length=TAG_LENGTH)
    images = models.ManyToManyField(SubmittedImage, related_name="tags")
    # How many these are; `services.notes` keeps it.
    image_count = models.PositiveIntegerField(default=0, editable=False)

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="tag_once")]

    def __str__(self) -> str:
        return self.name
