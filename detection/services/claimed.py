"""What a claim's files are called: known from the claim, so that they are found without a note.

A worker writes heatmaps before the row says that there are any, and may die in between. Its claim
is stored all the while; whoever ends it without an outcome deletes the files that it may have left.
"""

from django.utils.crypto import salted_hmac

from detection.models import Analysis, Track

# As many faces are looked at in an image, the surest ones (`ml.faces`).
MOST_FACES = 12


def heatmap_of(claim: Analysis, *, face: int = 0) -> str:
    """Name the heatmap of an image, or of one of its faces."""
    return _name("heatmaps", claim, f"heatmap {face}", ".png")


def thumbnail_of(claim: Analysis) -> str:
    """Name the picture that an image's Content Credentials hold."""
    return _name("previews", claim, "thumbnail", ".webp")


def files_of(claim: Analysis) -> list[str]:
    """Return every file that the holder of this claim may have written."""
    if claim.track == Track.FACE:
        return [heatmap_of(claim, face=number) for number in range(1, MOST_FACES + 1)]
    return [heatmap_of(claim), thumbnail_of(claim)]


def _name(folder: str, claim: Analysis, what: str, suffix: str) -> str:
    """Return a name that nobody guesses, another one for each claim on the same analysis."""
    moment = claim.started_at.isoformat() if claim.started_at else ""
    text = f"{claim.public_id} {claim.attempts} {moment} {what}"
    name = salted_hmac("veripix.claimed", text, algorithm="sha256").hexdigest()[:32]
    return f"{folder}/{name[:2]}/{name}{suffix}"
