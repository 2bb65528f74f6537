"""Takes in the models that ship, and what has been measured of them since."""

import logging
from pathlib import Path

from django.conf import settings
from django.db import transaction

from detection import ml_gateway
from detection.models import ModelVersion
from detection.services.audit import audit_record
from detection.services.registry import version_promote, version_register
from detection.services.shared_models import version_publish
from detection.services.signatures import has_own_signature, version_sign
from detection.services.version_packing import copy_whole

log = logging.getLogger(__name__)


def shipped_register() -> list[tuple[ModelVersion, bool]]:
    """Register every model that ships, and let it answer where nothing answers in its track yet.

    A newer version or another model of the track never takes over by itself: a person promotes it.
    What has been measured of a version since it was registered is taken over with it.
    """
    outcome = []
    for spec in sorted(Path(settings.SHIPPED_MODELS).glob("*/spec.json")):
        version, is_new = version_register(directory=spec.parent)
        if not is_new:
            measurement_take_over(version=version, directory=spec.parent)
        if ModelVersion.objects.champion_of(version.model.track) is None:
            version_promote(version=version, reason="The first version of this installation.")
        outcome.append((version, is_new))
    return outcome


@transaction.atomic
def measurement_take_over(*, version: ModelVersion, directory: Path) -> bool:
    """Give a version the false alarms that were measured of the model that ships, and its figures.

    It takes them once, and only where nothing else of its spec differs and its row is the one that
    was signed. Such a table lifts the upper end of the band or leaves it, so it can take verdicts
    "AI-generated" away and never add one.

    Args:
        version: That was registered from this folder before.
        directory: Where the model lies that ships.

    Returns:
        Whether it took them.

    Raises:
        GatewayError: As `version_register`.
    """
    version = ModelVersion.objects.select_related("model").select_for_update().get(pk=version.pk)
    spec = ml_gateway.read_verified_spec(directory)
    before = ml_gateway.spec_in_full(version.spec)
    table = spec["calibration"]["false_alarms"]
    unmeasured = {**spec["calibration"], "false_alarms": None}
    same = {**spec, "calibration": unmeasured, "evaluation": before["evaluation"]}
    if table is None or before != same:
        return False
    if not has_own_signature(version):
        log.warning("%s: takes no measurement, as its signature does not fit.", version.label)
        return False
    band = version.band
    version.spec = spec
    version.save(update_fields=["spec"])
    copy_whole(directory, version.directory)
    version_publish(version=version)
    version_sign(version=version)
    audit_record(
        user=None,
        action="version_measure",
        subject=version.label,
        real=table["real"],
        points=table["points"],
        band_before=band,
        band=version.band,
    )
    log.info("%s: takes over what was measured of it: the band is %s", version.label, version.band)
    return True
