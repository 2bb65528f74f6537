"""The registry of networks: a name gives the code that builds one from plain options."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ml.contract import Preprocessing
from ml.errors import ContractError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True)
class Architecture:
    """One entry: where the builder is, the layer to explain, the input it is made for.

    `has_linear_head`: the logit is an affine function of that layer's average over all places, so
    that its gradient is known in closed form. `is_network`: there is a Keras network to build and
    to train; what is not one is fitted by `ml.photo`. `initial_options` choose what the network
    starts from and not what it is: a stored model has its own weights and does without them.
    `jpeg_quality` is that of the training files, as CIFAKE's all have one; `None` where these come
    from many places and are scaled anyway.
    """

    name: str
    module: str
    gradcam_layer: str
    input_size: tuple[int, int]
    has_linear_head: bool = False
    initial_options: tuple[str, ...] = ()
    jpeg_quality: int | None = 75
    is_network: bool = True

    @property
    def form(self) -> Preprocessing:
        """How images are brought to the form that the network is made for."""
        return Preprocessing(*self.input_size, jpeg_quality=self.jpeg_quality)


# Linear heads on features of crops: what models of the photo track are made of.
PHOTO_ENSEMBLE = "photo_ensemble"

_REGISTRY = {
    entry.name: entry
    for entry in (
        Architecture(
            "inception_resnet_v1",
            "ml.architectures.inception_resnet_v1",
            "features",
            (160, 160),
            initial_options=("weights",),
            jpeg_quality=None,
        ),
        Architecture(
            PHOTO_ENSEMBLE,
            "ml.photo.detector",
            "score-map",
            (224, 224),
            jpeg_quality=None,
            is_network=False,
        ),
        Architecture(
            "residual", "ml.architectures.residual", "features", (32, 32), has_linear_head=True
        ),
        Architecture(
            "resnet50",
            "ml.architectures.resnet50",
            "features",
            (32, 32),
            has_linear_head=True,
            initial_options=("weights",),
        ),
        Architecture("three_block", "ml.architectures.three_block", "features", (32, 32)),
        Architecture("tiny", "ml.architectures.tiny", "features", (8, 8), has_linear_head=True),
        Architecture("topology", "ml.architectures.topology", "features", (32, 32)),
    )
}


def names() -> tuple[str, ...]:
    """Return the names of all networks that can be built and trained, sorted."""
    return tuple(sorted(name for name, entry in _REGISTRY.items() if entry.is_network))


def find(name: str) -> Architecture:
    """Return an entry; `ContractError` with `unknown_architecture` lists those that exist."""
    try:
        return _REGISTRY[name]
    except KeyError:
        allowed = ", ".join(names())
        raise ContractError(
            "unknown_architecture",
            f"The architecture must be one of {allowed}. Received: {name!r}.",
        ) from None


def structure(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that a stored model needs: without those for its beginning alone."""
    initial = find(name).initial_options
    return {key: value for key, value in options.items() if key not in initial}


def build(
    name: str,
    options: Mapping[str, Any],
    *,
    input_size: tuple[int, int],
    precision: str = "float32",
) -> "keras.Model":
    """Build a network with fresh weights.

    Args:
        name: One of `names()`.
        options: Keyword arguments of the architecture's own `build`; others are refused.
        input_size: (width, height) in pixels.
        precision: Keras dtype policy of the layers; the last one is always float32.

    Returns:
        A Keras model from uint8-valued float pixels (n, height, width, 3) in [0, 255] to logits
        (n, 1) of FAKE, with a feature map under the entry's `gradcam_layer`.

    Raises:
        ContractError: `unknown_architecture`, `not_a_network` or `invalid_option`.
    """
    entry = find(name)
    if not entry.is_network:
        raise ContractError(
            "not_a_network", f"A model of the kind {name} is fitted by `fit-photo`, not trained."
        )
    module = import_module(entry.module)
    try:
        return module.build(input_size=input_size, precision=precision, **options)
    except TypeError as error:
        raise ContractError(
            "invalid_option", f"The architecture {name} does not take these options: {error}."
        ) from error
