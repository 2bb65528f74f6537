"""Register the models that ship, so that a fresh installation can answer."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from detection.ml_gateway import GatewayError
from detection.services.registry import shipped_register


class Command(BaseCommand):
    """Registers shipped models; run again it changes nothing."""

    help = "Register the models that ship with Veripix; run again it changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        """Register, and say what is new."""
        try:
            outcome = shipped_register()
        except GatewayError as error:
            raise CommandError(f"A shipped model cannot be registered: {error.sentence}") from error
        if not outcome:
            raise CommandError("No model ships below ml/pretrained, so no image can be judged.")
        for version, is_new in outcome:
            if not is_new:
                continue
            version.model.refresh_from_db(fields=["champion"])
            is_champion = version.model.champion_id == version.pk
            role = "It answers from now on" if is_champion else "It waits for its promotion"
            self.stdout.write(f"Registered {version.label}. {role}.")
