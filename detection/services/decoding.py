"""The decoders of this process, as the settings say: whoever decodes what was sent does it here."""

import os
from functools import cache
from typing import IO

from django.conf import settings

from detection.decoding import Decoded, DecoderAway, Decoders, Task, Terms, Work
from detection.image_files import Limits
from detection.services.storage import StorageUnavailable


class DecoderUnavailable(StorageUnavailable):
    """No image can be decoded here at the moment: as with an absent storage, nothing is lost.

    Whoever asked may ask again; a worker puts its work back.
    """

    code = "decoder_unavailable"

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.sentence = "No image can be read at the moment; try again in a minute."


def decode(stream: IO[bytes], *, work: Work, side: int, max_pixels: int | None = None) -> Decoded:
    """Have a file decoded apart, and pictures made of it no larger than `side`.

    Raises:
        ImageRejected: With the codes of `image_files.inspect` and of `detection.decoding.CODES`.
        DecoderUnavailable: No program that decodes can be started.
    """
    limits = Limits(settings.MAX_UPLOAD_BYTES, max_pixels or settings.MAX_PIXELS)
    try:
        return decoders().decode(stream, Task(work, limits, side))
    except DecoderAway as error:
        raise DecoderUnavailable(str(error)) from error


def decoders() -> Decoders:
    """Return the decoders of this process, of which two run at most."""
    return _decoders(Terms(settings.DECODER_MEGABYTES, settings.DECODER_SECONDS))


@cache
def _decoders(terms: Terms) -> Decoders:
    return Decoders(terms)


# A fork has the same sockets: two processes that both ask there would get each other's answers.
os.register_at_fork(after_in_child=_decoders.cache_clear)
