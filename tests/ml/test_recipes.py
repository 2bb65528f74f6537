"""A recipe is a whole configuration; its parts can be overridden; it leads from data to model."""

import dataclasses
from pathlib import Path

import pytest

from ml import architectures, checkpoints, recipes
from ml.artifacts import read_spec
from ml.cli import main
from ml.contract import ContractError, TrainingConfig

SMALL = ["--architecture-options", '{"resolution": 22}', "--epochs", "1", "--batch-size", "16"]


def trained(arguments: list[str], archive: Path, out: Path) -> TrainingConfig:
    """Train from the terminal and return the configuration that the run kept."""
    assert main(["train", "--data", str(archive), "--out", str(out), *arguments]) == 0
    return checkpoints.read_required(out)[0].config


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_names_a_network_that_can_be_built(name: str) -> None:
    recipe = recipes.find(name)
    entry = architectures.find(recipe.config.architecture)
    options = architectures.structure(entry.name, recipe.config.architecture_options)
    network = architectures.build(entry.name, options, input_size=entry.input_size)
    assert network.output_shape == (None, 1)
    assert recipe.study.endswith(".")


def test_the_studies_are_what_was_published() -> None:
    study = recipes.find("three-block")
    assert study.config.architecture_options == {"resolution": 224}
    assert (study.config.optimiser, study.config.epochs) == ("adam", 5)
    assert study.validation_images(100_000) == 20_000
    assert study.formats == ("keras", "h5")
    transfer = recipes.find("resnet50").config
    assert transfer.architecture_options["weights"] == "imagenet"
    assert transfer.architecture_options["trainable_layers"] == 150
    assert (transfer.epochs, transfer.keep) == (15, "best")
    assert transfer.patience
    assert transfer.rotation
    assert transfer.zoom
    assert transfer.horizontal_flip


def test_a_recipe_without_a_share_keeps_its_number_of_validation_images() -> None:
    recipe = recipes.find("cifake-residual")
    assert recipe.validation_images(50_000) == recipe.config.validation_images


def test_an_unknown_recipe_is_told() -> None:
    with pytest.raises(ContractError, match=r"one of .*three-block\. Received: 'vgg'"):
        recipes.find("vgg")


def test_from_a_recipe_to_files_that_keras_reads(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, model = tmp_path / "run", tmp_path / "model"
    config = trained(["--recipe", "three-block", *SMALL], archive, run)
    expected = dataclasses.replace(
        recipes.find("three-block").config,
        architecture_options={"resolution": 22},
        epochs=1,
        batch_size=16,
        validation_images=40,  # a fifth of 200
    )
    assert config == expected
    assert "training: 80 REAL (50.0%), 80 FAKE (50.0%)" in capsys.readouterr().err
    export = ["export", "--run", str(run), "--data", str(archive), "--out", str(model)]
    assert main([*export, "--recipe", "three-block"]) == 0
    spec = read_spec(model)
    assert (spec.name, spec.flip_averaging) == ("three-block", False)
    assert {"model.keras", "model.h5"} <= {path.name for path in model.iterdir()}


def test_a_number_of_validation_images_that_is_given_stands(archive: Path, tmp_path: Path) -> None:
    given = ["--recipe", "three-block", "--validation-images", "20", *SMALL]
    assert trained(given, archive, tmp_path).validation_images == 20


def test_another_architecture_takes_no_options_of_the_recipe(archive: Path, tmp_path: Path) -> None:
    given = ["--recipe", "three-block", "--architecture", "tiny", "--epochs", "1"]
    config = trained(given, archive, tmp_path)
    assert (config.architecture_options, config.optimiser) == ({}, "adam")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--recipe", "vgg"], "unknown_recipe"),
        (["--recipe", "three-block", "--least-class-share", "0.6"], "unbalanced_classes"),
        (["--recipe", "three-block", "--weights", "none"], "invalid_option"),
        (["--recipe", "resnet50", "--weights", "absent.h5"], "missing_weights"),
    ],
)
def test_what_cannot_be_cooked_is_told_in_one_sentence(
    arguments: list[str],
    code: str,
    archive: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = tmp_path / "run"
    assert main(["train", "--data", str(archive), "--out", str(run), *arguments]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"{code}: ")
    assert checkpoints.read(run) is None
