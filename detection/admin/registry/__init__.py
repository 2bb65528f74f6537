"""Models in the admin panel: judged, compared, promoted, rolled back, and who did it."""

from detection.admin.registry import audit, names, versions

__all__ = ["audit", "names", "versions"]
