"""Reports and labelled images for tests, made by the services that the portal itself uses."""

import hashlib
from itertools import count

from detection.models import Analysis, Dataset, Feedback, Item, ItemState, Label, Role
from detection.services.datasets import item_add
from detection.services.feedback import feedback_give, feedback_settle, role_of
from portal.models import User
from tests import images, work

TRAINING, REGRESSION = Role.TRAINING, Role.REGRESSION


def picture_for(role: Role, *, first: int = 0) -> bytes:
    """An image file that, reported, goes to the dataset of this role."""
    return next(
        content
        for seed in count(first)
        if role_of(
            hashlib.sha256(content := images.image_file("PNG", (8, 8), seed=seed)).hexdigest()
        )
        == role
    )


def judged(owner: User, content: bytes | None = None, *, verdict: str = "likely_ai") -> Analysis:
    """A finished analysis with this verdict."""
    content = picture_for(TRAINING) if content is None else content
    return work.ended(work.queued(owner, content), verdict=verdict)


def report(analysis: Analysis, label: Label = Label.REAL, *, has_consent: bool = True) -> Feedback:
    """The owner says what it really is."""
    owner = analysis.image.submission.owner
    return feedback_give(
        analysis=analysis, user=owner, label=label, note="I took it.", has_consent=has_consent
    )


def waiting(dataset: Dataset, number: int = 1, *, label: Label = Label.FAKE) -> list[Item]:
    """Items whose label waits for review."""
    return [
        item_add(
            dataset=dataset,
            content=images.image_file("PNG", (16, 16), seed=1000 + dataset.items.count()),
            file_name=f"{n}.png",
            label=label,
            state=ItemState.PENDING,
            source="a camera",
        )
        for n in range(number)
    ]


def settle(item: Item, state: ItemState, label: Label = Label.REAL) -> None:
    """What a review does in the end."""
    item.state, item.label = state, label
    item.save()
    feedback_settle(item=item)
