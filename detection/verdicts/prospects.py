"""What would lead to another verdict, told with each one."""

from collections.abc import Sequence

from detection.findings import Finding
from detection.verdicts.contract import Verdict

ORIGINAL = (
    "The original file, as it came from the camera or the program that made it: copies that were "
    "resized, saved anew or photographed off a screen have lost evidence."
)
SIGNATURE = (
    "A signature by somebody on this installation's trust list (Content Credentials) that says how "
    "the file was made: AI generation would settle it."
)
RECORD = (
    "The settings of an image generator in the file: they would lower the certainty, but not turn "
    "the verdict around."
)
CAPTURE = (
    "A camera's trusted signature that it took this picture: it would contradict the network, and "
    "the verdict would be inconclusive."
)
FIT = (
    "A model that an administrator fits to labelled pictures of the same source, once it is "
    "validated."
)
SETTLED = (
    "Only that the signer's certificate is taken off this installation's trust list, and the image "
    "analysed again afterwards."
)
KNOWN_SIGNER = (
    "The signer's certificate on this installation's trust list, and the image analysed again: the "
    "signature would count then."
)
BEYOND_BAND = "A score beyond the band in which the model does not decide."

# Where the network had no model, or none for such a picture.
UNFITTED = ("no_validated_model", "unlike_validated", "out_of_domain")


def prospects(verdict: Verdict, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return sentences on what would change a verdict, the most telling first."""
    codes = {reason.code for reason in verdict.reasons}
    found = {finding.code for finding in findings}
    if verdict.certainty == "settled":
        return (SETTLED,)
    if verdict.kind == "likely_ai":
        told = (CAPTURE, SIGNATURE) if "file_says_ai" not in codes else (SIGNATURE, FIT, ORIGINAL)
    elif verdict.kind == "likely_real":
        told = (SIGNATURE, ORIGINAL) if "file_says_otherwise" in codes else (SIGNATURE, RECORD)
    elif codes.intersection(UNFITTED):
        told = (SIGNATURE, FIT, ORIGINAL)
    elif "in_band" in codes:
        told = (SIGNATURE, ORIGINAL, BEYOND_BAND)
    else:
        told = (ORIGINAL, SIGNATURE)
    is_unknown = any(code.startswith("unknown_signer") for code in found)
    return (KNOWN_SIGNER, *told) if is_unknown else told
