"""In the panel a version is carried to another installation, and images are analysed again."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from detection import tasks
from detection.models import Analysis, ModelVersion
from detection.services.registry import version_promote
from portal.models import User
from tests import sealed, work
from tests.panel import text_of, url

WHY = "For the tests of the pages."


@pytest.fixture
def candidate(model: ModelVersion, tmp_path: Path) -> ModelVersion:
    """Takes red for blue."""
    return sealed.version(tmp_path / "candidate", strength=-3.0)


def test_a_version_leaves_and_comes_back_by_the_panel(
    as_admin: Client, model: ModelVersion, candidate: ModelVersion, settings: Settings
) -> None:
    answer = as_admin.post(url("export", candidate.pk))
    content = answer.getvalue()
    assert answer["Content-Disposition"] == 'attachment; filename="colours-2.veripix.zip"'
    ModelVersion.objects.filter(pk=candidate.pk).delete()
    # An upload may be larger than any image.
    settings.MAX_UPLOAD_BYTES = 1000
    file = SimpleUploadedFile("colours-2.veripix.zip", content)
    answer = as_admin.post(url("import"), {"file": file}, follow=True)
    assert "Registered colours 2." in answer.text
    assert "it was colours 2, registered" in answer.text
    file = SimpleUploadedFile("again.zip", content)
    answer = as_admin.post(url("import"), {"file": file}, follow=True)
    assert "here already, as colours 2" in answer.text
    assert "Choose the file" in as_admin.post(url("import"), follow=True).text


def test_the_form_for_files_is_protected_like_any_other(admin: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin)
    file = SimpleUploadedFile("version.zip", b"nothing")
    assert strict.post(url("import"), {"file": file}).status_code == 403


def test_chosen_analyses_and_all_are_repeated_from_the_list(
    as_admin: Client, alice: User, candidate: ModelVersion
) -> None:
    chosen = [work.analysed(alice) for _ in range(2)]
    changelist = reverse("admin:detection_analysis_changelist")
    form = {"action": "repeat_chosen", "_selected_action": [chosen[0].pk]}
    answer = as_admin.post(changelist, form, follow=True)
    assert "has judged all of these" in answer.text
    version_promote(version=candidate, reason="A trial.", override_reason=WHY)
    work.delivered("background")
    answer = as_admin.post(changelist, form, follow=True)
    assert "1 image is analysed again" in answer.text
    (repeat,) = Analysis.objects.repeats()
    assert work.delivered("background") == [repeat.pk]
    assert "1 image was" in text_of(as_admin, url("repeat_all"))
    answer = as_admin.post(url("repeat_all"), follow=True)
    assert "All of them are analysed again" in answer.text
    (user_id,) = work.delivered("background")
    tasks.repeat_all(user_id)
    assert Analysis.objects.repeats().count() == 2
