"""Images are decoded apart: a program without secrets reads what was sent, under limits."""

from detection.decoding.decoders import CODES, DecoderAway, Decoders, Terms
from detection.decoding.wire import Decoded, Task, Work

__all__ = ["CODES", "Decoded", "DecoderAway", "Decoders", "Task", "Terms", "Work"]
