"""Which analysis of an image stands: its first one, until a repeat has an answer."""

from collections.abc import Iterable

from detection.models import Analysis, State


def repeats_stand(*, analyses: Iterable[Analysis]) -> None:
    """Let those of these that are finished repeats stand in place of the answers before them.

    To be called in the transaction that stores their ends: a list never shows an image twice or
    not at all.
    """
    answered = [one for one in analyses if one.is_repeat and one.state == State.FINISHED]
    for repeat in answered:
        earlier = Analysis.objects.on_images().filter(image=repeat.image_id, pk__lt=repeat.pk)
        earlier.update(is_current=False)
    if answered:
        keys = [repeat.pk for repeat in answered]
        Analysis.objects.filter(pk__in=keys).update(is_current=True)
