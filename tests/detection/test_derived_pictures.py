"""No picture that is made of a file says where it was taken, by whom and with what."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.apps import apps
from django.core.files.storage import default_storage
from django.db import models
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from detection.models import (
    Analysis,
    Explanation,
    Face,
    ForensicViews,
    Label,
    Method,
    ModelVersion,
    ShareLink,
    SubmittedImage,
    ViewKind,
)
from detection.services.analysis import analysis_run
from detection.services.explanations import explanation_request, explanation_run
from detection.services.forensic_views import views_request, views_run
from detection.services.sharing import link_create
from portal.models import User
from tests import credentials, labelled, telltale, work
from tests.detection.test_faces import couple, face_folder, face_model
from tests.programs import program
from tests.telltale import SMALL, found_in

__all__ = ["couple", "face_folder", "face_model"]  # fixtures
# Larger than a preview, so that there is a thumbnail, and a copy with its own pixels.
LARGE = (1400, 260)
Column = tuple[str, str]

# Every column that names a file is in one of these two.
PICTURES: set[Column] = {
    ("SubmittedImage", "preview"),
    ("SubmittedImage", "thumbnail"),
    ("Analysis", "heatmap"),
    ("Analysis", "signed_thumbnail"),
    ("Explanation", "heatmap"),
    ("Face", "heatmap"),
    *(("ForensicViews", kind) for kind in ViewKind.values),
    ("ForensicViews", "full"),
}
NO_PICTURES: dict[Column, str] = {
    ("SubmittedImage", "original"): "the file itself, handed out to its owner alone",
    ("Item", "file"): "a file itself, to learn from; people see `item_picture` of it",
    ("BatchPiece", "file"): "a part of the zip that was sent, until it is unpacked",
    ("DatasetImport", "archive"): "a zip that staff sent, until it is read",
    ("Evaluation", "answers"): "numbers",
    ("DataExport", "file"): "everything of one's own, for oneself",
}


def columns() -> set[Column]:
    """Every column of the site that names a file."""
    return {
        (model.__name__, field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.FileField)
    }


def pictures_of(image: SubmittedImage) -> Iterator[tuple[Column, bytes]]:
    """Every stored picture of an image, by the column that names it."""
    rows: list[Any] = [image, *image.analyses.all(), *ForensicViews.objects.filter(image=image)]
    rows += Explanation.objects.filter(analysis__image=image)
    rows += Face.objects.filter(analysis__image=image)
    for row in rows:
        for model, name in PICTURES:
            if type(row).__name__ == model and getattr(row, name):
                with default_storage.open(getattr(row, name).name) as file:
                    yield (model, name), file.read()


def telling(pictures: Mapping[Any, bytes]) -> dict[Any, list[str]]:
    """Those that tell something, and what."""
    found = {where: found_in(content) for where, content in pictures.items()}
    return {where: words for where, words in found.items() if words}


def all_drawn(owner: User, content: bytes, name: str) -> Analysis:
    """A file that was handed in, judged, and of which everything was drawn that can be."""
    submission = work.hand_in(owner, content, name=name)
    for waiting in Analysis.objects.filter(image__submission=submission):
        assert analysis_run(analysis_id=waiting.pk, worker="tester")
    analysis = Analysis.objects.on_images().get(image__submission=submission)
    views_request(image=analysis.image)
    assert views_run(views_id=ForensicViews.objects.get(image=analysis.image).pk)
    if analysis.heatmap:
        explanation_request(analysis=analysis, method=Method.LAYER_CAM)
        assert explanation_run(explanation_id=Explanation.objects.get(analysis=analysis).pk)
    analysis.refresh_from_db()
    return analysis


def test_every_column_that_names_a_file_is_known_here() -> None:
    assert columns() == PICTURES | set(NO_PICTURES)
    assert not PICTURES & set(NO_PICTURES)


@pytest.mark.parametrize("format_name", telltale.FORMATS)
def test_the_files_do_tell(format_name: str) -> None:
    found = found_in(telltale.telltale(format_name))
    assert {f"{word} in bytes" for word in (telltale.OWNER, telltale.SERIAL)} <= set(found)
    assert "the place in bytes" in found
    assert "personal_data" in found


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("format_name", telltale.FORMATS)
def test_no_stored_picture_tells(
    alice: User, model: ModelVersion, format_name: str, size: tuple[int, int]
) -> None:
    analysis = all_drawn(alice, telltale.telltale(format_name, size), "a.bin")
    assert any(one["code"] == "personal_data" for one in analysis.findings)
    seen = dict(pictures_of(analysis.image))
    wanted = {("SubmittedImage", "preview"), ("ForensicViews", "error_levels")}
    wanted |= (
        {("Analysis", "heatmap"), ("Explanation", "heatmap")}
        if size == SMALL
        else {("SubmittedImage", "thumbnail"), ("ForensicViews", "full")}
    )
    assert wanted <= set(seen)
    assert telling(seen) == {}


def test_the_picture_in_content_credentials_does_not_tell(
    alice: User, model: ModelVersion, settings: Settings
) -> None:
    settings.C2PA_TRUST_LIST.parent.mkdir(parents=True, exist_ok=True)
    settings.C2PA_TRUST_LIST.write_bytes(credentials.trust_list_pem())
    content = telltale.signed()
    assert telltale.NESTED in str(found_in(content))
    analysis = all_drawn(alice, content, "signed.jpg")
    seen = dict(pictures_of(analysis.image))
    assert ("Analysis", "signed_thumbnail") in seen
    assert telling(seen) == {}


def test_the_heatmaps_of_faces_do_not_tell(
    alice: User, model: ModelVersion, face_model: ModelVersion, couple: bytes
) -> None:
    analysis = all_drawn(alice, telltale.about(couple), "couple.jpg")
    seen = list(pictures_of(analysis.image))
    assert [column for column, _ in seen].count(("Face", "heatmap")) == 2
    assert [telling({column: picture}) for column, picture in seen] == [{}] * len(seen)


@pytest.fixture
def analysis(alice: User, model: ModelVersion) -> Analysis:
    """Alice's, of a file that tells everything."""
    return all_drawn(alice, telltale.telltale("JPEG", SMALL), "a.jpg")


@pytest.fixture
def link(analysis: Analysis, alice: User) -> ShareLink:
    """With which others see it."""
    return link_create(analysis=analysis, user=alice, days=7)


def body(answer: Any) -> bytes:
    assert answer.status_code == 200, answer
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_no_picture_that_is_handed_out_tells(
    analysis: Analysis, link: ShareLink, alice: User, as_alice: Client, as_admin: Client
) -> None:
    image = analysis.image.public_id
    explanation = Explanation.objects.get(analysis=analysis)
    site = [f"/images/{image}/{kind}/" for kind in ("thumbnail", "preview")]
    site += [
        reverse("image_view", args=[image, kind])
        for kind in ViewKind.values
        if getattr(analysis.image.views, kind)
    ]
    site += [f"/analyses/{analysis.public_id}/heatmap/"]
    site += [reverse("explanation_heatmap", args=[explanation.public_id])]
    site += [f"/analyses/{analysis.public_id}/report.pdf"]
    shared = [f"/shared/{link.token}/{part}" for part in ("image/", "heatmap/", "report.pdf")]
    programs = [f"/api/v1/analyses/{analysis.public_id}/{p}" for p in ("heatmap/", "report.pdf")]
    staff = [path for path in site if not path.endswith(".pdf")]
    for client, paths in (
        (as_alice, site), (Client(), shared), (program(alice), programs), (as_admin, staff),
    ):  # fmt: skip
        assert telling({path: body(client.get(path)) for path in paths}) == {}


def test_a_picture_of_a_data_set_does_not_tell(admin: User, as_admin: Client) -> None:
    content = telltale.telltale("JPEG", (600, 400))
    item = labelled.item(labelled.dataset(), 1, Label.REAL, content=content)
    for name in ("thumbnail", "picture"):
        path = reverse(f"admin:detection_item_{name}", args=[item.public_id])
        assert found_in(body(as_admin.get(path))) == []


def test_the_original_tells_its_owner_alone(
    analysis: Analysis, as_alice: Client, as_charlie: Client, as_admin: Client, charlie: User
) -> None:
    path = f"/images/{analysis.image.public_id}/original/"
    assert telltale.SERIAL.encode() in body(as_alice.get(path))
    for client in (as_charlie, as_admin):
        assert client.get(path).status_code == 404
    for client in (program(charlie), program(User.objects.get(email="admin@example.org"))):
        there = f"/api/v1/analyses/{analysis.public_id}/image/"
        assert client.get(there).status_code == 404
