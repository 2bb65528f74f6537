"""A fitted version travels as one file, with what it is worth, and answers elsewhere on that."""

import io
from pathlib import Path

import pytest
from django.urls import reverse
from pytest_django import Settings

from detection.models import ModelVersion, Promotion, RegisteredModel, Track
from detection.services.registry import PromotionRefused, version_promote
from detection.services.version_files import version_export, version_import
from portal.models import User
from tests import panel, photos
from tests.fixtures import signed_in


def elsewhere(version: ModelVersion, folder: Path, settings: Settings) -> ModelVersion:
    """The version after it was carried to an installation that knows none."""
    target = io.BytesIO()
    version_export(version=version, target=target)
    RegisteredModel.objects.update(champion=None)
    Promotion.objects.all().delete()
    ModelVersion.objects.all().delete()
    RegisteredModel.objects.all().delete()
    settings.MODELS_ROOT = folder
    settings.SECRET_KEY = "of another installation"
    target.seek(0)
    return version_import(source=target)


def test_it_arrives_with_its_figures_and_answers(
    admin: User, tmp_path: Path, settings: Settings
) -> None:
    here = photos.version(tmp_path / "photo")
    figures = here.spec["photo"]
    there = elsewhere(here, tmp_path / "elsewhere", settings)
    assert there.spec["photo"] == figures
    assert there.model.track == Track.PHOTO
    assert version_promote(version=there, reason="It was fitted to our pictures, over there.")
    page = reverse("admin:detection_modelversion_change", args=[there.pk])
    text = panel.text_of(signed_in(admin), page)
    assert "names the right one in <strong>87.0 %</strong>" in text
    assert "Imported: it was photo 1" in text


@pytest.mark.django_db
def test_what_is_worth_nothing_is_worth_nothing_elsewhere(
    tmp_path: Path, settings: Settings
) -> None:
    worthless = photos.version(tmp_path / "photo", photos.worthless())
    there = elsewhere(worthless, tmp_path / "elsewhere", settings)
    with pytest.raises(PromotionRefused) as caught:
        version_promote(version=there, reason="Now.", override_reason="I want it to answer.")
    assert caught.value.code == "worth_nothing"
