"""What a claimed analysis comes to: its columns, by the champion of its track and by the file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from detection.ml_gateway import GatewayError
from detection.models import Analysis, Face, ModelVersion, State, Track
from detection.services.claimed import heatmap_of, thumbnail_of
from detection.services.evidence import Evidence, file_examine, thumbnail_store
from detection.services.files import heatmap_store, original_read, stored_copy
from detection.services.judging import Examined, FaceJudgement, Judgement, faces_judge, images_judge
from detection.services.storage import StorageUnavailable, files_delete
from detection.telemetry import stage
from detection.verdicts import Verdict, decide, opinion_without_model

# Taken over from the stored result of the same file by the same version.
TAKEN_OVER = (
    *("track", "in_domain", "verdict", "certainty", "reasons", "would_change", "findings"),
    *("p_fake", "novelty", "band_low", "band_high", "heatmap_method"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished analysis stores: its columns, and the faces that it found."""

    columns: dict[str, Any]
    faces: tuple[Face, ...] = ()

    @property
    def stored_names(self) -> list[str]:
        """The names of the files that go with it."""
        names = [self.columns.get(column, "") for column in ("heatmap", "signed_thumbnail")]
        return [name for name in (*names, *(face.heatmap.name for face in self.faces)) if name]


Ended: TypeAlias = Outcome | GatewayError | StorageUnavailable
# Owner, SHA-256, and of a repeat its key.
File: TypeAlias = tuple[int, str, int]


def outcomes_of(claims: Sequence[Analysis]) -> dict[int, Ended]:
    """Let the champions of their tracks look at claimed images.

    A photograph at which no model can look has an end too: that nothing can be said about it.

    Returns:
        By the key of each claim its outcome; or why there is none: a `GatewayError` for good, a
        `StorageUnavailable` for now.
    """
    ended: dict[int, Ended] = {}
    groups: dict[Track, list[Analysis]] = {}
    for claim in claims:
        if claim.track != Track.FACE:
            # By the image: what was handed in before there were photographs was queued as a
            # thumbnail.
            claim.track = claim.image.track
        groups.setdefault(Track(claim.track), []).append(claim)
    for track, group in groups.items():
        ended |= _of_track(track, group)
    return ended


def _of_track(track: Track, claims: list[Analysis]) -> dict[int, Ended]:
    version = ModelVersion.objects.champion_of(track)
    if version is None and track != Track.PHOTO:
        error = GatewayError(
            "no_champion", "No model answers here yet: an administrator has to register one."
        )
        return {claim.pk: error for claim in claims}
    if track == Track.FACE and version is not None:
        return {claim.pk: _on_faces(claim, version) for claim in claims}
    return _on_images(version, claims)


def _on_faces(claim: Analysis, version: ModelVersion) -> Ended:
    image = claim.image
    faces: list[Face] = []
    try:
        judged = faces_judge(
            version=version, content=original_read(image), size=(image.width, image.height)
        )
        for number, one in enumerate(judged, start=1):
            faces.append(_face(claim, number, one))
    except (GatewayError, StorageUnavailable) as error:
        files_delete(str(face.heatmap.name) for face in faces if face.heatmap)
        return error
    return Outcome({"model_version": version}, tuple(faces))


def _on_images(version: ModelVersion | None, claims: list[Analysis]) -> dict[int, Ended]:
    """Look at whole images; at the same file of the same owner once, and never if it was before."""
    known = _answered_before(version, claims)
    ended = {
        claim.pk: _taken_over(claim, known[_file(claim)])
        for claim in claims
        if _file(claim) in known
    }
    firsts: dict[File, Analysis] = {}
    for claim in claims:
        if claim.pk not in ended:
            firsts.setdefault(_file(claim), claim)
    ended |= _looked_at(version, list(firsts.values()))
    for claim in claims:
        if claim.pk not in ended:
            first = firsts[_file(claim)]
            ended[claim.pk] = _twin(claim, ended[first.pk], first)
    return ended


def _file(claim: Analysis) -> File:
    """Return what makes two analyses look at the same file for the same person.

    A repeat is asked for on purpose: it is always looked at anew.
    """
    return claim.owner_id, claim.image.sha256, claim.pk if claim.is_repeat else 0


def _answered_before(version: ModelVersion | None, claims: list[Analysis]) -> dict[File, Analysis]:
    """Return stored results that can be taken over, by file: the newest of each.

    Left out are those that would be another today: by another band or another trust list.
    """
    hashes = {claim.image.sha256 for claim in claims if not claim.is_repeat}
    owners = {claim.owner_id for claim in claims}
    if not hashes:
        return {}
    finished = Analysis.objects.on_images().filter(
        owner__in=owners, image__sha256__in=hashes, model_version=version, state=State.FINISHED
    )
    # Their pictures and private findings are gone: the new image gets its own.
    finished = finished.filter(image__forgotten_at=None)
    # Keys first: mostly there is none, and whole rows are long.
    keys = list(finished.values_list("pk", flat=True))
    if not keys:
        return {}
    rows = Analysis.objects.filter(pk__in=keys).select_related("image").order_by("pk")
    band = None if version is None else version.band
    return {
        (earlier.owner_id, earlier.image.sha256, 0): earlier
        for earlier in rows
        if not earlier.may_be_examined_anew and (version is None or earlier.band == band)
    }


def _taken_over(claim: Analysis, earlier: Analysis) -> Ended:
    """Return an earlier result as that of this analysis; its pictures are copied."""
    columns = {name: getattr(earlier, name) for name in TAKEN_OVER}
    columns |= {"model_version": earlier.model_version, "answered_from": earlier}
    return _with_copies(
        claim, columns, earlier.heatmap.name or "", earlier.signed_thumbnail.name or ""
    )


def _twin(claim: Analysis, ended: Ended, first: Analysis) -> Ended:
    """Return what the same file came to, for another image of the same claim."""
    if not isinstance(ended, Outcome):
        return ended
    columns = {**ended.columns, "answered_from": first}
    return _with_copies(claim, columns, columns["heatmap"], columns["signed_thumbnail"])


def _with_copies(claim: Analysis, columns: dict[str, Any], heatmap: str, thumbnail: str) -> Ended:
    copied = ""
    try:
        columns["heatmap"] = copied = stored_copy(heatmap, heatmap_of(claim))
        columns["signed_thumbnail"] = stored_copy(thumbnail, thumbnail_of(claim))
    except StorageUnavailable as error:
        files_delete([copied])
        return error
    return Outcome(columns)


def _looked_at(version: ModelVersion | None, claims: list[Analysis]) -> dict[int, Ended]:
    """Read, examine and judge images by one version, or by the file alone where there is none."""
    ended: dict[int, Ended] = {}
    examined: list[tuple[Analysis, Evidence, bytes]] = []
    for claim in claims:
        try:
            with stage("read"):
                content = original_read(claim.image)
        except (GatewayError, StorageUnavailable) as error:
            ended[claim.pk] = error
            continue
        with stage("examine"):
            examined.append((claim, _evidence(claim, content), content))
    if not examined:
        return ended
    judged = _judged(version, examined)
    for (claim, evidence, _), judgement in zip(examined, judged, strict=True):
        ended[claim.pk] = _outcome(claim, version, evidence, judgement)
    return ended


def _evidence(claim: Analysis, content: bytes) -> Evidence:
    image = claim.image
    return file_examine(
        content=content,
        format=image.format,
        size=(image.width, image.height),
        shape=image.perceptual_hash,
    )


def _judged(
    version: ModelVersion | None, examined: Sequence[tuple[Analysis, Evidence, bytes]]
) -> Sequence[Judgement | GatewayError | StorageUnavailable | None]:
    if version is None:
        return [None] * len(examined)
    files = [
        Examined(content, (claim.image.width, claim.image.height), evidence.findings)
        for claim, evidence, content in examined
    ]
    try:
        return images_judge(version=version, files=files)
    except (GatewayError, StorageUnavailable) as error:
        return [error] * len(examined)


def _outcome(
    claim: Analysis,
    version: ModelVersion | None,
    evidence: Evidence,
    judgement: Judgement | GatewayError | StorageUnavailable | None,
) -> Ended:
    """Store the pictures of one analysis and return its columns."""
    if isinstance(judgement, GatewayError | StorageUnavailable):
        return judgement
    findings, image = evidence.findings, claim.image
    columns: dict[str, Any] = {
        "track": claim.track,
        "model_version": version,
        "findings": [finding.as_json() for finding in findings],
        "heatmap": "",
    }
    try:
        if judgement is None or version is None:
            verdict = decide(opinion_without_model(), findings, size=(image.width, image.height))
            columns |= {"in_domain": False, **verdict_columns(verdict)}
        else:
            answer = judgement.answer
            columns |= {"in_domain": judgement.in_domain, **verdict_columns(judgement.verdict)}
            columns |= {"p_fake": answer.p_fake, "novelty": answer.novelty}
            columns["band_low"], columns["band_high"] = version.band
            if judgement.is_shown:
                with stage("heatmap"):
                    columns["heatmap"] = heatmap_store(heatmap_of(claim), answer.heatmap)
                columns["heatmap_method"] = answer.heatmap_method
        columns["signed_thumbnail"] = thumbnail_store(
            name=thumbnail_of(claim), thumbnail=evidence.thumbnail
        )
    except StorageUnavailable as error:
        files_delete([columns["heatmap"]])
        return error
    return Outcome(columns)


def _face(claim: Analysis, number: int, judgement: FaceJudgement) -> Face:
    """Return the row of one face; its heatmap is stored already."""
    answer, verdict = judgement.answer, judgement.verdict
    return Face(
        analysis=claim,
        number=number,
        left=answer.left,
        top=answer.top,
        width=answer.width,
        height=answer.height,
        confidence=answer.confidence,
        p_fake=answer.p_fake,
        in_domain=judgement.in_domain,
        **verdict_columns(verdict),
        heatmap=heatmap_store(heatmap_of(claim, face=number), answer.heatmap),
        heatmap_method=answer.heatmap_method,
    )


def verdict_columns(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as `Judged` stores it."""
    return {
        "verdict": verdict.kind,
        "certainty": verdict.certainty,
        "reasons": [asdict(reason) for reason in verdict.reasons],
        "would_change": list(verdict.would_change),
    }
