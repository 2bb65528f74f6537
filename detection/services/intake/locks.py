"""Locks submissions: whoever adds to them or takes away from them waits for one another."""

from detection.models import Submission


def submissions_locked(submissions: list[int]) -> list[int]:
    """Lock those of the submissions that still exist: nothing is added to them or taken away."""
    rows = Submission.objects.select_for_update().filter(pk__in=submissions).order_by("pk")
    return list(rows.values_list("pk", flat=True))
