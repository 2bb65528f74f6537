"""Pictures made of a picture, in which the eye may see what was done to it."""

from ml.views.drawing import FULL, LONGEST_SIDE, NAMES, Views, draw

__all__ = ["FULL", "LONGEST_SIDE", "NAMES", "Views", "draw"]
