"""Thin Celery tasks: take an id, call one service.

A task whose name begins with `detection.tasks.background.` goes to the queue `background`.
"""

from detection.tasks.analyses import (
    analyse_faces,
    analyse_image,
    explain_analysis,
    sweep,
    take_up_analyses,
)

__all__ = [
    "analyse_faces",
    "analyse_image",
    "explain_analysis",
    "sweep",
    "take_up_analyses",
]
