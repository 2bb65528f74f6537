"""The admin panel of the work: read-mostly, with thumbnails, filters and links."""

from detection.admin import registry, submissions

__all__ = ["registry", "submissions"]
