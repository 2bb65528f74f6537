"""Generators that write a plain JSON object: one table says who writes which names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from detection.provenance.generators.record import Record, fields, listed, loras_in
from detection.provenance.reading import Text, shown

Object = Mapping[str, Any]

# Label -> the names that generators give it; the first one that is there counts.
_NAMES: dict[str, tuple[str, ...]] = {
    "Prompt": ("positive_prompt", "prompt", "Prompt", "c"),
    "Negative prompt": ("negative_prompt", "negativeprompt", "Negative Prompt", "uc"),
    "Model": (
        *("model_weights", "model", "base_model", "Base Model", "base_model_name"),
        *("use_stable_diffusion_model", "Stable Diffusion model", "Model"),
    ),
    "Seed": ("seed", "Seed"),
    "Steps": ("steps", "num_inference_steps", "Steps"),
    "Sampler": ("sampler", "sampler_name", "Sampler"),
    "Schedule": ("scheduler", "noise_schedule"),
    "CFG scale": ("cfg_scale", "cfgscale", "guidance_scale", "Guidance Scale", "scale"),
    "Denoising strength": ("strength", "denoising_strength"),
    "Version": ("app_version", "swarm_version", "version"),
}
# Where a model is itself an object, one of these is its name.
_MODEL_NAMES = ("name", "model_name", "key")


@dataclass(frozen=True, slots=True)
class _Writer:
    """A generator, how its object is known, and where in it the notes are."""

    name: str
    is_mine: Callable[[str, Object], bool]
    inside: str = ""


def _has(*names: str) -> Callable[[str, Object], bool]:
    return lambda _key, found: all(name in found for name in names)


def _word(found: Object, name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


_WRITERS = (
    _Writer("SwarmUI", _has("sui_image_params"), "sui_image_params"),
    _Writer("InvokeAI", lambda key, _: key in ("invokeai_metadata", "invokeai")),
    _Writer("InvokeAI", lambda key, _: key == "sd-metadata", "image"),
    _Writer("InvokeAI", _has("generation_mode", "positive_prompt", "app_version")),
    _Writer("Fooocus", lambda _, found: _word(found, "version").startswith("Fooocus")),
    _Writer("Fooocus", lambda _, found: found.get("metadata_scheme") == "fooocus"),
    _Writer("RuinedFooocus", lambda _, found: found.get("software") == "RuinedFooocus"),
    _Writer("NovelAI", _has("uc", "sampler", "scale", "n_samples")),
    _Writer("NovelAI", _has("v4_prompt", "seed")),
    _Writer("NovelAI", _has("request_type", "signed_hash")),
    _Writer("Draw Things", _has("c", "uc", "seed", "steps", "sampler")),
    _Writer("Easy Diffusion", _has("use_stable_diffusion_model")),
    _Writer("Easy Diffusion", _has("Stable Diffusion model", "Seed")),
    # Nobody's in particular, but whole: the record decides whether it is.
    _Writer("An image generator", _has("prompt", "seed", "steps", "sampler")),
    _Writer("An image generator", _has("prompt", "seed", "num_inference_steps")),
)


def read(text: Text, found: Object, *, prompt: str = "") -> Record | None:
    """Return the record that an object is, or None.

    Args:
        text: Where it stands, and under which key.
        found: The object.
        prompt: What the file gives as description beside it: NovelAI keeps the prompt there.
    """
    writer = next((each for each in _WRITERS if each.is_mine(text.key, found)), None)
    if writer is None:
        return None
    inner = found.get(writer.inside) if writer.inside else found
    notes: Object = {**found, **inner} if isinstance(inner, dict) else found
    values: dict[str, object] = {label: _first(notes, names) for label, names in _NAMES.items()}
    values["Model"] = _model(values["Model"])
    values["Prompt"] = _prompt(values["Prompt"]) or prompt
    values["LoRAs"] = _loras(notes) or loras_in(str(values["Prompt"]))
    values["Size"] = _size(notes)
    return Record(writer.name, text.source, fields(values))


def _first(notes: Object, names: tuple[str, ...]) -> object:
    return next((notes[name] for name in names if notes.get(name) not in (None, "")), "")


def _prompt(value: object) -> str:
    """Return a prompt; some are a list of weighted parts."""
    if isinstance(value, list):
        return listed(part.get("prompt", "") if isinstance(part, dict) else part for part in value)
    return value if isinstance(value, str) else ""


def _model(value: object) -> object:
    return _first(value, _MODEL_NAMES) if isinstance(value, dict) else value


def _loras(notes: Object) -> str:
    found = notes.get("loras") or notes.get("lora")
    if not isinstance(found, list):
        return ""
    return listed(_lora(each) for each in found[:20])


def _lora(each: object) -> str:
    """Return name and weight of an additional model, in any of three forms."""
    if isinstance(each, dict):
        model = each.get("model") or each.get("lora") or each.get("file") or each
        return shown(f"{_model(model)} ({each.get('weight', '')})".replace(" ()", ""), 200)
    if isinstance(each, list) and each:
        return shown(" ".join(str(part) for part in each[:2] if isinstance(part, str | float)), 200)
    return shown(each, 200) if isinstance(each, str) else ""


def _size(notes: Object) -> object:
    width, height = notes.get("width"), notes.get("height")
    if isinstance(width, int | str) and isinstance(height, int | str):
        return f"{width} x {height}"
    return _first(notes, ("resolution", "Resolution", "size"))
