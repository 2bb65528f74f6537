"""From probability, domain and findings to a verdict in words: the table of docs/assumptions.md.

`opinion` says what the network alone would say; `decide` weighs the file's own words beside it.
"""

from detection.verdicts.contract import AlarmBound, Certainty, HeldOut, Kind, Reason, Verdict
from detection.verdicts.evidence import decide
from detection.verdicts.network import opinion, opinion_without_model

__all__ = [
    "AlarmBound",
    "Certainty",
    "HeldOut",
    "Kind",
    "Reason",
    "Verdict",
    "decide",
    "opinion",
    "opinion_without_model",
]
