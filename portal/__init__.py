"""The site: settings, people, health, and how its processes run."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
