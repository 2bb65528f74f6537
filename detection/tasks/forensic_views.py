"""The task that draws the pictures to look at."""

from celery import shared_task

from detection.services import forensic_views
from detection.tasks.boundary import task_boundary


@shared_task(name=forensic_views.DRAW_VIEWS)
def draw_views(views_id: int) -> None:
    """Draw the views of one image. Delivered twice, the second time does nothing."""

    def fail(sentence: str) -> None:
        forensic_views.views_fail(views_id=views_id, code="internal", sentence=sentence)

    with task_boundary(f"views {views_id}", fail):
        forensic_views.views_run(views_id=views_id)
