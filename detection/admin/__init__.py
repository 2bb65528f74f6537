"""The admin panel of the work: read-mostly, with thumbnails, filters and links."""

from detection.admin import feedback, registry, reviews, submissions

__all__ = ["feedback", "registry", "reviews", "submissions"]
