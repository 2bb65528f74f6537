"""What a command needs before it writes beside what the portal stored."""

from django.core.management.base import CommandError

from detection.services.storage import unopened


def keys_needed() -> None:
    """Refuse to write beside encrypted files without their keys: what is written would be plain.

    Raises:
        CommandError: This process cannot open what the portal stored.
    """
    if (found := unopened()) is not None:
        name, reason = found
        raise CommandError(
            f"Stored files cannot be opened here ({name}: {reason}). Set what the portal has, "
            "MEDIA_KEYS above all."
        )
