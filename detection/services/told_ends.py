"""Tells the metrics of analyses that ended: verdicts, models, waiting times and error codes."""

from collections.abc import Sequence
from functools import lru_cache

from detection import telemetry
from detection.models import Analysis, ModelVersion, State, Track


def ends_measure(*, analyses: Sequence[Analysis]) -> None:
    """Count analyses whose end was just stored; without metrics this costs nothing.

    Args:
        analyses: With the columns of their end.
    """
    if not telemetry.is_on():
        return
    for one in analyses:
        telemetry.analysis_moved(one.state, one.track)
        if one.state == State.FAILED:
            telemetry.error_met("analysis", one.error_code)
        elif one.state == State.FINISHED and one.track != Track.FACE:
            telemetry.verdict_given(
                one.verdict,
                one.track,
                _label(one.model_version_id),
                is_stored=one.answered_from_id is not None,
            )
        # Of one that was run again it counts from then on: nobody waited in between.
        came_at = one.enqueued_at or one.created_at
        if one.started_at is not None:
            telemetry.waited(one.queue, max(0.0, (one.started_at - came_at).total_seconds()))
        if one.finished_at is not None:
            telemetry.answered(one.queue, max(0.0, (one.finished_at - came_at).total_seconds()))


@lru_cache(maxsize=256)
def _label(version_id: int | None) -> str:
    """Return the name and number of a version, which never change; empty where none was asked."""
    if version_id is None:
        return ""
    version = ModelVersion.objects.select_related("model").filter(pk=version_id).first()
    return version.label if version else ""
