"""The Django app of the site."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Settings, people, health."""

    name = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        """Have what is checked before a deployment known."""
        import portal.privacy  # noqa: F401
