"""The admin panel of the work: read-mostly, with thumbnails, filters and links."""

from detection.admin import datasets, feedback, registry, reviews, submissions, training

__all__ = ["datasets", "feedback", "registry", "reviews", "submissions", "training"]
