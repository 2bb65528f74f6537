"""Judges one file: what the model says, and what follows from it by the rules of the portal."""

from dataclasses import dataclass

from django.conf import settings

from detection import ml_gateway, verdicts
from detection.ml_gateway import Answer
from detection.models import ModelVersion
from detection.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Judgement:
    """The model's answer, whether the model was validated on such images, and the verdict."""

    answer: Answer
    in_domain: bool
    verdict: Verdict


def image_judge(
    *, version: ModelVersion, content: bytes, size: tuple[int, int], with_heatmap: bool = True
) -> Judgement:
    """Let a model version judge a file; nothing is stored.

    Args:
        version: The version that answers.
        content: The file.
        size: Upright (width, height) of the image in pixels.
        with_heatmap: Also paint the Grad-CAM.

    Raises:
        GatewayError: When the version cannot be loaded or the file not read.
    """
    answer = ml_gateway.answer(
        version.directory,
        version.spec,
        content,
        size=size,
        max_pixels=settings.MAX_PIXELS,
        threads=settings.INFERENCE_THREADS,
        with_heatmap=with_heatmap,
    )
    in_domain = ml_gateway.spec_in_domain(version.spec, *size)
    low, high = version.band
    verdict = verdicts.decide(
        p_fake=answer.p_fake,
        in_domain=in_domain,
        band_low=low,
        band_high=high,
        domain_sentence=version.domain_sentence,
    )
    return Judgement(answer, in_domain, verdict)
