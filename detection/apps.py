"""The Django app of the work."""

from django.apps import AppConfig


class DetectionConfig(AppConfig):
    """Images in, verdicts out."""

    name = "detection"
    verbose_name = "Detection"
