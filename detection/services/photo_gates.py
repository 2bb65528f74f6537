"""The gates of a version that was fitted to photographs: worth, false alarms, calibration, traps.

Its own figures are of pictures that were held out, each from the heads that judged it, so they
are what is asked first; a sealed set of photographs, where there is one, is asked beside them.
"""

from collections.abc import Iterator
from typing import Any

from django.conf import settings

from detection.models import ModelVersion
from detection.services.gate import Gate

CHANCE = 0.5
SHORTCUT = "shortcut"


def fitted_gates(version: ModelVersion) -> Iterator[Gate]:
    """Yield the gates on what the fit itself found."""
    figures: dict[str, Any] = version.spec.get("photo") or {}
    if not figures:
        yield Gate(
            "worth",
            CHANCE,
            None,
            False,
            "It does not say what it is worth: only a version that was fitted here, or imported "
            "with its figures, may answer for photographs.",
            is_binding=True,
        )
        return
    overall = figures["overall"]
    yield worth("worth", overall["roc_auc"], overall["roc_auc_interval"], is_binding=True)
    yield _false_alarms(figures)
    yield calibration("calibration", overall["ece"])
    yield _shortcut(figures)


def binding_gates(version: ModelVersion) -> list[Gate]:
    """Return the gates that nothing lets a version past, the way back included."""
    return [gate for gate in fitted_gates(version) if gate.is_binding]


def worth(
    name: str, roc_auc: float | None, interval: Any, *, where: str = "", is_binding: bool = False
) -> Gate:
    """Ask that it tells more than chance, as surely as the pictures can show."""
    where = where or "pictures held out of the fit"
    if roc_auc is None or not interval:
        sentence = f"What it is worth cannot be told on {where}: both classes are needed."
        return Gate(name, CHANCE, None, False, sentence, is_binding)
    low, high = interval
    passed = low > CHANCE
    found = f"Of a real and an AI-generated one of the {where} it names the right one in "
    found += f"{_percent(roc_auc)} of the cases ({_percent(low)} to {_percent(high)})"
    sentence = (
        f"{found}; a coin does in 50 %."
        if passed
        else f"{found}: that may be a coin's toss. Label more images, then fit again."
    )
    return Gate(name, CHANCE, low, passed, sentence, is_binding)


def calibration(name: str, ece: float | None, *, where: str = "") -> Gate:
    """Ask that its probabilities are what they say."""
    most = settings.GATE_PHOTO_MAX_ECE
    on = f" on {where}" if where else ""
    if ece is None:
        return Gate(name, most, None, False, f"How far its probabilities are off{on} is not known.")
    return Gate(
        name,
        most,
        ece,
        ece <= most,
        f"Its probabilities are off by {_percent(ece)}{on}; at most {_percent(most)} may be.",
    )


def _false_alarms(figures: dict[str, Any]) -> Gate:
    allowed = figures["false_alarms_allowed"]
    low, high = figures["false_alarms_interval"]
    return Gate(
        "false alarms",
        allowed,
        figures["false_alarms"],
        # Shares of a few hundred: what the pictures cannot tell from the bound is let through.
        low <= allowed,
        f"It calls {_percent(figures['false_alarms'])} of the real pictures held out AI-generated "
        f"({_percent(low)} to {_percent(high)}); {_percent(allowed)} are allowed.",
    )


def _shortcut(figures: dict[str, Any]) -> Gate:
    found = [one["sentence"] for one in figures["warnings"] if one["code"] == SHORTCUT]
    return Gate(
        "no shortcut",
        0,
        len(found),
        not found,
        found[0] if found else "File type, size and shape alone do not tell the classes apart.",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
