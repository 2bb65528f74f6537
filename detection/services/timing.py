"""Times a version in turns with the champion: only then do their times tell them apart."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings

from detection import ml_gateway
from detection.models import Evaluation, ModelVersion
from detection.services.signatures import version_verify


def speed_beside(record: dict[str, Any], champion: ModelVersion) -> tuple[float, float] | None:
    """Return what version and champion took for an image with heatmap, in ms, timed in turns.

    Args:
        record: Of an evaluation of the version.
        champion: With which it has to have been timed.
    """
    speed = record.get("speed") or {}
    beside = speed.get("beside") or {}
    if beside.get("weights_sha256") != champion.weights_sha256:
        return None
    return speed["image_with_heatmap_ms"], beside["image_with_heatmap_ms"]


def time_beside(
    *, version: ModelVersion, evaluations: Iterable[Evaluation], again: bool = False
) -> None:
    """Time a version in turns with the champion, and note it with each of its evaluations.

    Times of different moments tell more of the machine's other work than of the versions.

    Args:
        version: To be timed.
        evaluations: The version's newest.
        again: Also where it was timed beside this champion before.

    Raises:
        GatewayError: When one of them cannot be loaded.
    """
    champion = ModelVersion.objects.champion_of(version.model.track)
    made = list(evaluations)
    if champion is None or champion == version or not made:
        return
    if not again and all(speed_beside(one.record, champion) for one in made):
        return
    version_verify(version=champion)
    speed = ml_gateway.timed_beside(
        (version.directory, version.spec),
        (champion.directory, champion.spec),
        threads=settings.INFERENCE_THREADS,
    )
    for evaluation in made:
        evaluation.record["speed"] = speed
        evaluation.save(update_fields=["record"])
