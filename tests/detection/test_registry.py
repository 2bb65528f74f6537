"""Model versions are taken in whole and once; the champion is moved by a person, and back."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from detection.ml_gateway import GatewayError, read_verified_spec
from detection.models import ModelVersion, Promotion, RegisteredModel, Track
from detection.services.registry import version_promote, version_register
from detection.services.shipped import shipped_register
from portal.models import User
from tests import colours

pytestmark = pytest.mark.django_db
# There is no sealed test here that a version could pass.
WHY = "For the tests of the registry."


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    """A copy of the model that a test may change."""
    return Path(shutil.copytree(model_folder, tmp_path / "copy"))


@pytest.fixture
def second(other_model: Callable[[Path], None], tmp_path: Path) -> Path:
    """Other weights under the same name."""
    other_model(tmp_path / "second")
    return tmp_path / "second"


def test_a_model_is_registered_with_its_spec_and_files(folder: Path, settings: Settings) -> None:
    version, is_new = version_register(directory=folder)
    assert is_new
    assert (version.label, version.number) == ("colours 1", 1)
    assert version.model.track == Track.THUMBNAIL
    assert version.band == (0.2, 0.8)
    assert version.domain_sentence == colours.SENTENCE
    assert version.directory == Path(settings.MODELS_ROOT) / "colours" / "1"
    assert read_verified_spec(version.directory) == version.spec
    shutil.rmtree(folder)
    assert read_verified_spec(version.directory) == version.spec


def test_the_same_weights_are_registered_once(folder: Path) -> None:
    version, _ = version_register(directory=folder)
    again, is_new = version_register(directory=folder)
    assert (again, is_new) == (version, False)
    assert ModelVersion.objects.count() == 1


def test_versions_are_numbered(folder: Path, second: Path) -> None:
    numbers = [version_register(directory=path)[0].number for path in (folder, second, folder)]
    assert numbers == [1, 2, 1]


@pytest.mark.parametrize("damage", ["weights", "spec", "folder"])
def test_lost_files_are_brought_back(folder: Path, damage: str) -> None:
    version, _ = version_register(directory=folder)
    (weights,) = version.directory.glob("*.h5")
    if damage == "weights":
        weights.write_bytes(b"nonsense")
    elif damage == "spec":
        spec = version.directory / "spec.json"
        spec.write_text(spec.read_text().replace('"temperature": 1.0', '"temperature": 9.0'))
    else:
        shutil.rmtree(version.directory)
    assert version_register(directory=folder) == (version, False)
    assert read_verified_spec(version.directory) == version.spec
    assert {path.name for path in version.directory.parent.iterdir()} == {"1"}


def test_a_version_from_before_the_graphs_takes_its_graph_over(
    folder: Path, tmp_path: Path
) -> None:
    bare = Path(shutil.copytree(folder, tmp_path / "bare"))
    (bare / "graph.tflite").unlink()
    edit_spec(bare, graph_sha256="")
    version, _ = version_register(directory=bare)
    # As the row was written when specs had no such fields.
    del version.spec["graph_sha256"], version.spec["graph_file"]
    version.save()
    assert version_register(directory=folder) == (version, False)
    version.refresh_from_db()
    assert version.spec == read_verified_spec(folder) == read_verified_spec(version.directory)
    assert (version.directory / "graph.tflite").is_file()


def test_a_tampered_graph_is_brought_back(folder: Path) -> None:
    version, _ = version_register(directory=folder)
    (version.directory / "graph.tflite").write_bytes(b"nonsense")
    assert version_register(directory=folder) == (version, False)
    assert read_verified_spec(version.directory) == version.spec


def edit_spec(folder: Path, **changes: object) -> None:
    path = folder / "spec.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_files_are_not_brought_back_from_a_folder_with_another_spec(folder: Path) -> None:
    version, _ = version_register(directory=folder)
    shutil.rmtree(version.directory)
    spec = folder / "spec.json"
    spec.write_text(spec.read_text().replace('"temperature": 1.0', '"temperature": 9.0'))
    assert version_register(directory=folder) == (version, False)
    assert not version.directory.exists()


def test_a_tampered_folder_is_refused(folder: Path) -> None:
    (weights,) = folder.glob("*.h5")
    weights.write_bytes(weights.read_bytes() + b"\0")
    assert refused(folder) == "hash_mismatch"


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path) == "missing_spec"


@pytest.mark.parametrize("name", ["../outside", "/etc", "Colours", "a b", "", "x" * 65, "a:1"])
def test_a_name_that_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    colours.store(tmp_path / "odd", name=name)
    assert refused(tmp_path / "odd") == "invalid_name"


def test_a_model_keeps_its_track(folder: Path, tmp_path: Path) -> None:
    version_register(directory=folder)
    colours.store(tmp_path / "photo", strength=2.0, track="photo")
    assert refused(tmp_path / "photo", known=1) == "wrong_track"


def refused(folder: Path, *, known: int = 0) -> str:
    with pytest.raises(GatewayError) as caught:
        version_register(directory=folder)
    assert ModelVersion.objects.count() == known
    return caught.value.code


def test_the_champion_moves_and_moves_back(folder: Path, second: Path, admin: User) -> None:
    first = version_register(directory=folder)[0]
    newer = version_register(directory=second)[0]
    assert ModelVersion.objects.champion_of(Track.THUMBNAIL) is None
    for version in (first, newer, first):
        version_promote(version=version, reason="It is better.", user=admin, override_reason=WHY)
        assert ModelVersion.objects.champion_of(Track.THUMBNAIL) == version
    events = [(event.from_version, event.to_version) for event in Promotion.objects.order_by("pk")]
    assert events == [(None, first), (first, newer), (newer, first)]
    assert {event.user for event in Promotion.objects.all()} == {admin}


def test_of_two_models_in_a_track_the_one_promoted_last_answers(
    folder: Path, tmp_path: Path
) -> None:
    colours.store(tmp_path / "rival", strength=2.0, name="rival")
    first = version_register(directory=folder)[0]
    rival = version_register(directory=tmp_path / "rival")[0]
    for version in (first, rival, first):
        promoted = version_promote(version=version, reason="It shall answer.", override_reason=WHY)
        assert promoted is not None
        assert ModelVersion.objects.champion_of(Track.THUMBNAIL) == version


def test_a_champion_is_not_promoted_again(folder: Path) -> None:
    version, _ = version_register(directory=folder)
    assert version_promote(version=version, reason="First.") is not None
    assert version_promote(version=version, reason="Again.") is None
    assert Promotion.objects.count() == 1


def test_a_promotion_outlives_the_person(folder: Path, admin: User) -> None:
    version, _ = version_register(directory=folder)
    version_promote(version=version, reason="Because.", user=admin)
    admin.delete()
    assert Promotion.objects.get().user is None


def test_another_track_has_a_champion_of_its_own(folder: Path) -> None:
    version, _ = version_register(directory=folder)
    version_promote(version=version, reason="First.")
    assert ModelVersion.objects.champion_of(Track.PHOTO) is None


def test_what_ships_answers_first_and_never_takes_over_by_itself(
    model_folder: Path, second: Path, settings: Settings
) -> None:
    shipped = Path(settings.SHIPPED_MODELS)
    shutil.copytree(model_folder, shipped / "colours")
    ((first, is_new),) = shipped_register()
    assert is_new
    assert ModelVersion.objects.champion_of(Track.THUMBNAIL) == first
    assert shipped_register() == [(first, False)]
    shutil.rmtree(shipped / "colours")
    shutil.copytree(second, shipped / "colours")
    ((newer, is_new),) = shipped_register()
    assert (newer.number, is_new) == (2, True)
    assert ModelVersion.objects.champion_of(Track.THUMBNAIL) == first


def test_a_model_that_ships_under_another_name_does_not_take_over(
    model_folder: Path, settings: Settings
) -> None:
    shipped = Path(settings.SHIPPED_MODELS)
    shutil.copytree(model_folder, shipped / "colours")
    ((first, _),) = shipped_register()
    colours.store(shipped / "another", strength=2.0, name="another")
    shipped_register()
    assert RegisteredModel.objects.get(name="another").champion is None
    assert ModelVersion.objects.champion_of(Track.THUMBNAIL) == first


def test_nothing_ships(settings: Settings) -> None:
    assert shipped_register() == []
    assert not RegisteredModel.objects.exists()


def test_a_version_is_found_by_its_label(folder: Path, second: Path) -> None:
    first = version_register(directory=folder)[0]
    newer = version_register(directory=second)[0]
    version_promote(version=newer, reason="First.")
    named = ModelVersion.objects.named
    assert (named("colours"), named("colours:1"), named("colours:2")) == (newer, first, newer)
    for unknown in (
        "colours:3",
        "colours:x",
        "colours:-1",
        "colours:1:1",
        "photo",
        "",
        "colours:9" * 9,
    ):
        with pytest.raises(ModelVersion.DoesNotExist):
            named(unknown)
