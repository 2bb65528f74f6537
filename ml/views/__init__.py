"""Pictures made of a picture, in which the eye may see what was done to it."""

from ml.views.drawing import LONGEST_SIDE, NAMES, Views, draw

__all__ = ["LONGEST_SIDE", "NAMES", "Views", "draw"]
