"""Finds damage and mends what can be mended without a risk: rows, files, queue, models, machine."""
