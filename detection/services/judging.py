"""Judges one file, or each face in it: what the model says, and what follows by our rules."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from detection import ml_gateway, verdicts
from detection.findings import Finding
from detection.ml_gateway import Answer, FaceAnswer, GatewayError
from detection.models import ModelVersion, Track
from detection.services.signatures import version_verify
from detection.telemetry import stage
from detection.verdicts import AlarmBound, HeldOut, Verdict

# Beyond it an image is unlike those the model was validated on: see `ml.contract.Prediction`.
MOST_NOVELTY = 1.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """The model's answer, whether the model was validated on such images, and the verdict.

    Of a photograph that lies outside, number and heatmap mean nothing: they are not to be shown.
    """

    answer: Answer
    in_domain: bool
    verdict: Verdict
    is_photo: bool

    @property
    def is_shown(self) -> bool:
        """Tell whether people are shown the number and the heatmap."""
        return self.in_domain or not self.is_photo


@dataclass(frozen=True, slots=True)
class FaceJudgement:
    """The same of one face."""

    answer: FaceAnswer
    in_domain: bool
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Examined:
    """A file that is to be judged.

    Attributes:
        content: The file.
        size: Upright (width, height) of the image in pixels.
        findings: What the file says of itself, strongest first.
    """

    content: bytes
    size: tuple[int, int]
    findings: Sequence[Finding] = ()


def images_judge(
    *, version: ModelVersion, files: Sequence[Examined], with_heatmap: bool = True
) -> list[Judgement | GatewayError]:
    """Let a model version judge files in one pass; nothing is stored.

    Args:
        version: The version that answers.
        files: What it looks at.
        with_heatmap: Also paint the Grad-CAM.

    Returns:
        A judgement for each file, in order; of one that cannot be read the error in its place.

    Raises:
        GatewayError: When the version is not what was signed or cannot be loaded.
    """
    version_verify(version=version)
    with stage("infer", images=len(files)):
        answers = ml_gateway.answers(
            version.directory,
            version.spec,
            [file.content for file in files],
            sizes=[file.size for file in files],
            max_pixels=settings.MAX_PIXELS,
            threads=settings.INFERENCE_THREADS,
            with_heatmap=with_heatmap,
        )
    with stage("decide", images=len(files)):
        terms = _terms(version)
        in_domain = ml_gateway.sizes_in_domain(version.spec, [file.size for file in files])
        return [
            answer
            if isinstance(answer, GatewayError)
            else _judgement(terms, file, answer, in_domain=validated)
            for file, answer, validated in zip(files, answers, in_domain, strict=True)
        ]


def image_judge(*, version: ModelVersion, file: Examined, with_heatmap: bool = True) -> Judgement:
    """Do the same for one file.

    Raises:
        GatewayError: As `images_judge`, and when the file cannot be read.
    """
    (judged,) = images_judge(version=version, files=[file], with_heatmap=with_heatmap)
    if isinstance(judged, GatewayError):
        raise judged
    return judged


def _judgement(terms: "_Terms", file: Examined, answer: Answer, *, in_domain: bool) -> Judgement:
    is_novel = (answer.novelty or 0) > MOST_NOVELTY
    verdict = terms.verdict(
        answer.p_fake,
        in_domain=in_domain,
        is_novel=is_novel,
        findings=file.findings,
        size=file.size,
    )
    return Judgement(answer, in_domain and not is_novel, verdict, terms.is_photo)


def faces_judge(
    *, version: ModelVersion, content: bytes, size: tuple[int, int], with_heatmap: bool = True
) -> list[FaceJudgement]:
    """Find the faces in a file and let a version of the face track judge each; nothing is stored.

    Empty where no face of useful size is found.

    Raises:
        GatewayError: When the version is not what was signed or cannot be loaded, or the file
            cannot be read.
    """
    version_verify(version=version)
    answers = ml_gateway.face_answers(
        version.directory,
        version.spec,
        content,
        max_pixels=settings.MAX_PIXELS,
        threads=settings.INFERENCE_THREADS,
        with_heatmap=with_heatmap,
    )
    # The whole image's size: validated are portraits, not faces that are cut out of a crowd.
    (in_domain,) = ml_gateway.sizes_in_domain(version.spec, [size])
    terms = _terms(version)
    return [
        FaceJudgement(answer, in_domain, terms.verdict(answer.p_fake, in_domain=in_domain))
        for answer in answers
    ]


@dataclass(frozen=True, slots=True)
class _Terms:
    """On what terms a version's probabilities become verdicts; the same for all its images."""

    band: tuple[float, float]
    domain_sentence: str
    is_photo: bool
    has_number_beyond: bool
    held_out: HeldOut | None
    alarm_bound: AlarmBound | None

    def verdict(
        self,
        p_fake: float,
        *,
        in_domain: bool,
        is_novel: bool = False,
        findings: Sequence[Finding] = (),
        size: tuple[int, int] | None = None,
    ) -> Verdict:
        """Decide on one image or face."""
        alone = verdicts.opinion(
            p_fake=p_fake,
            in_domain=in_domain,
            band_low=self.band[0],
            band_high=self.band[1],
            domain_sentence=self.domain_sentence,
            has_number_beyond=self.has_number_beyond,
            is_novel=is_novel,
            held_out=self.held_out,
            alarm_bound=self.alarm_bound,
        )
        return verdicts.decide(alone, findings, size=size)


def _terms(version: ModelVersion) -> _Terms:
    track = version.model.track
    return _Terms(
        band=version.band,
        domain_sentence=version.domain_sentence,
        is_photo=track == Track.PHOTO,
        has_number_beyond=track == Track.THUMBNAIL,
        held_out=_held_out(version),
        alarm_bound=_alarm_bound(version),
    )


def _alarm_bound(version: ModelVersion) -> AlarmBound | None:
    """Return how the false alarms of a version are kept few, where its spec tells."""
    bound = version.false_alarms
    return None if bound is None else AlarmBound(bound.share, bound.real, bound.is_supported)


def _held_out(version: ModelVersion) -> HeldOut | None:
    """Return what the fit of a version found about its band, if it was fitted on photographs."""
    found = version.photo
    if not found:
        return None
    low, high = found["false_alarms_interval"]
    return HeldOut(
        real=found["real"],
        fake=found["fake"],
        allowed=found["false_alarms_allowed"],
        false_alarms=found["false_alarms"],
        interval=(low, high),
        misses=found["misses"],
    )
