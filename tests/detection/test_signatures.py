"""A version answers only as long as row and files are those that were signed."""

import io
import json
import shutil
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from detection.ml_gateway import GatewayError
from detection.models import AuditEvent, ModelVersion, State, Track
from detection.services.registry import version_register
from detection.services.signatures import signature_of, version_verify, versions_sign
from portal.models import User
from tests import images, sealed, work


def refused(version: ModelVersion) -> str:
    with pytest.raises(GatewayError) as caught:
        version_verify(version=ModelVersion.objects.select_related("model").get(pk=version.pk))
    assert caught.value.sentence.endswith(".")
    return caught.value.code


def test_a_registered_version_is_signed_and_passes(model: ModelVersion) -> None:
    assert len(model.signature) == 64
    version_verify(version=model)
    version_verify(version=model)


def test_weights_that_change_after_they_were_loaded_answer_no_longer(
    alice: User, model: ModelVersion
) -> None:
    assert work.analysed(alice).state == State.FINISHED
    (weights,) = model.directory.glob("*.h5")
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    # Another picture each time: what was answered before is not asked anew.
    failed = work.analysed(alice, images.plain(work.BLUE))
    assert (failed.state, failed.error_code) == (State.FAILED, "hash_mismatch")
    assert ModelVersion.objects.champion_of(Track.THUMBNAIL) == model
    weights.write_bytes(content)
    assert work.analysed(alice, images.plain(work.GREY)).state == State.FINISHED


def test_a_spec_that_changes_in_file_and_row_is_noticed(alice: User, model: ModelVersion) -> None:
    path = model.directory / "spec.json"
    spec = json.loads(path.read_text())
    spec["calibration"]["band_low"] = 0.79
    path.write_text(json.dumps(spec))
    assert refused(model) == "wrong_model"
    ModelVersion.objects.filter(pk=model.pk).update(spec=spec)
    assert refused(model) == "bad_signature"
    failed = work.analysed(alice)
    assert (failed.state, failed.error_code) == (State.FAILED, "bad_signature")
    assert (
        failed.error_sentence == "colours 1 is not what was registered: its signature does not fit."
    )


@pytest.mark.parametrize("change", [{"number": 7}, {"weights_sha256": "0" * 64}])
def test_a_changed_row_is_noticed(model: ModelVersion, change: dict[str, object]) -> None:
    ModelVersion.objects.filter(pk=model.pk).update(**change)
    assert refused(model) == "bad_signature"


def test_the_signature_of_another_version_does_not_fit(model: ModelVersion, tmp_path: Path) -> None:
    other = sealed.version(tmp_path / "other", strength=2.0)
    assert other.signature != model.signature
    ModelVersion.objects.filter(pk=other.pk).update(signature=model.signature)
    assert refused(other) == "bad_signature"


def test_versions_from_before_are_signed_once(model: ModelVersion, model_folder: Path) -> None:
    ModelVersion.objects.update(signature="")
    assert refused(model) == "unsigned"
    assert versions_sign() == 1
    model.refresh_from_db()
    assert model.signature == signature_of(model)
    version_verify(version=model)
    assert versions_sign() == 0
    assert AuditEvent.objects.filter(action="versions_sign").count() == 1


def test_a_version_that_lost_its_signature_later_is_not_signed_again(
    model: ModelVersion, tmp_path: Path
) -> None:
    other = sealed.version(tmp_path / "other", strength=2.0)
    ModelVersion.objects.filter(pk=other.pk).update(signature="")
    assert versions_sign() == 0
    assert refused(other) == "unsigned"


def test_what_is_damaged_is_not_signed(model: ModelVersion, model_folder: Path) -> None:
    ModelVersion.objects.update(signature="")
    (weights,) = model.directory.glob("*.h5")
    weights.write_bytes(b"nonsense")
    assert versions_sign() == 0
    assert refused(model) == "unsigned"
    # Brought back from where it was registered from, it is whole again.
    assert version_register(directory=model_folder) == (model, False)
    version_verify(version=ModelVersion.objects.get(pk=model.pk))


def test_another_key_needs_new_signatures(
    model: ModelVersion, settings: Settings, model_folder: Path
) -> None:
    settings.MODEL_SIGNING_KEY = "another key of this installation alone"
    assert refused(model) == "bad_signature"
    shutil.copytree(model_folder, Path(settings.SHIPPED_MODELS) / "colours")
    told = io.StringIO()
    call_command("register_models", "--sign-again", stdout=told)
    assert told.getvalue() == "Signed 1 version.\n"
    model.refresh_from_db()
    version_verify(version=model)
    assert version_register(directory=model_folder) == (model, False)
