"""One of everything behind the doors of the portal, for the tests that go to all of them.

What the pages show is Alice's; what the panel shows is there once of each kind.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver

from detection.models import (
    Analysis,
    AuditEvent,
    Dataset,
    DatasetImport,
    Decision,
    Feedback,
    Item,
    ItemState,
    LabelReview,
    ModelVersion,
    Promotion,
    RegisteredModel,
    RetrainingSchedule,
    Snapshot,
    Submission,
    TrainingRun,
)
from detection.services.datasets import item_add
from detection.services.registry import version_promote, version_register
from portal.models import User
from tests import labelled, people, reported, runs

# Its files are there, and reading them needs no TensorFlow.
SHIPPED = Path(settings.BASE_DIR) / "ml" / "pretrained" / "cifake-residual"
# What the group that is ready gives: to settle labels, and see the images for it.
REVIEWERS = "Reviewers"
REVIEWER_RIGHTS = (
    *("view_analysis", "view_item", "view_dataset"),
    *("view_labelreview", "add_labelreview"),
)


def clerk(name: str = "clerk") -> User:
    """Staff without any right."""
    user = people.person(name)
    user.is_staff = True
    user.save()
    return user


def reviewer(name: str = "reviewer") -> User:
    """Staff who settle labels, by the rights of the group for it."""
    user = clerk(name)
    rights = Permission.objects.filter(
        content_type__app_label="detection", codename__in=REVIEWER_RIGHTS
    )
    # A test that commits may have emptied the table since the group was made.
    group, _ = Group.objects.get_or_create(name=REVIEWERS)
    group.permissions.set(rights)
    user.groups.add(group)
    return user


def panel_filled(alice: User, folder: Path) -> dict[type[Model], Any]:
    """Make one of each kind that the panel shows, and return them by kind."""
    folder.mkdir(parents=True, exist_ok=True)
    version = ModelVersion.objects.first()
    if version is None:
        version, _ = version_register(directory=SHIPPED)
        version_promote(version=version, reason="So that one answers.")
    analysis = reported.finished(alice, version)
    dataset = labelled.dataset("Street photographs")
    items = [labelled.item(dataset, seed, ("real", "fake")[seed % 2]) for seed in range(4)]
    waiting = item_add(
        dataset=dataset,
        content=labelled.file(9),
        file_name="waiting.png",
        label="real",
        state=ItemState.PENDING,
    )
    # It is there from the first look at its page on.
    RetrainingSchedule.current()
    archive = labelled.write_zip(folder / "more.zip", labelled.class_folders(2, 20))
    return {
        Analysis: analysis,
        Submission: analysis.image.submission,
        Dataset: dataset,
        Item: waiting,
        DatasetImport: labelled.requested(dataset, archive),
        Snapshot: runs.snapshot(dataset, sides={"train": 2, "validation": 2, "test": 1}),  # type: ignore[dict-item]
        LabelReview: LabelReview.objects.create(
            item=items[0], reviewer=alice, decision=Decision.ACCEPT, label=items[0].label
        ),
        Feedback: Feedback.objects.create(analysis=analysis, user=alice, label="real"),
        TrainingRun: TrainingRun.objects.create(
            snapshot=Snapshot.objects.latest("pk"), architecture="tiny", config=runs.QUICK
        ),
        RegisteredModel: version.model,
        ModelVersion: version,
        Promotion: Promotion.objects.latest("pk"),
        AuditEvent: AuditEvent.objects.latest("pk"),
        User: alice,
        Group: Group.objects.get_or_create(name="newsroom")[0],
    }


def state(*, but: tuple[type[Model], ...] = ()) -> dict[str, str]:
    """A digest of all rows by kind, but of sessions, and of when people were last here."""
    told = {}
    for model in apps.get_models():
        if model._meta.label in ("sessions.Session", "usersessions.UserSession") or model in but:
            continue
        rows = list(model._base_manager.order_by("pk").values())
        for row in rows:
            row.pop("last_login", None)
        told[model._meta.label] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return told


def panel_routes() -> dict[str, URLPattern]:
    """Every route below /admin/, by what the URL configuration says of it."""
    return dict(_routes(get_resolver(), "", is_below=False))


def _routes(
    resolver: URLResolver, path: str, *, is_below: bool
) -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        here = f"{path}{entry.pattern}"
        is_panel = is_below or here.startswith("admin/")
        if isinstance(entry, URLResolver):
            yield from _routes(entry, here, is_below=is_panel)
        elif is_panel:
            yield here, entry


def panel_address(route: str, pattern: URLPattern, things: dict[type[Model], Any]) -> str:
    """Where a route of the panel leads for these things."""
    by_name = {model._meta.model_name: thing for model, thing in things.items()}
    parts = route.split("/")
    model = parts[2] if len(parts) > 2 else ""
    thing = by_name.get(model)
    values = {
        "content_type_id": str(ContentType.objects.get_for_model(User).pk),
        "object_id": str((thing or things[User]).pk),
        "pk": str(thing.pk) if thing else "",
        "id": str(thing.pk) if thing else "",
        "public_id": getattr(thing, "public_id", ""),
        "app_label": "detection",
        "url": "no-such-page/",
    }
    if pattern.name == "view_on_site":
        return f"/admin/r/{values['content_type_id']}/{values['object_id']}/"
    if str(pattern.pattern).startswith("^"):
        return "/admin/detection/"
    if "(?P<url>" in route:
        return "/admin/no-such-page/"
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda match: values[match[1]], route)
