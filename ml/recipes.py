"""The published detectors and our own by name: what is trained, how, and what is written of it."""

from dataclasses import dataclass, replace
from typing import Literal

from ml.contract import Domain, Track, TrainingConfig
from ml.errors import ContractError

Format = Literal["keras", "h5"]
CIFAKE_DOMAIN = (
    "32x32 thumbnails such as those of CIFAKE: photographs of ten subjects from CIFAR-10 and "
    "pictures of the same subjects made with Stable Diffusion 1.4."
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that `train` and `export` need besides the data and the folders.

    Attributes:
        name: What `--recipe` takes.
        study: One sentence on where it comes from.
        config: Architecture and training; single flags override its fields.
        validation_share: Of the images given; `None` for `config.validation_images`.
        flip_averaging: Whether answers are averaged over the mirror image; `None` lets the
            validation images decide.
        formats: Whole-model files that `export` writes beside the weights.
        track: Which kind of image the portal asks the model about.
        domain: The images that the model is validated for; `None` for CIFAKE's.
    """

    name: str
    study: str
    config: TrainingConfig
    validation_share: float | None = None
    flip_averaging: bool | None = None
    formats: tuple[Format, ...] = ()
    track: Track = "thumbnail"
    domain: Domain | None = None

    def validation_images(self, count: int) -> int:
        """Return how many of `count` images are held back for validation."""
        if self.validation_share is None:
            return self.config.validation_images
        return round(self.validation_share * count)


# What the studies did not do: no warm-up, no decay, no smoothing, no average of the weights.
PLAIN = TrainingConfig(
    optimiser="adam",
    schedule="constant",
    peak_learning_rate=1e-3,
    warmup_epochs=0.0,
    weight_decay=0.0,
    label_smoothing=0.0,
    ema_momentum=0.0,
    horizontal_flip=False,
    batch_size=32,
)

_RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "bird-lotfi",
            "The best of the 36 networks of Bird & Lotfi 2024 (arXiv 2303.14126).",
            replace(
                PLAIN,
                architecture="topology",
                architecture_options={
                    "conv_layers": 2,
                    "filters": 32,
                    "dense_layers": 1,
                    "dense_units": 64,
                },
                epochs=20,
                batch_size=128,
                # The study tells neither epochs nor which of them counts.
                ema_momentum=0.999,
                keep="best",
            ),
            flip_averaging=False,
        ),
        Recipe(
            "cifake-residual",
            "The residual network that ships.",
            TrainingConfig(
                architecture="residual",
                architecture_options={"widths": (96, 192), "blocks": 3, "stem_stride": 2},
                epochs=22,
                warmup_epochs=0.88,
                optimiser="muon",
                cutmix=0.75,
                degradation=0.35,
                subject_weight=0.5,
                precision="mixed_bfloat16",
            ),
        ),
        Recipe(
            "faces-inception",
            "InceptionResnetV1 at a quarter of its width, on faces that MTCNN found.",
            TrainingConfig(
                architecture="inception_resnet_v1",
                architecture_options={"width": 0.25, "dropout": 0.4},
                epochs=20,
                batch_size=48,
                label_smoothing=0.1,
                ema_momentum=0.99,
                cutmix=0.5,
                rotation=8.0,
                zoom=0.12,
                degradation=0.25,
                keep="best",
                precision="mixed_bfloat16",
            ),
            track="face",
            domain=Domain(
                320,
                320,
                "portraits of 320x320 pixels: photographs from FFHQ and faces made with StyleGAN "
                "and StyleGAN2.",
            ),
        ),
        Recipe(
            "resnet50",
            "ResNet50 from ImageNet's weights, its last 150 layers fine-tuned at 224x224.",
            replace(
                PLAIN,
                architecture="resnet50",
                architecture_options={
                    "resolution": 224,
                    "weights": "imagenet",
                    "trainable_layers": 150,
                    "dropout": 0.5,
                },
                epochs=15,
                peak_learning_rate=1e-4,
                horizontal_flip=True,
                rotation=15.0,
                zoom=0.1,
                keep="best",
                patience=3,
            ),
            validation_share=0.2,
            flip_averaging=False,
            formats=("keras", "h5"),
        ),
        Recipe(
            "three-block",
            "Three convolutions of 32, 64 and 128 filters at 224x224 and a dense layer of 128.",
            replace(
                PLAIN,
                architecture="three_block",
                architecture_options={"resolution": 224},
                epochs=5,
            ),
            validation_share=0.2,
            flip_averaging=False,
            formats=("keras", "h5"),
        ),
    )
}


def names() -> tuple[str, ...]:
    """Return the names of all recipes, sorted."""
    return tuple(sorted(_RECIPES))


def find(name: str) -> Recipe:
    """Return a recipe; `ContractError` with `unknown_recipe` lists those that exist."""
    try:
        return _RECIPES[name]
    except KeyError:
        allowed = ", ".join(names())
        raise ContractError(
            "unknown_recipe", f"The recipe must be one of {allowed}. Received: {name!r}."
        ) from None
