"""The work: images in, verdicts out, models kept honest."""
