"""Register the models that ship, so that a fresh installation can answer."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection.ml_gateway import GatewayError
from detection.services.shared_models import versions_publish
from detection.services.shipped import shipped_register
from detection.services.signatures import versions_sign
from detection.services.storage import StorageUnavailable


class Command(BaseCommand):
    """Registers shipped models; run again it changes nothing."""

    help = "Register the models that ship with Veripix; run again it changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the wish to sign anew."""
        parser.add_argument(
            "--sign-again",
            action="store_true",
            help="sign every version anew, after SECRET_KEY or MODEL_SIGNING_KEY was changed",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Register, and say what is new; sign what is from before there were signatures."""
        try:
            signed = versions_sign(again=options["sign_again"])
            outcome = shipped_register()
            published = versions_publish()
        except GatewayError as error:
            raise CommandError(f"A shipped model cannot be registered: {error.sentence}") from error
        except StorageUnavailable as error:
            raise CommandError(f"No model can be registered: {error}") from error
        if signed:
            self.stdout.write(f"Signed {signed} version{'s' if signed > 1 else ''}.")
        if published:
            self.stdout.write(f"Put {published} into the storage for other machines.")
        if not outcome:
            raise CommandError("No model ships below ml/pretrained, so no image can be judged.")
        for version, is_new in outcome:
            if not is_new:
                continue
            version.model.refresh_from_db(fields=["champion"])
            is_champion = version.model.champion_id == version.pk
            role = "It answers from now on" if is_champion else "It waits for its promotion"
            self.stdout.write(f"Registered {version.label}. {role}.")
